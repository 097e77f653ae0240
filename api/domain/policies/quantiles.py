"""Tiers by share: the best 5 % of customers, or those who together bring 80 % of a measure.

The cut-offs are drawn from the customers who are decided for, are values that some customer has,
and belong to the better tier, so that equal customers get equal tiers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Condition, Mask, column_of, is_missing
from api.domain.fields import Field
from api.domain.rules import EVERYONE, AllOf, Masks, Rule, fields_of
from api.domain.shares import cumulative_cuts

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
        shares = [Fraction(share) for _, share in self.tiers]
        by_measure = self.share_of == "measure"
        draw = cumulative_cuts if by_measure else _customer_cuts
        keys = [tier.key for tier, _ in self.tiers]
        return dict(zip(keys, draw(self._plain(column[counted]), shares), strict=True))

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

    def _plain(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values.astype(np.int64 if self.measure.whole else np.float64)


def _customer_cuts(
    values: npt.NDArray[Any], shares: Sequence[Fraction]
) -> list[int | float | None]:
    """For each share of customers, the value of the last one within it; who ties is inside too."""
    if not len(values):
        return [None] * len(shares)
    distinct, counts = np.unique(values, return_counts=True)
    standing = np.cumsum(counts[::-1])
    most = [max(math.floor(share * len(values)), 1) for share in shares]
    return [distinct[::-1][np.searchsorted(standing, each, "left")].item() for each in most]
