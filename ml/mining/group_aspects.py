"""The aspects in which customers are alike or not, and the words a group is named with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ml.features import Language
from ml.mining.group_sql import MONTHS
from ml.sample import Floats

Monthly = Mapping[str, Floats]
Words = tuple[tuple[str, bool], ...]
"""Aspects by their key, and whether a group has much of each (or little)."""
KEPT = 0.25
"""A word stays while its aspect deviates by at least so much in the same direction."""


@dataclass(frozen=True)
class Aspect:
    """A number from monthly statistics, and names for having much or little of it.

    `least` is the difference that starts to matter: customers who differ by less are alike.
    """

    key: str
    least: float
    value: Callable[[Monthly], Floats]
    high_en: str
    low_en: str
    high_zh: str
    low_zh: str

    def word(self, high: bool, language: Language) -> str:
        if language == "en":
            return self.high_en if high else self.low_en
        return self.high_zh if high else self.low_zh


def _unevenness(m: Monthly) -> Floats:
    """Standard deviation of a month's purchases over their mean."""
    square = m["order_squares"] * m["months"] / np.maximum(m["orders"], 1.0) ** 2
    return np.asarray(np.sqrt(np.maximum(square - 1.0, 0.0)), np.float64)


def _trend(m: Monthly) -> Floats:
    """Log of the last three months' pace over that of all; 0 for who came since then."""
    pace = (m["recent_orders"] + 1.0) / (np.minimum(m["months"], 3.0) + 1.0)
    return np.asarray(np.log(pace * (m["months"] + 1.0) / (m["orders"] + 1.0)), np.float64)


ASPECTS = (
    Aspect("frequency", 0.2, lambda m: np.log1p(m["orders"] / m["months"]),
           "frequent", "rare", "购买频繁", "购买稀少"),
    Aspect("basket", 0.2, lambda m: np.log1p(m["spend"] / np.maximum(m["orders"], 1.0)),
           "large baskets", "small baskets", "单次金额高", "单次金额低"),
    Aspect("variety", 0.2,
           lambda m: np.log1p(m["departments"] / np.maximum(m["active_months"], 1.0)),
           "many departments", "few departments", "涉及部门多", "涉及部门少"),
    Aspect("unevenness", 0.3, _unevenness, "irregular", "regular", "购买不规律", "购买规律"),
    Aspect("trend", 0.5, _trend, "speeding up", "slowing down", "购买加快", "购买放缓"),
    Aspect("discount", 0.05, lambda m: m["discount"] / np.maximum(m["discount"] + m["spend"], 1.0),
           "discount seekers", "full price", "偏好折扣", "少用折扣"),
    Aspect("returns", 0.3, lambda m: np.log1p(100.0 * m["back"] / np.maximum(m["lines"], 1.0)),
           "many returns", "few returns", "退货较多", "退货较少"),
    Aspect("contact", 0.2, lambda m: np.log1p(m["contacts"] / m["months"]),
           "much contact", "little contact", "联系频繁", "联系较少"),
    Aspect("months", 0.2, lambda m: m["months"] / MONTHS,
           "long-standing", "new", "老客户", "新客户"),
)  # fmt: skip
BY_KEY = {aspect.key: aspect for aspect in ASPECTS}


def aspects_of(table: pa.Table) -> Floats:
    """Customers times ASPECTS, from the rows of `ml.mining.group_sql.MONTHS_SQL`."""
    monthly = {name: table[name].to_numpy().astype(np.float64) for name in table.column_names}
    return np.column_stack([aspect.value(monthly) for aspect in ASPECTS])


def words_of(deviations: Sequence[Mapping[str, float]], before: Sequence[Words]) -> list[Words]:
    """What to call groups with these deviations: two words, or as many as it takes to differ.

    The words of `before` stay while they still hold, so that a name doesn't flicker.
    """
    chosen = [_kept(words, deviation) for words, deviation in zip(before, deviations, strict=True)]
    for place, deviation in enumerate(deviations):
        strongest = [key for _, key in sorted((-abs(each), key) for key, each in deviation.items())]
        words = chosen[place]
        for count in range(2, len(strongest) + 1):
            others = [set(other) for at, other in enumerate(chosen) if at != place]
            if words and set(words) not in others:
                break
            words = tuple((key, deviation[key] > 0) for key in strongest[:count])
        chosen[place] = words
    return chosen


def _kept(words: Words, deviation: Mapping[str, float]) -> Words:
    holds = all((deviation[key] > 0) is high and abs(deviation[key]) >= KEPT for key, high in words)
    return words if holds else ()


def name_of(words: Words, language: Language) -> str:
    spoken = [BY_KEY[key].word(high, language) for key, high in words]
    return ", ".join(spoken).capitalize() if language == "en" else "、".join(spoken)
