"""Pareto/NBD: customers buy at a rate of their own and leave at a time of their own.

Rate and rate of departure are gamma over customers (Schmittlein, Morrison, Colombo 1987; notation
of Fader and Hardie 2005). What their papers write with 2F1, which loses digits where x is large or
alpha and beta are far apart, is here the integral it stands for, over a moment t of departure or
of the next purchase: (a + t)^-p (b + t)^-q.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

import numpy as np
from scipy.special import digamma, expit, exprel, gammaln

from ml.btyd.histories import Histories, Rows
from ml.btyd.maximum import COARSE_ROWS, PRIOR, find_maximum, penalised
from ml.btyd.model import Document, PurchaseModel, return_days, returned
from ml.sample import Floats

_STARTS = ((1.0, 1.0, 1.0, 1.0), (0.4, 2.0, 0.5, 5.0), (2.0, 0.5, 0.3, 10.0))
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_CHUNK = 8192
"""Rows at a time: 32 nodes of each fit into a processor's cache, and memory stays small."""
_NEGLIGIBLE = 40.0
_PRECISE = 1e-9


class Kernel(NamedTuple):
    """log of (a + t)^-p (b + t)^-q, a number or an array of each for the rows."""

    p: Floats | float
    a: Floats | float
    q: Floats | float
    b: Floats | float

    def fallen(self, steps: Floats, low: Floats) -> tuple[Floats, Floats]:
        """By how much the log fell from `low`, and the slope of that, where the integration
        variable log(min(a, b) + t) has grown by `steps`; the variable's own log counts."""
        base = np.minimum(self.a, self.b) + low
        far = base * np.expm1(steps)
        fall = self.p * np.log1p(far / (self.a + low)) + self.q * np.log1p(far / (self.b + low))
        slope = (base + far) * (self.p / (self.a + low + far) + self.q / (self.b + low + far))
        return fall - steps, slope - 1.0


class Nodes(NamedTuple):
    """Quadrature: rows x 32. The integral of kernel * g is sum(weights * g(times)) * exp(log)."""

    times: Floats
    weights: Floats
    log: Floats


def integrate(kernel: Kernel, low: Floats, high: Floats) -> Nodes:
    """Gauss-Legendre in log(min(a, b) + t), where the kernel's log is concave and its nearest
    singularity pi away. What lies behind a fall by 40 is cut off: else 32 nodes would miss a
    narrow peak. Newton's method finds that place, from the right because of the concavity."""
    base = np.minimum(kernel.a, kernel.b) + low
    width = np.log1p((high - low) / base)
    for _ in range(4):
        fall, slope = kernel.fallen(width, low)
        deep = fall > _NEGLIGIBLE
        width = np.where(deep, width - (fall - _NEGLIGIBLE) / np.where(deep, slope, 1.0), width)
    wide = Kernel(*(np.reshape(part, (-1, 1)) for part in kernel))
    start = np.reshape(low, (-1, 1))
    steps = width[:, None] * (_NODES + 1.0) / 2.0
    fall, _ = wide.fallen(steps, start)
    weights = np.exp(-fall) * _WEIGHTS
    times = start + np.reshape(base, (-1, 1)) * np.expm1(steps)
    total = weights.sum(axis=1)
    height = np.log(base) - kernel.p * np.log(kernel.a + low) - kernel.q * np.log(kernel.b + low)
    log = height + np.log(np.maximum(width, 1e-300) / 2.0 * total)
    return Nodes(times, weights / total[:, None], log)


@dataclass(frozen=True)
class Pareto(PurchaseModel):
    """A fitted model: rate ~ gamma(r, alpha), departures a day ~ gamma(s, beta); both per day.

    It lets one-time buyers leave as well, at a time that has nothing to do with purchases.
    """

    r: float
    alpha: float
    s: float
    beta: float
    kind: Literal["pareto"] = "pareto"

    def to_document(self) -> Document:
        return dict(vars(self))

    @classmethod
    def from_document(cls, document: Mapping[str, float | str]) -> Self:
        r, alpha, s, beta = (float(document[name]) for name in ("r", "alpha", "s", "beta"))
        return cls(r, alpha, s, beta)

    def alive(self, seen: Histories) -> Floats:
        result = np.empty(len(seen))
        for rows in _chunks(len(seen)):
            part = seen.where(rows)
            shape = self.r + part.repeats
            kernel = Kernel(shape, self.alpha, self.s + 1.0, self.beta)
            gone = np.log(self.s) + integrate(kernel, part.last, part.age).log
            here = shape * np.log(self.alpha + part.age) + self.s * np.log(self.beta + part.age)
            result[rows] = expit(-here - gone)
        return result

    def rate(self, seen: Histories) -> Floats:
        return (self.r + seen.repeats) / (self.alpha + seen.age)

    def days_if_here(
        self, seen: Histories, horizon_days: float, *, faster: float = 1.0, longer: float = 1.0
    ) -> Floats:
        """Rate times the time expected to be spent as a customer: given that somebody is here,
        the two are independent."""
        return self.rate(seen) * faster * self.active_days(seen, horizon_days, longer)

    def active_days(self, seen: Histories, horizon_days: float, longer: float = 1.0) -> Floats:
        """Expected days until departure or the horizon's end, of who is here."""
        scale = (self.beta + seen.age) * longer
        span = np.log1p(horizon_days / scale)
        return np.asarray(scale * span * exprel(-(self.s - 1.0) * span), np.float64)

    def back(self, seen: Histories, within_days: float) -> Floats:
        return self._back(seen, np.full(len(seen), within_days))[0]

    def _back(self, seen: Histories, days: Floats) -> tuple[Floats, Floats]:
        """The chance that who has not left buys within so many days, and its slope in days."""
        chance, slope = np.empty(len(seen)), np.empty(len(seen))
        for rows in _chunks(len(seen)):
            part = seen.where(rows)
            shape = self.r + part.repeats
            a, b = self.alpha + part.age, self.beta + part.age
            log = integrate(Kernel(shape + 1.0, a, self.s, b), np.zeros(len(part)), days[rows]).log
            chance[rows] = np.exp(np.log(shape) + shape * np.log(a) + self.s * np.log(b) + log)
            fall = (shape + 1.0) * np.log1p(days[rows] / a) + self.s * np.log1p(days[rows] / b)
            slope[rows] = shape / a * np.exp(-fall)
        return np.minimum(chance, 1.0), slope

    def wait(self, seen: Histories, share: Floats | float, within_days: float) -> Floats:
        """By Newton's method from the Lomax distribution that falls alike at first and in the end,
        kept between the bounds known so far, and for the customers not found yet only."""
        goal = share * self.back(seen, within_days)
        days = self._alike(seen, share, within_days)
        low, high = np.zeros(len(seen)), np.full(len(seen), float(within_days))
        open_ = np.arange(len(seen))
        for _ in range(60):
            chance, slope = self._back(seen.where(open_), days[open_])
            over = chance - goal[open_]
            low[open_] = np.where(over < 0, days[open_], low[open_])
            high[open_] = np.where(over < 0, high[open_], days[open_])
            newton = days[open_] - over / np.maximum(slope, 1e-300)
            inside = (newton > low[open_]) & (newton < high[open_])
            days[open_] = np.where(inside, newton, (low[open_] + high[open_]) / 2.0)
            open_ = open_[np.abs(over) > _PRECISE * goal[open_]]
            if not len(open_):
                break
        return days

    def _alike(self, seen: Histories, share: Floats | float, within_days: float) -> Floats:
        shape, a, b = self.r + seen.repeats, self.alpha + seen.age, self.beta + seen.age
        scale = (shape + 1.0 + self.s) / ((shape + 1.0) / a + self.s / b)
        chance = share * returned(shape + self.s, scale, within_days)
        return return_days(shape + self.s, scale, chance)


def fit_pareto(
    seen: Histories,
    *,
    prior: float = PRIOR,
    coarse_rows: int = COARSE_ROWS,
    start: Pareto | None = None,
) -> Pareto:
    """Maximum likelihood, lightly penalised towards ordinary parameters (`ml.btyd.maximum`).

    `start` is a fit to a similar business, such as this one some weeks ago: from there it is near.

    Raises:
        FitFailed: there is nobody to learn from, or no start converged.
    """
    rows = Rows.of(seen)
    few = rows.thinned(coarse_rows)

    def loss(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, rows, prior)

    def coarse(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, few, prior)

    near = (start.r, start.alpha / rows.unit, start.s, start.beta / rows.unit) if start else None
    starts = [near] if near else _STARTS
    r, alpha, s, beta = np.exp(find_maximum("Pareto/NBD", starts, coarse, loss))
    return Pareto(float(r), float(alpha * rows.unit), float(s), float(beta * rows.unit))


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, rows, _CHUNK))


def _loss(logs: Floats, rows: Rows, prior: float) -> tuple[float, Floats]:
    """Mean negative log-likelihood with its gradient, both in the logs of r, alpha, s, beta."""
    r, alpha, s, beta = (float(part) for part in np.exp(logs))
    levels, counts, total = rows.levels, rows.level_counts, rows.customers
    value = float(counts @ (gammaln(r + levels) - gammaln(r)))
    value += total * (r * np.log(alpha) + s * np.log(beta))
    slopes = np.array(
        [
            float(counts @ (digamma(r + levels) - digamma(r))) + total * np.log(alpha),
            total * r / alpha,
            total * np.log(beta),
            total * s / beta,
        ]
    )
    for some in _chunks(len(rows.counts)):
        part = _here_or_gone(rows.seen.where(some), rows.counts[some], r, alpha, s, beta)
        value += part[0]
        slopes += part[1]
    return penalised(-value / total, -slopes / total * np.exp(logs), logs, prior / total)


def _here_or_gone(
    seen: Histories, counts: Floats, r: float, alpha: float, s: float, beta: float
) -> tuple[float, Floats]:
    """The part of the likelihood that knows two cases, and its slopes in r, alpha, s, beta."""
    shape = r + seen.repeats
    nodes = integrate(Kernel(shape, alpha, s + 1.0, beta), seen.last, seen.age)
    log_a, log_b = np.log(alpha + seen.age), np.log(beta + seen.age)
    here, gone = -shape * log_a - s * log_b, np.log(s) + nodes.log
    either = np.logaddexp(here, gone)
    left = counts * np.exp(gone - either)
    stayed = counts - left
    a, b = alpha + nodes.times, beta + nodes.times
    mean_log_a, mean_log_b, mean_a, mean_b = (
        (nodes.weights * g).sum(axis=1) for g in (np.log(a), np.log(b), 1.0 / a, 1.0 / b)
    )
    slopes = [
        -stayed @ log_a - left @ mean_log_a,
        -(stayed * shape) @ (1.0 / (alpha + seen.age)) - (left * shape) @ mean_a,
        -stayed @ log_b + left @ (1.0 / s - mean_log_b),
        -s * (stayed @ (1.0 / (beta + seen.age))) - (s + 1.0) * (left @ mean_b),
    ]
    return float(counts @ either), np.array(slopes)
