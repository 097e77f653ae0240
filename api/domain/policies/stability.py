"""What keeps tiers from flapping: bands around thresholds, a minimum stay, grace, fixed days."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from api.domain.conditions import Condition
from api.domain.documents import entries
from api.domain.fields import nearest, shown
from api.domain.rules import AllOf, AnyOf, Not, Rule
from api.errors import InvalidInput

Evaluate = Literal["daily", "monthly", "anniversary"]
Downgrade = Literal["to_measure", "one_level"]
Upgrades = Literal["at_evaluation", "at_once"]
LONGEST_GRACE_MONTHS = 60
LONGEST_STAY_DAYS = 3650
OPTIONS = (
    "enter_margin",
    "exit_margin",
    "minimum_stay_days",
    "grace_months",
    "settle_months",
    "downgrade",
    "evaluate",
    "upgrades",
)


@dataclass(frozen=True)
class Stability:
    enter_margin: float = 0.0
    """By which share of a threshold a customer must exceed it to move up."""
    exit_margin: float = 0.0
    """By which share of a threshold a customer may miss it and keep the tier."""
    minimum_stay_days: int = 0
    """A tier is not lost before that many days in it."""
    grace_months: int = 0
    """How many calendar months a tier outlasts its conditions, in a state of watch."""
    settle_months: int | None = None
    """After how many months in which the measures have not given the tier they are followed, even
    within the margins; None: margins hold for ever."""
    downgrade: Downgrade = "to_measure"
    evaluate: Evaluate = "daily"
    """Whether tiers change at any refresh, the first of each month, or on the day of the year on
    which the customer came to the tier."""
    upgrades: Upgrades = "at_evaluation"

    def bands(self, rule: Rule) -> tuple[Rule, Rule]:
        """Who keeps a tier and who moves up to it, by the rule of who gets it."""
        return moved(rule, self.exit_margin), moved(rule, -self.enter_margin)


def moved(rule: Rule, margin: float) -> Rule:
    """The rule with each threshold moved by a share of itself, out so that more customers pass.

    A negative margin moves them in. Whole numbers stay whole; days and choices have no margin.
    """
    if isinstance(rule, Condition):
        return _moved_condition(rule, margin)
    if isinstance(rule, Not):
        return Not(moved(rule.part, -margin))
    parts = tuple(moved(part, margin) for part in rule.parts)
    return AllOf(parts) if isinstance(rule, AllOf) else AnyOf(parts)


def _moved_condition(condition: Condition, margin: float) -> Condition:
    value = condition.value
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if not margin or not numeric or condition.op not in ("gt", "gte", "lt", "lte"):
        return condition
    number = cast("int | float", value)
    upwards = condition.op in ("lt", "lte")
    threshold = number + (margin if upwards else -margin) * abs(number)
    if condition.field.whole:
        threshold = math.floor(threshold) if upwards else math.ceil(threshold)
    return replace(condition, value=threshold)


def parse_stability(content: object, path: str = "stability") -> Stability:
    """Read the options; all of them may be left out.

    Raises:
        InvalidInput: names the path and what would do.
    """
    parts = entries(content, path, (), OPTIONS)
    settle = _whole(parts, "settle_months", path, LONGEST_GRACE_MONTHS)
    if "settle_months" in parts and settle < parts.get("grace_months", 0):
        raise InvalidInput(
            f"{path}.settle_months: is at least grace_months, within which nothing is followed."
        )
    return Stability(
        _margin(parts, "enter_margin", path),
        _margin(parts, "exit_margin", path),
        _whole(parts, "minimum_stay_days", path, LONGEST_STAY_DAYS),
        _whole(parts, "grace_months", path, LONGEST_GRACE_MONTHS),
        settle if "settle_months" in parts else None,
        cast(Downgrade, _word(parts, "downgrade", get_args(Downgrade), path)),
        cast(Evaluate, _word(parts, "evaluate", get_args(Evaluate), path)),
        cast(Upgrades, _word(parts, "upgrades", get_args(Upgrades), path)),
    )


def grace_of(parts: Mapping[str, Any], path: str) -> int | None:
    """A tier's own grace, if it has one."""
    if "grace_months" not in parts:
        return None
    return _whole(parts, "grace_months", path, LONGEST_GRACE_MONTHS)


def _margin(parts: Mapping[str, Any], name: str, path: str) -> float:
    value = parts.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise InvalidInput(
            f"{path}.{name}: takes a share of the threshold from 0 to below 1, not {shown(value)}."
        )
    return float(value)


def _whole(parts: Mapping[str, Any], name: str, path: str, most: int) -> int:
    value = parts.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise InvalidInput(f"{path}.{name}: takes a whole number up to {most}, not {shown(value)}.")
    return value


def _word(parts: Mapping[str, Any], name: str, known: tuple[str, ...], path: str) -> str:
    value = parts.get(name, known[0])
    if value not in known:
        raise InvalidInput(f"{path}.{name}: {shown(value)} is unknown{nearest(value, known)}.")
    return cast(str, value)
