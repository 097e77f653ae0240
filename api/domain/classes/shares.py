"""ABC: the few customers who together bring most of a measure, and the many who bring the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from api.domain.classes.bands import bound_pieces, codes_by_bounds
from api.domain.classes.definitions import Assigned, Circumstances, Codes, Cutoffs
from api.domain.conditions import Columns, column_of
from api.domain.fields import Field
from api.domain.reasons import Piece, reason
from api.domain.shares import cumulative_cuts


@dataclass(frozen=True)
class CumulativeShare:
    """A: the customers who together bring the first 80 %; B: those up to 95 %; C: all others.

    Whoever begins below a share belongs to it, so the largest customer is always in the first
    class, and equal customers share theirs. Who brings nothing or less is in the last.
    """

    measure: Field
    shares: tuple[tuple[str, Fraction], ...]
    """By value but the last, what these and all better ones bring together."""
    exponent: int

    @property
    def reads(self) -> Mapping[str, Field]:
        return {self.measure.name: self.measure}

    @property
    def needs(self) -> Mapping[str, Field]:
        return self.reads

    def draw(self, columns: Columns, _circumstances: Circumstances) -> dict[str, Any]:
        """By value the least that belongs to it; none where nobody does."""
        values = column_of(self.measure.name, columns)
        cuts = cumulative_cuts(values, [share for _, share in self.shares])
        return {key: cut for (key, _), cut in zip(self.shares, cuts, strict=True)}

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned:
        values = column_of(self.measure.name, columns)
        return Assigned(codes_by_bounds(values, self._bounds(cutoffs)))

    def evidence(self, columns: Columns, cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        del columns
        bounds = self._bounds(cutoffs)
        pieces = bound_pieces(self.measure, self.exponent, bounds, codes)
        for place, (_, share) in enumerate(self.shares):
            pieces.append(reason(codes == place, "class.share", rate=float(share)))
        return pieces

    def _bounds(self, cutoffs: Cutoffs) -> list[float | None]:
        return [cutoffs[key] for key, _ in self.shares]
