"""How far a customer is from a rule, or from losing it, as a share of what it asks for.

One number for all thresholds: a value of 90 where 100 is needed is a tenth away, whatever is
counted. What has no such measure (a choice, a value that is not known) is infinitely far.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Condition, column_of
from api.domain.rules import AllOf, Masks, Not, Rule

Floats = npt.NDArray[np.float64]
_UNITLESS = 1.0
"""What a distance to a threshold of zero is a share of: it has no size of its own."""


def shortfall(rule: Rule, masks: Masks, holds: bool = True) -> Floats:
    """How far each customer is from a rule that does (or does not) hold; 0 where it is so.

    Of what is all needed the farthest counts, of alternatives the nearest.
    """
    if isinstance(rule, Condition):
        there = masks.of(rule) == holds
        return np.where(there, 0.0, _distance(rule, masks))
    if isinstance(rule, Not):
        return shortfall(rule.part, masks, not holds)
    all_needed = isinstance(rule, AllOf) == holds
    far = np.full(masks.size, 0.0 if all_needed else np.inf)
    for part in rule.parts:
        ours = shortfall(part, masks, holds)
        far = np.maximum(far, ours) if all_needed else np.minimum(far, ours)
    return far


def slack(rule: Rule, masks: Masks) -> Floats:
    """How far each customer is from losing a rule that holds; 0 where it does not hold."""
    return shortfall(rule, masks, holds=False)


def _distance(condition: Condition, masks: Masks) -> Floats:
    """From the value to the threshold, as a share of the threshold; a day counts as one unit."""
    value = condition.value
    column = column_of(condition.field.name, masks.columns) if not condition.field.many else None
    measurable = condition.op not in ("ne", "in", "contains", "is_null")
    if column is None or not measurable or isinstance(value, str | bool | tuple):
        return np.full(masks.size, np.inf)
    if isinstance(value, dt.date):
        days = (column - np.datetime64(value, "D")) / np.timedelta64(1, "D")
        return _known(np.abs(days))
    if column.dtype.kind == "O":
        return np.full(masks.size, np.inf)
    away = np.abs(column.astype(np.float64) - float(value))
    return _known(away / (abs(float(value)) or _UNITLESS))


def _known(distances: Floats) -> Floats:
    return np.where(np.isnan(distances), np.inf, distances)
