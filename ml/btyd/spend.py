"""Gamma-Gamma: what a customer spends on a purchase day (Fader, Hardie 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln

from ml.btyd.maximum import COARSE_ROWS, PRIOR, find_maximum, penalised
from ml.errors import FitFailed
from ml.sample import Floats

_STARTS = ((1.0, 1.6, 1.0), (4.5, 2.7, 2.7))


@dataclass(frozen=True)
class Spend:
    """Gamma-Gamma: what a customer spends on a purchase day, shrunk towards everyone's mean."""

    p: float
    q: float
    scale: float

    def to_document(self) -> dict[str, float]:
        return dict(vars(self))

    def expected(self, mean: Floats, days: Floats) -> Floats:
        """Expected money on a purchase day, from the mean of `days` observed ones; everyone's
        where there is none."""
        mean = np.where(days > 0, np.maximum(mean, 0.0), 0.0)
        return self.p * (self.scale + days * mean) / (self.p * days + self.q - 1.0)


@dataclass(frozen=True)
class _Means:
    """Spenders: mean money on a day in units of everyone's mean, and days, as `levels[place]`."""

    mean: Floats
    days: Floats
    levels: Floats
    place: npt.NDArray[np.intp]
    level_counts: Floats

    @classmethod
    def of(cls, mean: Floats, days: Floats) -> _Means:
        levels, place = np.unique(days, return_inverse=True)
        return cls(mean, days, levels, place, np.bincount(place).astype(np.float64))


def fit_spend(
    mean: Floats,
    days: Floats,
    *,
    prior: float = PRIOR,
    coarse_rows: int = COARSE_ROWS,
) -> Spend:
    """Maximum likelihood over customers with a positive mean, lightly penalised towards ordinary
    parameters (`ml.btyd.maximum`); q is above 1, so that everyone's mean exists.

    Raises:
        FitFailed: nobody spent anything, or no start converged.
    """
    used = (mean > 0) & (days > 0) & np.isfinite(mean) & np.isfinite(days)
    if not used.any():
        raise FitFailed("The spend model needs customers with a positive spend; there are none.")
    unit = float(mean[used].mean())
    order = np.lexsort((mean[used], days[used]))
    rows = _Means.of(mean[used][order] / unit, days[used][order])
    # Every k-th customer, in the order of days and mean, stands for all.
    some = np.linspace(0, len(order) - 1, min(len(order), coarse_rows)).astype(np.int64)
    few = _Means.of(rows.mean[some], rows.days[some])

    def loss(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, rows, prior)

    def coarse(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, few, prior)

    starts = [(p, q - 1.0, scale) for p, q, scale in _STARTS]
    p, above_one, scale = np.exp(find_maximum("spend", starts, coarse, loss))
    return Spend(float(p), float(1.0 + above_one), float(scale * unit))


def _loss(logs: Floats, rows: _Means, prior: float) -> tuple[float, Floats]:
    """Mean negative log-likelihood with its gradient, both in the logs of p, q - 1, scale."""
    p, above_one, scale = np.exp(logs)
    q, m, x, total = 1.0 + above_one, rows.mean, rows.days, float(len(rows.mean))
    levels, counts = rows.levels, rows.level_counts
    seen = scale + x * m
    log_seen, shape = np.log(seen), p * x + q
    value = (
        counts @ (gammaln(p * levels + q) - gammaln(p * levels) + p * levels * np.log(levels))
        + total * (q * np.log(scale) - gammaln(q))
        + (p * x - 1.0).dot(np.log(m)) - shape @ log_seen
    )  # fmt: skip
    both = digamma(p * levels + q)
    slopes = np.array(
        [
            counts @ (levels * (both - digamma(p * levels) + np.log(levels)))
            + x @ (np.log(m) - log_seen),
            counts @ both + total * (np.log(scale) - digamma(q)) - log_seen.sum(),
            total * q / scale - shape @ (1.0 / seen),
        ]
    )
    gradient = -slopes / total * np.array([p, above_one, scale])
    return penalised(-float(value) / total, gradient, logs, prior / total)
