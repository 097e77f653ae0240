"""Which strategies suit which customers, and the best of those that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask
from api.domain.rules import Masks
from api.domain.strategies.circumstances import Circumstances
from api.domain.strategies.documents import Strategy
from api.domain.strategies.gains import Gains

NOT_FOR_THEM = np.iinfo(np.int64).min
CHUNK = 100_000
"""Customers compared at a time: keeps the arrays small however many there are."""
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """Pairs of a customer (a row of the columns) and a strategy (a place in the catalogue)."""

    customers: Integers
    strategies: Integers
    gains: Integers
    """Net of cost, in minor units."""

    def where(self, kept: Mask) -> Chosen:
        return Chosen(self.customers[kept], self.strategies[kept], self.gains[kept])


class Candidates:
    """Who may be recommended what; of a conflict group, one thing at a time."""

    def __init__(
        self, ordered: Sequence[Strategy], columns: Columns, circumstances: Circumstances
    ) -> None:
        self.ordered = ordered
        self._gains = Gains(columns)
        masks = Masks(columns)
        self.size = masks.size
        self.meant = [masks.of(strategy.rule) for strategy in ordered]
        self.suits = [
            self._suited(strategy, self.meant[place], circumstances)
            for place, strategy in enumerate(ordered)
        ]
        self._suppress()
        self._cap()
        names = [each.conflict_group or f"only {each.key}" for each in ordered]
        self.group_of = np.array([sorted(set(names)).index(name) for name in names])

    def _suited(self, strategy: Strategy, meant: Mask, circumstances: Circumstances) -> Mask:
        suits = meant.copy()
        allowed = circumstances.allows(strategy, self.size)
        if allowed is not None:
            suits &= allowed
        suits[circumstances.resting(strategy)] = False
        return suits

    def _suppress(self) -> None:
        for place, other in self.suppressions():
            self.suits[other] &= ~self.meant[place]

    def suppressions(self) -> list[tuple[int, int]]:
        """Places of strategies with those that they suppress."""
        return [
            (place, other)
            for place, strategy in enumerate(self.ordered)
            for other, suppressed in enumerate(self.ordered)
            if other != place and suppressed.conflict_group in strategy.suppresses
        ]

    def _cap(self) -> None:
        for place, other in self.caps():
            self.suits[other] &= ~self.meant[place]

    def caps(self) -> list[tuple[int, int]]:
        """Places of strategies with those that are too dear for the customers they are for."""
        return [
            (place, other)
            for place, strategy in enumerate(self.ordered)
            for other, capped in enumerate(self.ordered)
            if other != place
            and strategy.caps_cost_minor is not None
            and capped.cost_minor > strategy.caps_cost_minor
        ]

    def best(self) -> Chosen:
        """The best of each conflict group, for everyone."""
        found = []
        for start in range(0, max(self.size, 1), CHUNK):
            rows = np.arange(start, min(start + CHUNK, self.size))
            for group in range(int(self.group_of.max()) + 1):
                found.append(self.best_of(group, rows))
        return joined(found)

    def best_of(self, group: int, rows: npt.NDArray[np.intp]) -> Chosen:
        """The best that a conflict group still has for these customers; the first of equals."""
        best = np.full(len(rows), NOT_FOR_THEM, dtype=np.int64)
        chosen = np.zeros(len(rows), dtype=np.int64)
        for place in np.flatnonzero(self.group_of == group).tolist():
            strategy = self.ordered[place]
            there = np.flatnonzero(self.suits[place][rows])
            gains = self._gains.of(strategy, rows[there])
            better = (gains >= strategy.min_gain_minor) & (gains > best[there])
            best[there[better]] = gains[better]
            chosen[there[better]] = place
        some = best != NOT_FOR_THEM
        return Chosen(rows[some].astype(np.int64), chosen[some], best[some])

    def gain(self, place: int, rows: npt.NDArray[np.intp]) -> Integers:
        return self._gains.of(self.ordered[place], rows)


def joined(found: Sequence[Chosen]) -> Chosen:
    return Chosen(
        np.concatenate([each.customers for each in found]),
        np.concatenate([each.strategies for each in found]),
        np.concatenate([each.gains for each in found]),
    )
