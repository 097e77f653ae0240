"""Cut-offs drawn from a measure: quantiles, natural breaks. Equal values are never parted."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
MOST_BREAK_VALUES = 1_500
"""More distinct values than this are first put together in as many groups of equal size."""


def upper_quantiles(values: Column, shares: tuple[float, ...]) -> Column:
    """For each share the value up to which, at least, that share of the values lies.

    A cut-off is a value that somebody has, and belongs to the lower side.
    """
    if not len(values):
        return np.array([])
    cuts: Column = np.quantile(values, shares, method="inverted_cdf")
    return cuts


def middle_ranks(values: Column) -> tuple[Column, Floats]:
    """The distinct values, ascending, and the share of values below each plus half of its ties."""
    distinct, counts = np.unique(values, return_counts=True)
    upto = np.cumsum(counts)
    ranks: Floats = (upto - counts / 2) / max(len(values), 1)
    return distinct, ranks


def natural_breaks(values: Column, groups: int) -> Column:
    """The lowest value of each group but the first, such that groups are as alike as can be.

    Exact where there are up to `MOST_BREAK_VALUES` distinct values: the dynamic programme of
    Fisher (1958, "On grouping for maximum homogeneity"), which Jenks (1967) brought to maps.
    Fewer distinct values than groups give fewer breaks. Linear in the number of values but for
    their sorting; the rest is bounded.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= groups:
        return distinct[1:]
    lowest, weights, means = _grouped(distinct, counts)
    starts = _optimal_starts(means, weights, groups)
    return lowest[starts]


def _grouped(distinct: Column, counts: Column) -> tuple[Column, Floats, Floats]:
    """At most `MOST_BREAK_VALUES` runs of values: the lowest of each, its weight, its mean."""
    if len(distinct) <= MOST_BREAK_VALUES:
        return distinct, counts.astype(np.float64), distinct.astype(np.float64)
    # Half of the runs hold equal numbers of customers and half equal stretches of the measure, so
    # that neither the crowd nor a few far-off values are lumped together.
    size = MOST_BREAK_VALUES // 2
    upto = np.cumsum(counts)
    by_rank = (upto - counts) * size // upto[-1]
    stretch = (distinct - distinct[0]) / (distinct[-1] - distinct[0])
    by_value = np.minimum((stretch * size).astype(np.int64), size - 1)
    changes = (np.diff(by_rank, prepend=-1) > 0) | (np.diff(by_value, prepend=-1) > 0)
    starts = np.flatnonzero(changes)
    weights = np.add.reduceat(counts, starts).astype(np.float64)
    sums = np.add.reduceat(distinct.astype(np.float64) * counts, starts)
    return distinct[starts], weights, sums / weights


def _optimal_starts(means: Floats, weights: Floats, groups: int) -> npt.NDArray[np.intp]:
    """Where each group but the first begins, so that the sum of squares within is least."""
    size = len(means)
    centred = means - np.average(means, weights=weights)
    spread = np.abs(centred).max()
    centred = centred / (spread or 1.0)  # far from zero, squares would lose their last digits
    weight = np.concatenate([[0.0], np.cumsum(weights)])
    first = np.concatenate([[0.0], np.cumsum(weights * centred)])
    second = np.concatenate([[0.0], np.cumsum(weights * centred**2)])
    start, end = np.arange(size)[:, None], np.arange(1, size + 1)[None, :]
    mass = weight[end] - weight[start]
    inside = (second[end] - second[start]) - (first[end] - first[start]) ** 2 / np.where(
        mass > 0, mass, 1.0
    )
    cost = np.where(start < end, np.maximum(inside, 0.0), np.inf)
    best = cost[0]  # of the first j+1 values in one group
    began = []
    for _ in range(groups - 1):
        before = np.concatenate([[np.inf], best[:-1]])  # all groups before hold a value at least
        whole = before[:, None] + cost
        began.append(np.argmin(whole, axis=0))
        best = np.take_along_axis(whole, began[-1][None, :], axis=0)[0]
    starts = np.zeros(groups - 1, dtype=np.intp)
    last = size - 1
    for place in range(groups - 2, -1, -1):
        starts[place] = began[place][last]
        last = starts[place] - 1
    return starts
