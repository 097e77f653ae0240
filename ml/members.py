"""What a prediction is blended from: boosters that know much or little, and the rhythm itself.

Each member answers in margins (log-odds of churn, or log of value). A booster either starts from
nothing or corrects the rhythm, and knows either every feature or the few `CORE` ones, whose
meaning does not depend on how long the history is: those still hold where a business has changed,
or where a horizon has to be stretched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xgboost as xgb

from ml.booster import (
    Fold,
    Rows,
    Shape,
    Task,
    boost,
    contributions,
    from_bytes,
    gather,
    margins,
    tune,
)
from ml.contracts import DAY
from ml.curves import Curves
from ml.sample import Floats, Sample

CORE = (
    "rhythm_absence",
    "rhythm_orders",
    "rhythm_value",
    "rhythm_basket",
    "net_spend",
    "mean_basket_value",
    "largest_basket_value",
    "purchase_days",
    "recency_share",
    "gap_cv",
    "recency_over_mean_gap",
    "recency_over_longest_gap",
)
HORIZON = "horizon_days"
DEPTHS = (2, 3, 4)
CORE_DEPTHS = (3,)
TUNED_ROWS = 40_000
FITTED_ROWS = 150_000
"""Above so many rows, some customers teach for all."""
HALF_LIFE_DAYS = 365.0
"""An origin so much older than the latest teaches half as much."""


@dataclass(frozen=True)
class Spec:
    """A booster to be grown."""

    name: str
    core: bool
    on_rhythm: bool

    def codes(self, sample: Sample) -> tuple[str, ...]:
        return tuple(code for code in CORE if code in sample.codes) if self.core else sample.codes


TREES = Spec("trees", core=False, on_rhythm=False)
CORE_TREES = Spec("core", core=True, on_rhythm=False)
Base = Callable[[Spec, Sample], Floats]
"""The margins that a booster starts from."""


@dataclass(frozen=True)
class Grove:
    """A grown booster: its place among a model's trees."""

    spec: Spec
    first: int
    last: int
    shape: Shape


@dataclass(frozen=True)
class Members:
    """All members of one model; `codes` are the columns of the booster."""

    booster: xgb.Booster
    codes: tuple[str, ...]
    groves: tuple[Grove, ...]
    curves: Curves | None

    @property
    def names(self) -> tuple[str, ...]:
        drawn = ("curves",) if self.curves else ()
        return (*(grove.spec.name for grove in self.groves), *drawn, "rhythm")

    def margins(self, sample: Sample, base: Base, rhythm: Floats) -> Floats:
        """A column per member, in the order of `names`."""
        matrix = sample.matrix(self.codes)
        columns = [
            base(grove.spec, sample) + margins(self.booster, matrix, grove.first, grove.last)
            for grove in self.groves
        ]
        columns += [self.curves.margins(sample)] if self.curves else []
        return np.column_stack([*columns, rhythm])

    def effects(self, sample: Sample) -> list[Floats]:
        """A table per member, a column for each of `codes`: what each feature adds to the margin,
        but for the rhythm that some start from."""
        matrix = sample.matrix(self.codes)
        tables = [
            contributions(self.booster, matrix, grove.first, grove.last)[:, :-1]
            for grove in self.groves
        ]
        if self.curves:
            drawn = np.zeros(matrix.shape)
            for name, effect in self.curves.effects(sample).items():
                drawn[:, self.codes.index(name)] = effect
            tables.append(drawn)
        # How far ahead one looks is no property of a customer.
        for table in tables:
            table[:, self.codes.index(HORIZON)] = 0.0
        return [*tables, np.zeros((len(sample), len(self.codes)))]

    def rhythmic(self) -> tuple[bool, ...]:
        """Which members start from the rhythm."""
        drawn = (False,) if self.curves else ()
        return (*(grove.spec.on_rhythm for grove in self.groves), *drawn, True)

    def to_document(self) -> dict[str, Any]:
        groves = [
            {**vars(grove), "spec": vars(grove.spec), "shape": list(grove.shape)}
            for grove in self.groves
        ]
        return {
            "codes": list(self.codes),
            "groves": groves,
            "curves": self.curves.to_document() if self.curves else None,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any], trees: bytes, threads: int) -> Self:
        groves = (
            Grove(Spec(**each["spec"]), each["first"], each["last"], Shape(*each["shape"]))
            for each in document["groves"]
        )
        return cls(
            from_bytes(trees, threads),
            tuple(document["codes"]),
            tuple(groves),
            Curves.from_document(document["curves"]) if document["curves"] else None,
        )


def folds(sample: Sample, *, most: int = 2) -> list[Fold]:
    """The latest origins judged by what had closed before them; else customers in two halves."""
    closes = sample.cutoff + (sample.column(HORIZON) * DAY).astype(np.int64)
    found: list[Fold] = []
    for origin in np.unique(sample.cutoff)[::-1]:
        known = closes <= origin
        if known.any() and len(found) < most:
            found.append((known, sample.cutoff == origin))
    if found:
        return found
    half = _draw(sample) < 0.5
    return [(half, ~half), (~half, half)]


def choose_shapes(
    task: Task, specs: Sequence[Spec], sample: Sample, target: Floats, base: Base
) -> dict[str, Shape]:
    """Depth and rounds of each booster, judged on folds that time has closed."""
    few = _draw(sample) < TUNED_ROWS / max(len(sample), 1)
    part, wanted = sample.where(few), target[few]
    parts = folds(part)
    return {
        spec.name: tune(
            task, rows_of(spec, part, wanted, base), parts, CORE_DEPTHS if spec.core else DEPTHS
        )
        for spec in specs
    }


def grow(
    task: Task,
    specs: Sequence[Spec],
    shapes: Mapping[str, Shape],
    sample: Sample,
    target: Floats,
    base: Base,
    curves: Curves | None,
) -> Members:
    """Every member on all rows, or on those of some customers where there are very many."""
    few = _draw(sample) < FITTED_ROWS / max(len(sample), 1)
    part, wanted = sample.where(few), target[few]
    with ThreadPoolExecutor(task.threads) as pool:
        boosters = pool.map(
            lambda spec: boost(task, rows_of(spec, part, wanted, base), shapes[spec.name]), specs
        )
        grown = [(spec.codes(part), each) for spec, each in zip(specs, boosters, strict=True)]
    groves, first = [], 0
    for spec in specs:
        shape = shapes[spec.name]
        groves.append(Grove(spec, first, first + shape.rounds, shape))
        first += shape.rounds
    return Members(gather(grown, sample.codes), sample.codes, tuple(groves), curves)


def rows_of(spec: Spec, sample: Sample, target: Floats, base: Base) -> Rows:
    codes = spec.codes(sample)
    return Rows(codes, sample.matrix(codes), target, base(spec, sample), faded(sample))


def faded(sample: Sample) -> Floats:
    """The weight of each row: less for older origins."""
    age_days = (sample.cutoff.max() - sample.cutoff) / DAY if len(sample) else np.zeros(0)
    return np.asarray(0.5 ** (age_days / HALF_LIFE_DAYS), np.float64)


def _draw(sample: Sample) -> Floats:
    """A number from 0 to 1 for each customer, the same at every origin."""
    mixed = sample.customer_id.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2.0**53, np.float64)
