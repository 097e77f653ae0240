"""Tiers by share: the best 5 % of customers, or those who together bring 80 % of a measure.

The cut-offs are drawn from the customers who are decided for, are values that some customer has,
and belong to the better tier, so that equal customers get equal tiers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Condition, Mask, column_of, is_missing
from api.domain.fields import Field
from api.domain.rules import EVERYONE, AllOf, Masks, Rule, fields_of

if TYPE_CHECKING:
    from api.domain.policies.document import Tier

ShareOf = Literal["customers", "measure"]
Cuts = Mapping[str, int | float | None]
"""By tier, the smallest measure that belongs to it; None where nobody was there to draw it from."""


@dataclass(frozen=True)
class Quantiles:
    measure: Field
    share_of: ShareOf
    among: Rule
    """Who is counted and can get a tier by share."""
    tiers: tuple[tuple[Tier, str], ...]
    """The tiers with their cumulative shares from the top, as decimals in text, best first."""
    last: Tier | None
    """Who is left gets it; None: no tier."""
    exponent: int

    @property
    def fields(self) -> dict[str, Field]:
        return {self.measure.name: self.measure} | fields_of(self.among)

    def draw(self, columns: Columns, where: Mask) -> Cuts:
        """The cut-offs among the customers in `where`."""
        column = column_of(self.measure.name, columns)
        counted = where & Masks(columns).of(self.among) & ~is_missing(column)
        values, counts = np.unique(column[counted], return_counts=True)
        values, counts = values[::-1], counts[::-1]
        cut = self._by_customers if self.share_of == "customers" else self._by_measure
        return {tier.key: cut(values, counts, Fraction(share)) for tier, share in self.tiers}

    def rungs(self, cuts: Cuts) -> Iterator[tuple[Tier, Rule, bool]]:
        for tier, _share in self.tiers:
            cut = cuts[tier.key]
            if cut is not None:
                reached = Condition(self.measure, "gte", cut, self.exponent)
                yield (
                    tier,
                    reached if self.among == EVERYONE else AllOf((reached, self.among)),
                    False,
                )
        if self.last is not None:
            yield self.last, EVERYONE, True

    def _by_customers(
        self, values: npt.NDArray[Any], counts: npt.NDArray[np.int64], share: Fraction
    ) -> int | float | None:
        """The value of the last customer within the share; whoever has the same is inside too."""
        if not len(values):
            return None
        most = max(math.floor(share * int(counts.sum())), 1)
        return self._plain(values[np.searchsorted(np.cumsum(counts), most, "left")])

    def _by_measure(
        self, values: npt.NDArray[Any], counts: npt.NDArray[np.int64], share: Fraction
    ) -> int | float | None:
        """Whoever begins below the share of the whole belongs to it; who has nothing does not."""
        positive = values > 0
        if not positive.any():
            return None
        amounts = values[positive].astype(np.int64 if self.measure.whole else np.float64)
        brought = np.cumsum(amounts * counts[positive])
        before = brought - amounts * counts[positive]
        whole = self._plain(brought[-1])
        limit = math.ceil(share * whole) if isinstance(whole, int) else float(share) * whole
        return self._plain(amounts[np.flatnonzero(before < limit)[-1]])

    def _plain(self, value: Any) -> int | float:
        return int(value) if self.measure.whole else float(value)
