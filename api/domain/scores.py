"""Weighted scores: several measures turned into points from 0 to 100 and added by weight.

A score is the mean of its criteria's points, weighted. It is rounded to `DECIMALS`, so that a
threshold on it does not depend on the order in which floating-point numbers are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, column_of, is_missing, money_to_minor
from api.domain.documents import Bilingual, entries, key_of, name_of, require_unique
from api.domain.fields import Field, find_field, shown
from api.errors import InvalidInput

Floats = npt.NDArray[np.float64]
HIGHEST = 100.0
DECIMALS = 6
MOST_CRITERIA = 20
TOTAL = "total"
"""The key of a weighted policy's own score: rules and reasons know it as `score.total`."""
TOTAL_NAME = Bilingual("Total score", "综合得分")


@dataclass(frozen=True)
class Scale:
    """From `worst`, which brings nothing, to `best`, which brings all points, in a line."""

    worst: float
    best: float

    def points(self, values: npt.NDArray[Any]) -> Floats:
        share = (values.astype(np.float64) - self.worst) / (self.best - self.worst)
        points: Floats = np.clip(share, 0.0, 1.0) * HIGHEST
        return points


@dataclass(frozen=True)
class Steps:
    """Points from each of the inclusive thresholds on, highest first; below the last one none."""

    thresholds: tuple[float, ...]
    worth: tuple[float, ...]

    def points(self, values: npt.NDArray[Any]) -> Floats:
        ascending = np.array(self.thresholds[::-1], dtype=np.float64)
        worth = np.array((0.0, *self.worth[::-1]))
        points: Floats = worth[np.searchsorted(ascending, values.astype(np.float64), "right")]
        return points


@dataclass(frozen=True)
class Values:
    """Points by the value of a choice; values that are not listed bring none."""

    worth: Mapping[Any, float]

    def points(self, values: npt.NDArray[Any]) -> Floats:
        points: Floats = np.zeros(len(values))
        for value, worth in self.worth.items():
            points[values == value] = worth
        return points

    def __hash__(self) -> int:
        return hash(tuple(self.worth.items()))


@dataclass(frozen=True)
class Criterion:
    key: str
    name: Bilingual
    field: Field
    weight: float
    """Of 1."""
    points: Scale | Steps | Values
    missing: float | Literal["ignore"]
    """Points where the measure is unknown; `ignore` leaves its weight to the other criteria."""


@dataclass(frozen=True)
class Score:
    key: str
    name: Bilingual
    criteria: tuple[Criterion, ...]

    def of(self, columns: Columns) -> Floats:
        """The score of each customer, 0 to 100; NaN where every criterion is to be ignored."""
        score: Floats = np.round(sum(self.contributions(columns).values()), DECIMALS)
        return score

    def contributions(self, columns: Columns) -> dict[str, Floats]:
        """By criterion, the part of the score that it brings."""
        most = self.most_points(columns)
        parts = {}
        for each in self.criteria:
            column = column_of(each.field.name, columns)
            instead = 0.0 if each.missing == "ignore" else each.missing
            points = np.where(is_missing(column), instead, each.points.points(column))
            parts[each.key] = points / HIGHEST * most[each.key]
        return parts

    def most_points(self, columns: Columns) -> dict[str, Floats]:
        """By criterion, the most it can bring: its weight of those that count for the customer."""
        weights = {}
        for each in self.criteria:
            ignored = is_missing(column_of(each.field.name, columns)) & (each.missing == "ignore")
            weights[each.key] = np.where(ignored, 0.0, each.weight)
        whole = sum(weights.values())
        with np.errstate(invalid="ignore"):
            return {key: weight / whole * HIGHEST for key, weight in weights.items()}


def parse_score(
    parts: Mapping[str, Any], fields: Mapping[str, Field], exponent: int, path: str
) -> Score:
    """Read `{key, name, criteria: [...]}`; thresholds on money are in major units.

    Raises:
        InvalidInput: names the path and the way out, such as weights that do not sum to 1.
    """
    return Score(
        key_of(parts, path),
        name_of(parts, path),
        parse_criteria(parts["criteria"], fields, exponent, f"{path}.criteria"),
    )


def parse_scores(
    content: object, fields: Mapping[str, Field], exponent: int, path: str = "scores"
) -> tuple[Score, ...]:
    """Read a list of scores; a score may not read another one."""
    if not isinstance(content, list):
        raise InvalidInput(f"{path}: takes a list of scores.")
    parsed = []
    for place, each in enumerate(content):
        inner = f"{path}[{place}]"
        parts = entries(each, inner, ("key", "name", "criteria"))
        parsed.append(parse_score(parts, fields, exponent, inner))
    require_unique([each.key for each in parsed], path)
    return tuple(parsed)


def parse_criteria(
    content: object, fields: Mapping[str, Field], exponent: int, path: str
) -> tuple[Criterion, ...]:
    """Read the criteria of one score; their weights must sum to exactly 1."""
    if not isinstance(content, list) or not 1 <= len(content) <= MOST_CRITERIA:
        raise InvalidInput(f"{path}: takes a list of 1 to {MOST_CRITERIA} criteria.")
    criteria = [
        _criterion(each, fields, exponent, f"{path}[{place}]") for place, each in enumerate(content)
    ]
    require_unique([each.key for each in criteria], path)
    # The shortest text of a float is what its author wrote: 0.1 is meant as exactly 0.1.
    whole = sum((Fraction(repr(each.weight)) for each in criteria), Fraction(0))
    if whole != 1:
        raise InvalidInput(
            f"{path}: the weights sum to {float(whole):g}, not to 1; change one by "
            f"{float(1 - whole):+g}."
        )
    return tuple(criteria)


def score_fields(scores: Sequence[Score]) -> dict[str, Field]:
    """The fields that scores add for rules: `score.KEY`."""
    return {f"score.{each.key}": score_field(each.key, each.name) for each in scores}


def score_field(key: str, name: Bilingual) -> Field:
    return Field(
        f"score.{key}",
        "number",
        name.en,
        name.zh,
        "scores",
        key,
        unit="score",
        lowest=0,
        highest=100,
    )


def _criterion(content: object, fields: Mapping[str, Field], exponent: int, path: str) -> Criterion:
    parts = entries(
        content, path, ("key", "name", "field", "weight"), ("scale", "steps", "values", "missing")
    )
    field = find_field(parts["field"], fields, f"{path}.field")
    return Criterion(
        key_of(parts, path),
        name_of(parts, path),
        field,
        _number(parts["weight"], f"{path}.weight", lowest=0.0, highest=1.0),
        _points(parts, field, exponent, path),
        _missing(parts.get("missing", 0), f"{path}.missing"),
    )


def _points(
    parts: Mapping[str, Any], field: Field, exponent: int, path: str
) -> Scale | Steps | Values:
    if field.many or field.type == "date":
        raise InvalidInput(f"{path}.field: {field.name} can't be turned into points.")
    ways = [name for name in ("scale", "steps", "values") if name in parts]
    if len(ways) != 1:
        raise InvalidInput(f"{path}: needs one of scale, steps and values, not {len(ways)}.")
    way = ways[0]
    numeric = field.type in ("number", "money")
    if (way == "values") == numeric:
        meant = "scale or steps" if numeric else "values"
        raise InvalidInput(f"{path}.{way}: {field.name} takes {meant}.")
    inner = f"{path}.{way}"
    if way == "scale":
        ends = entries(parts[way], inner, ("worst", "best"))
        worst = _amount(ends["worst"], field, exponent, f"{inner}.worst")
        best = _amount(ends["best"], field, exponent, f"{inner}.best")
        if worst == best:
            raise InvalidInput(f"{inner}: worst and best are the same.")
        return Scale(worst, best)
    return (
        _steps(parts[way], field, exponent, inner)
        if way == "steps"
        else _values(parts[way], field, inner)
    )


def _steps(content: object, field: Field, exponent: int, path: str) -> Steps:
    if not isinstance(content, list) or not content:
        raise InvalidInput(f"{path}: takes a list of steps, highest threshold first.")
    thresholds: list[float] = []
    worth: list[float] = []
    for place, each in enumerate(content):
        inner = f"{path}[{place}]"
        parts = entries(each, inner, ("at_least", "points"))
        threshold = _amount(parts["at_least"], field, exponent, f"{inner}.at_least")
        if thresholds and threshold >= thresholds[-1]:
            raise InvalidInput(
                f"{inner}.at_least: thresholds stand from highest to lowest, so this is below "
                f"the one before, not {shown(parts['at_least'])}."
            )
        thresholds.append(threshold)
        worth.append(_number(parts["points"], f"{inner}.points", lowest=0.0, highest=HIGHEST))
    return Steps(tuple(thresholds), tuple(worth))


def _values(content: object, field: Field, path: str) -> Values:
    if not isinstance(content, Mapping) or not content:
        raise InvalidInput(f"{path}: takes points by value, such as {{A: 100, B: 60}}.")
    known = [each.value for each in field.choices]
    for value in content:
        if known and value not in known:
            raise InvalidInput(
                f"{path}: {field.name} is never {shown(value)} (known: {', '.join(known)})."
            )
    return Values(
        {
            value: _number(points, f"{path}.{value}", lowest=0.0, highest=HIGHEST)
            for value, points in content.items()
        }
    )


def _missing(content: object, path: str) -> float | Literal["ignore"]:
    if content == "ignore":
        return "ignore"
    return _number(content, path, lowest=0.0, highest=HIGHEST)


def _amount(value: object, field: Field, exponent: int, path: str) -> float:
    if field.type == "money":
        return float(money_to_minor(value, exponent, path))
    return _number(value, path)


def _number(value: object, path: str, *, lowest: float = -1e15, highest: float = 1e15) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{path}: takes a number, not {shown(value)}.")
    if not lowest <= value <= highest:
        raise InvalidInput(f"{path}: is between {lowest:g} and {highest:g}, not {value:g}.")
    return float(value)
