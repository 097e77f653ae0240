"""How sure a metric is: percentile intervals from customers drawn again with replacement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ml.evaluation.metrics import Weighted, point
from ml.sample import Floats

Ints = npt.NDArray[np.int64]
LEVEL = 0.90
"""Share of resamples inside an interval: its upper end is the one-sided test at 5 % by which one
model is called not worse than another."""
ROUNDS = 500
MIN_ROUNDS = 100
_ALL_CELLS = 60_000_000
"""Weights drawn for one bootstrap: among more customers fewer rounds tell as much."""
_CHUNK_CELLS = 1_000_000


class Interval(NamedTuple):
    """A metric and the ends of its interval; low <= value <= high."""

    value: float
    low: float
    high: float


def bootstrap(
    metrics: Mapping[str, Weighted],
    customers: Ints,
    *,
    seed: int = 0,
    rounds: int = ROUNDS,
) -> dict[str, Interval]:
    """Intervals of several metrics from the same resamples, so that their differences are paired.

    `customers` names the customer of each row: rows of one customer, seen at several origins, are
    drawn together, or the interval would be too narrow.
    """
    found: dict[str, list[Floats]] = {name: [] for name in metrics}
    for weights in _resamples(customers, seed, rounds):
        for name, metric in metrics.items():
            found[name].append(metric(weights))
    values = point(metrics, len(customers))
    return {
        name: _interval(values[name], np.concatenate(parts)) if parts else _sure(values[name])
        for name, parts in found.items()
    }


def paired(ours: Weighted, theirs: Weighted) -> Weighted:
    """The difference of two metrics on the same resamples; negative where ours is lower."""
    return lambda weights: ours(weights) - theirs(weights)


def paired_interval(
    ours: Weighted, theirs: Weighted, customers: Ints, *, seed: int = 0, rounds: int = ROUNDS
) -> Interval:
    """The interval of ours minus theirs."""
    return bootstrap({"difference": paired(ours, theirs)}, customers, seed=seed, rounds=rounds)[
        "difference"
    ]


def _resamples(customers: Ints, seed: int, rounds: int) -> Iterator[Floats]:
    """Chunks [resamples, rows] of how often each row was drawn."""
    names, place = np.unique(customers, return_inverse=True)
    units = len(names)
    if units == 0:
        return
    rounds = min(rounds, max(MIN_ROUNDS, _ALL_CELLS // len(customers)))
    chunk = max(1, _CHUNK_CELLS // len(customers))
    random = np.random.default_rng(seed)
    for start in range(0, rounds, chunk):
        draws = random.integers(0, units, size=(min(chunk, rounds - start), units))
        counts = np.stack([np.bincount(row, minlength=units) for row in draws])
        yield counts[:, place].astype(np.float64)


def _interval(value: float, resampled: Floats) -> Interval:
    tail = (1.0 - LEVEL) / 2.0
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    # The calibration error of a resample is larger than that of its source on average.
    return Interval(value, min(value, float(low)), max(value, float(high)))


def _sure(value: float) -> Interval:
    return Interval(value, value, value)
