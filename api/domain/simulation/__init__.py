"""What a change of tiers would move: who goes where, with their revenue, margin, value and cost.

Pure: two decisions about the same customers and what is known of them in, a report out. Money is
in minor units and summed exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, Mask, is_missing

Keys = npt.NDArray[np.object_]
Places = npt.NDArray[np.int64]
AMOUNTS = ("net_spend_365d", "margin_365d", "clv", "service_cost_365d")
"""The measures that are added up, in the order of `Sums`; one that is not there is not known."""
MOST_NAMED = 10
"""Customers named on each side of a cut."""


@dataclass(frozen=True)
class Sums:
    """Customers and what they come to; an amount is None where it is not known of any of them."""

    customers: int
    revenue_minor: int | None
    margin_minor: int | None
    clv_minor: int | None
    service_cost_minor: int | None


@dataclass(frozen=True)
class Move:
    """Customers who had one tier and get another, or the same; None is below the lowest."""

    before: str | None
    after: str | None
    sums: Sums


@dataclass(frozen=True)
class TierSums:
    tier: str | None
    before: Sums
    after: Sums


@dataclass(frozen=True)
class Matrix:
    """Who goes where. `promoted` and `demoted` leave out tiers that only one side knows."""

    customers: int
    moved: Sums
    promoted: Sums
    demoted: Sums
    moves: tuple[Move, ...]
    """Cells that are not empty, from the best tier down."""
    tiers: tuple[TierSums, ...]


@dataclass(frozen=True)
class Edge:
    """Whom a small change would move: row and distance as a share of a threshold, nearest first.

    `above` hardly keep the tier, `below` nearly reach it.
    """

    tier: str
    above: tuple[tuple[int, float], ...]
    below: tuple[tuple[int, float], ...]


def matrix_of(columns: Columns, before: Keys, after: Keys, tiers: Sequence[str]) -> Matrix:
    """The matrix of a change from `before` to `after`: a tier key, or None, for each customer.

    `tiers` are the keys of the new policy, best first; others may stand in `before`.
    """
    names: list[str | None] = list(tiers)
    names += sorted({each for each in before.tolist() if each is not None} - set(tiers))
    names.append(None)
    codes = {name: place for place, name in enumerate(names)}
    cells = _Cells.of(columns, _places(before, codes), _places(after, codes), len(names))
    rank = np.arange(len(names))
    ranked = np.array([name is None or name in tiers for name in names])
    both = ranked[:, None] & ranked[None, :]
    return Matrix(
        customers=len(before),
        moved=cells.sums(rank[:, None] != rank[None, :]),
        promoted=cells.sums(both & (rank[:, None] > rank[None, :])),
        demoted=cells.sums(both & (rank[:, None] < rank[None, :])),
        moves=tuple(
            Move(names[old], names[new], cells.sums(cells.only(old, new)))
            for old, new in np.argwhere(cells.counts).tolist()
        ),
        tiers=tuple(
            TierSums(name, cells.sums(rank[:, None] == place), cells.sums(rank == place))
            for place, name in enumerate(names)
            if cells.counts[place].any() or cells.counts[:, place].any() or name in tiers
        ),
    )


def edges_of(
    after: Keys,
    lacking: npt.NDArray[np.float64],
    spare: npt.NDArray[np.float64],
    next_tier: Keys,
    tiers: Sequence[str],
    most: int = MOST_NAMED,
) -> tuple[Edge, ...]:
    """By tier, the customers nearest to its lower end from within, and from below.

    `lacking` is how far each is from `next_tier`, `spare` how far from losing the tier in
    `after`; infinite or NaN where that can't be told.
    """
    return tuple(
        Edge(tier, _nearest(spare, after == tier, most), _nearest(lacking, next_tier == tier, most))
        for tier in tiers
    )


def _nearest(
    distances: npt.NDArray[np.float64], where: Any, most: int
) -> tuple[tuple[int, float], ...]:
    rows = np.flatnonzero(np.asarray(where, dtype=bool) & np.isfinite(distances))
    if len(rows) > most:
        limit = np.partition(distances[rows], most - 1)[most - 1]
        rows = rows[distances[rows] <= limit]
    chosen = rows[np.argsort(distances[rows], kind="stable")][:most]
    return tuple((int(row), float(distances[row])) for row in chosen)


def _places(keys: Keys, codes: Mapping[str | None, int]) -> Places:
    return np.fromiter((codes[key] for key in keys.tolist()), np.int64, len(keys))


@dataclass(frozen=True)
class _Cells:
    """Counts, amounts and of how many customers those are known, tier before by tier after."""

    counts: Places
    amounts: Places
    known: Places

    @classmethod
    def of(cls, columns: Columns, before: Places, after: Places, size: int) -> _Cells:
        cell = before * size + after
        order = np.argsort(cell, kind="stable")
        present, starts = np.unique(cell[order], return_index=True)

        def added(values: npt.NDArray[Any]) -> Places:
            sums = np.zeros(size * size, dtype=np.int64)
            if len(values):
                sums[present] = np.add.reduceat(values[order].astype(np.int64), starts)
            return sums.reshape(size, size)

        amounts, known = [], []
        for name in AMOUNTS:
            values, missing = _amounts(columns, name, len(cell))
            amounts.append(added(values))
            known.append(added(~missing))
        counts = np.bincount(cell, minlength=size * size).reshape(size, size)
        return cls(counts, np.stack(amounts), np.stack(known))

    def only(self, old: int, new: int) -> Mask:
        mask = np.zeros(self.counts.shape, dtype=bool)
        mask[old, new] = True
        return mask

    def sums(self, where: Mask) -> Sums:
        inside = np.broadcast_to(where, self.counts.shape)
        customers = int(self.counts[inside].sum())
        amounts = [
            int(amount[inside].sum()) if known[inside].any() or not customers else None
            for amount, known in zip(self.amounts, self.known, strict=True)
        ]
        return Sums(customers, *amounts)


def _amounts(columns: Columns, name: str, size: int) -> tuple[Places, Mask]:
    if name not in columns:
        return np.zeros(size, dtype=np.int64), np.ones(size, dtype=bool)
    column = np.asarray(columns[name])
    missing = is_missing(column)
    if column.dtype.kind in "iu":  # floats would lose the last units of large amounts
        return column.astype(np.int64), missing
    return np.where(missing, 0, np.rint(np.where(missing, 0, column))).astype(np.int64), missing
