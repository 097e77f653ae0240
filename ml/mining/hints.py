"""What would lower a customer's risk: declared scenarios, scored through the model itself.

Nothing is estimated: the features of each scenario go through the same habit and the same trees,
so that the probability after it is what the model would say tomorrow if the facts were so. That
is an association, no proof of cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.mining.scenarios import ACTIONS, PAIRS, Action, Columns
from ml.sample import Floats, Sample

THRESHOLD = 0.5
MIN_DROP = 0.01
"""A hint lowers the probability by at least so much, a pair by so much more than one action."""
BANDS = 5
BATCH = 20_000
Mask = npt.NDArray[np.bool_]


class Extends(Protocol):
    def extend(self, sample: Sample, horizon_days: int, /) -> Sample: ...


class Scores(Protocol):
    """What hints need of a churn model."""

    @property
    def habit(self) -> Extends: ...
    @property
    def horizon_days(self) -> int: ...
    def predict(self, sample: Sample, /) -> Floats: ...


@dataclass(frozen=True)
class Hint:
    """The best single action or pair for a customer; probabilities of churn before and after."""

    customer_id: int
    actions: tuple[str, ...]
    before: float
    after: float


def hints(
    model: Scores, sample: Sample, *, threshold: float = THRESHOLD, min_drop: float = MIN_DROP
) -> tuple[Hint, ...]:
    """The best action, then the best pair, of each customer at risk; by customer.

    `sample` holds one row per customer at one cut-off, without the habit's features. Only customers
    whose probability is at least `threshold` are looked at. An action counts only where it changes
    something and leaves its features within what was seen of similar customers, those of the same
    band of purchase days. Where nothing lowers the risk by `min_drop`, there is no hint.
    """
    if not len(sample):
        return ()
    before = _predict(model, sample)
    at_risk = np.flatnonzero(before >= threshold)
    bands = _bands(sample)
    found: list[Hint] = []
    for start in range(0, len(at_risk), BATCH):
        rows = at_risk[start : start + BATCH]
        found += _of_batch(model, sample, rows, bands, before[rows], min_drop)
    return tuple(found)


def _of_batch(
    model: Scores,
    sample: Sample,
    rows: npt.NDArray[np.intp],
    bands: npt.NDArray[np.int64],
    before: Floats,
    min_drop: float,
) -> list[Hint]:
    part = sample.where(_mask(rows, len(sample)))
    singles, pairs = [(action,) for action in ACTIONS], list(PAIRS)
    single = _try_each(model, sample, part, singles, bands, rows)
    double = _try_each(model, sample, part, pairs, bands, rows)
    best, best_pair = np.argmin(single, axis=1), np.argmin(double, axis=1)
    after = np.take_along_axis(single, best[:, None], axis=1)[:, 0]
    after_pair = np.take_along_axis(double, best_pair[:, None], axis=1)[:, 0]
    hints: list[Hint] = []
    for at, customer in enumerate(part.customer_id.tolist()):
        least = float(before[at])
        for tried, place, value in (
            (singles, best[at], after[at]),
            (pairs, best_pair[at], after_pair[at]),
        ):
            if value <= least - min_drop:
                least = float(value)
                codes = tuple(action.code for action in tried[int(place)])
                hints.append(Hint(customer, codes, float(before[at]), least))
    return hints


def _try_each(
    model: Scores,
    sample: Sample,
    part: Sample,
    tried: Sequence[tuple[Action, ...]],
    bands: npt.NDArray[np.int64],
    rows: npt.NDArray[np.intp],
) -> Floats:
    """Customers times scenarios: the probability after each, infinite where it is not possible."""
    after = np.full((len(part), len(tried)), np.inf)
    for place, actions in enumerate(tried):
        now = Columns(part)
        for action in actions:
            action.change(now)
        changed = now.sample()
        possible = _possible(sample, part, changed, actions, bands, rows)
        if possible.any():
            after[possible, place] = _predict(model, changed.where(possible))
    return after


def _possible(
    sample: Sample,
    part: Sample,
    changed: Sample,
    actions: Sequence[Action],
    bands: npt.NDArray[np.int64],
    rows: npt.NDArray[np.intp],
) -> Mask:
    """Where every action changes its features, and to what similar customers show."""
    possible = np.ones(len(part), np.bool_)
    for action in actions:
        changes = np.zeros(len(part), np.bool_)
        for code in action.within:
            before, after = part.column(code), changed.column(code)
            changes |= ~np.isnan(after) & (before != after)
            for band, low, high in _ranges(sample.column(code), bands):
                inside = (after >= low) & (after <= high)
                possible &= inside | (bands[rows] != band) | (before == after)
        possible &= changes
    return possible


def _ranges(column: Floats, bands: npt.NDArray[np.int64]) -> Iterator[tuple[int, float, float]]:
    """The least and the greatest value in each band; nothing fits a band where none is known."""
    for band in np.unique(bands).tolist():
        known = column[(bands == band) & ~np.isnan(column)]
        yield band, *((known.min(), known.max()) if len(known) else (np.inf, -np.inf))


def _bands(sample: Sample) -> npt.NDArray[np.int64]:
    """BANDS of customers by purchase days; equal counts stay together."""
    days = sample.column("purchase_days")
    edges = np.unique(np.quantile(days, np.linspace(0.0, 1.0, BANDS + 1)[1:-1]))
    return np.searchsorted(edges, days, side="left")


def _mask(rows: npt.NDArray[np.intp], size: int) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[rows] = True
    return mask


def _predict(model: Scores, sample: Sample) -> Floats:
    return model.predict(model.habit.extend(sample, model.horizon_days))
