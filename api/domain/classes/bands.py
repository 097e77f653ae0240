"""A measure cut into named bands: by fixed thresholds, by quantiles or by natural breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from api.domain.classes.breaks import middle_ranks, natural_breaks
from api.domain.classes.definitions import Assigned, Circumstances, Codes, Column, Cutoffs
from api.domain.conditions import Columns, Condition, column_of
from api.domain.fields import Field
from api.domain.reasons import Evidence, Piece, condition_reason

Bound = float | None
Method = Literal["thresholds", "quantiles", "jenks"]


@dataclass(frozen=True)
class Bands:
    """Values from the band with the highest measure down; the last one has no lower bound.

    Bounds are inclusive. With quantiles, a value belongs to the first band whose share it begins
    within, counted from the top to the middle of those who tie; nobody is parted from an equal.
    """

    measure: Field
    method: Method
    values: tuple[str, ...]
    bounds: tuple[float, ...]
    """Thresholds in minor units, or shares from the top; empty with natural breaks."""
    exponent: int

    @property
    def reads(self) -> Mapping[str, Field]:
        return {self.measure.name: self.measure}

    @property
    def needs(self) -> Mapping[str, Field]:
        return self.reads

    def draw(self, columns: Columns, _circumstances: Circumstances) -> dict[str, Any]:
        """By value but the last the least that belongs to it; none where nobody does."""
        values = column_of(self.measure.name, columns)
        drawn: list[Any]
        if self.method == "thresholds":
            drawn = list(self.bounds)
        elif self.method == "quantiles":
            distinct, ranks = middle_ranks(values)
            inside = [distinct[ranks >= 1 - share] for share in self.bounds]
            drawn = [each[0].item() if len(each) else None for each in inside]
        else:
            breaks = natural_breaks(values, len(self.values)).tolist()[::-1]
            # Where there are fewer different values than bands, the best ones stay empty.
            drawn = [*[None] * (len(self.values) - 1 - len(breaks)), *breaks]
        return dict(zip(self.values, drawn, strict=False))

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned:
        values = column_of(self.measure.name, columns)
        return Assigned(codes_by_bounds(values, self._bounds(cutoffs)))

    def evidence(self, columns: Columns, cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        del columns
        return bound_pieces(self.measure, self.exponent, self._bounds(cutoffs), codes)

    def _bounds(self, cutoffs: Cutoffs) -> list[Bound]:
        return [cutoffs[key] for key in self.values[:-1]]


def codes_by_bounds(values: Column, bounds: Sequence[Bound]) -> Codes:
    """The place of the first bound that a value reaches; after the last one where it reaches none.

    Bounds descend; a bound that is missing is reached by nobody.
    """
    present = [(place, bound) for place, bound in enumerate(bounds) if bound is not None]
    ascending = np.array([bound for _, bound in present[::-1]], dtype=np.float64)
    places = np.array([len(bounds), *(place for place, _ in present[::-1])], dtype=np.int8)
    return places[np.searchsorted(ascending, values, "right")]


def bound_pieces(
    measure: Field, exponent: int, bounds: Sequence[Bound], codes: Codes
) -> list[Piece]:
    """Reasons by the bounds on both sides of a band."""
    pieces = []
    for place in range(len(bounds) + 1):
        where = codes == place
        lower = bounds[place] if place < len(bounds) else None
        upper = next((each for each in reversed(bounds[:place]) if each is not None), None)
        for bound, holds in ((lower, True), (upper, False)):
            if bound is not None and where.any():
                condition = Condition(measure, "gte", bound, exponent)
                evidence = Evidence(condition, holds, where)
                pieces.append(condition_reason("class.condition_met", evidence))
    return pieces
