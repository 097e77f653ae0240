"""Buy-till-you-die: how likely a customer's rhythm alone makes another purchase.

Both models of this family let a customer buy at a rate of their own (gamma over customers) and
leave for good, after a purchase, with a probability of their own (beta): MBG/NBD also right after
the first one (Batislam, Denizel, Filiztekin 2007), BG/NBD not (Fader, Hardie, Lee 2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, gammaln

from ml.errors import FitFailed
from ml.feature_catalogue import DERIVED
from ml.sample import Floats, Sample, join

_STARTS = ((1.0, 1.0, 1.0, 2.0), (0.3, 2.0, 0.5, 3.0), (3.0, 0.3, 0.2, 5.0))
_PENALTY = 1e-4
_LIMIT = 12.0


@dataclass(frozen=True)
class Histories:
    """Customers' purchase days: `repeats` after the first, `last` and `age` in days since it."""

    repeats: Floats
    last: Floats
    age: Floats

    @classmethod
    def of(cls, sample: Sample) -> Self:
        tenure = sample.column("tenure_days")
        return cls(
            sample.column("purchase_days") - 1.0, tenure - sample.column("recency_days"), tenure
        )

    def collapsed(self) -> tuple[Histories, Floats]:
        """Distinct histories and how many customers share each."""
        rows, counts = np.unique(
            np.column_stack([self.repeats, self.last, self.age]), axis=0, return_counts=True
        )
        return Histories(rows[:, 0], rows[:, 1], rows[:, 2]), counts.astype(np.float64)


@dataclass(frozen=True)
class Rhythm:
    """A fitted model: rate ~ gamma(r, alpha per day), departure ~ beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    kind: Literal["mbg", "bg"] = "mbg"

    def to_document(self) -> dict[str, float | str]:
        return dict(vars(self))

    @classmethod
    def from_document(cls, document: Mapping[str, float | str]) -> Self:
        kind: Literal["mbg", "bg"] = "bg" if document["kind"] == "bg" else "mbg"
        r, alpha, a, b = (float(document[name]) for name in ("r", "alpha", "a", "b"))
        return cls(r, alpha, a, b, kind)

    @property
    def _extra(self) -> float:
        """Chances to leave beyond those at repeat purchases: the first purchase, or none."""
        return 1.0 if self.kind == "mbg" else 0.0

    def alive(self, seen: Histories) -> Floats:
        """The probability that a customer has not left for good."""
        survived = self.b + seen.repeats + self._extra - 1.0
        odds = (self.r + seen.repeats) * np.log((self.alpha + seen.age) / (self.alpha + seen.last))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_gone = np.log(self.a / survived) + odds
        if self.kind == "bg":
            log_gone = np.where(seen.repeats > 0, log_gone, -np.inf)
        return 1.0 / (1.0 + np.exp(np.minimum(log_gone, 500.0)))

    def absence(self, seen: Histories, horizon_days: float) -> Floats:
        """The probability of no purchase within the horizon: gone already, or alive and quiet."""
        alive = self.alive(seen)
        quiet = np.exp(-(self.r + seen.repeats) * np.log1p(horizon_days / (self.alpha + seen.age)))
        return (1.0 - alive) + alive * quiet

    def expected_days(self, seen: Histories, horizon_days: float) -> Floats:
        """Expected number of purchase days within the horizon.

        Given rate and departure probability p it is (1 - exp(-rate p h)) / p; the rate integrates
        in closed form, p by Gauss-Legendre over its quantiles, which are slow to find and depend
        on the number of purchases only.
        """
        nodes, weights = np.polynomial.legendre.leggauss(32)
        shape, scale = self.r + seen.repeats, self.alpha + seen.age
        repeats, place = np.unique(seen.repeats, return_inverse=True)
        stays = self.b + repeats + self._extra
        total = np.zeros_like(scale)
        for node, weight in zip((nodes + 1.0) / 2.0, weights / 2.0, strict=True):
            leaves = np.maximum(betaincinv(self.a, stays, node), 1e-12)[place]
            total += weight * -np.expm1(-shape * np.log1p(leaves * horizon_days / scale)) / leaves
        return self.alive(seen) * total

    def days_to_next(self, seen: Histories) -> Floats:
        """Days until the next purchase is as likely as not; infinite for who has probably left."""
        alive = self.alive(seen)
        with np.errstate(divide="ignore", invalid="ignore"):
            quiet = (alive - 0.5) / alive
            days = (self.alpha + seen.age) * np.expm1(-np.log(quiet) / (self.r + seen.repeats))
        return np.where(alive > 0.5, days, np.inf)


def fit_rhythm(seen: Histories, kind: Literal["mbg", "bg"] = "mbg") -> Rhythm:
    """Maximum likelihood from several starts, lightly penalised towards ordinary parameters.

    Raises:
        FitFailed: there is nobody to learn from, or no start converged.
    """
    rows, counts = seen.collapsed()
    if not len(counts):
        raise FitFailed("The rhythm model needs customers with purchases; there are none.")
    unit = float(np.average(rows.age, weights=counts)) / 10.0 or 1.0
    scaled = Histories(rows.repeats, rows.last / unit, rows.age / unit)
    results = [
        minimize(
            _loss,
            np.log(start),
            args=(scaled, counts, 1.0 if kind == "mbg" else 0.0),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-_LIMIT, _LIMIT)] * 4,
        )
        for start in _STARTS
    ]
    good = [result for result in results if result.success and np.isfinite(result.fun)]
    if not good:
        raise FitFailed(
            f"The {kind.upper()}/NBD likelihood has no maximum that any start reaches "
            f"({results[0].message}): check that purchase days vary between customers."
        )
    r, alpha, a, b = np.exp(min(good, key=lambda result: result.fun).x)
    return Rhythm(float(r), float(alpha * unit), float(a), float(b), kind)


def _loss(logs: Floats, seen: Histories, counts: Floats, extra: float) -> tuple[float, Floats]:
    """Mean negative log-likelihood with its gradient, both in the logs of r, alpha, a, b."""
    r, alpha, a, b = np.exp(logs)
    x, log_age, log_last = seen.repeats, np.log(alpha + seen.age), np.log(alpha + seen.last)
    stay = b + x + extra
    leave = np.where(stay > 1.0, stay - 1.0, 1.0)
    possible = (x > 0) | (extra > 0)
    here = betaln(a, stay) - (r + x) * log_age
    gone = np.where(possible, betaln(a + 1.0, leave) - (r + x) * log_last, -np.inf)
    either = np.logaddexp(here, gone)
    weight_here, weight_gone = np.exp(here - either), np.exp(gone - either)
    log_likelihood = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b) + either
    slopes = np.stack(
        [
            digamma(r + x) - digamma(r) + np.log(alpha)
            - weight_here * log_age - weight_gone * log_last,
            r / alpha - (r + x) * (weight_here / (alpha + seen.age)
                                   + weight_gone / (alpha + seen.last)),
            weight_gone / a - digamma(a + stay) + digamma(a + b),
            weight_here * digamma(stay) + weight_gone * digamma(leave)
            - digamma(a + stay) - digamma(b) + digamma(a + b),
        ]
    )  # fmt: skip
    total = counts.sum()
    loss = -float(counts @ log_likelihood) / total + _PENALTY * float(logs @ logs)
    gradient = -(slopes @ counts) / total * np.exp(logs) + 2.0 * _PENALTY * logs
    return loss, gradient


@dataclass(frozen=True)
class Spend:
    """Gamma-Gamma: what a customer spends on a purchase day, shrunk towards everyone's mean."""

    p: float
    q: float
    scale: float

    def to_document(self) -> dict[str, float]:
        return dict(vars(self))

    def expected(self, mean: Floats, days: Floats) -> Floats:
        """Expected money on a purchase day, from the mean of `days` observed ones."""
        mean = np.maximum(mean, 0.0)
        return self.p * (self.scale + days * mean) / (self.p * days + self.q - 1.0)


def fit_spend(mean: Floats, days: Floats) -> Spend:
    """Maximum likelihood over customers with a positive mean (Fader, Hardie 2013).

    Raises:
        FitFailed: nobody spent anything, or no start converged.
    """
    used = (mean > 0) & (days > 0)
    if not used.any():
        raise FitFailed("The spend model needs customers with a positive spend; there are none.")
    unit = float(mean[used].mean())
    m, x = mean[used] / unit, days[used]

    def loss(logs: Floats) -> float:
        p, q, scale = np.exp(logs[0]), 1.0 + np.exp(logs[1]), np.exp(logs[2])
        value = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(scale)
            + (p * x - 1.0) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(scale + x * m)
        )  # fmt: skip
        return -float(value.mean()) + _PENALTY * float(logs @ logs)

    results = [
        minimize(loss, np.array(start), method="L-BFGS-B", bounds=[(-_LIMIT, _LIMIT)] * 3)
        for start in ((0.0, 0.5, 0.0), (1.5, 1.0, 1.0))
    ]
    good = [result for result in results if result.success and np.isfinite(result.fun)]
    if not good:
        raise FitFailed(f"The spend likelihood has no maximum ({results[0].message}).")
    p, q, scale = min(good, key=lambda result: result.fun).x
    return Spend(float(np.exp(p)), float(1.0 + np.exp(q)), float(np.exp(scale) * unit))


@dataclass(frozen=True)
class Habit:
    """Rhythm and spend, learned from everyone's purchases before one cut-off."""

    rhythm: Rhythm
    spend: Spend
    margin_share: float

    def to_document(self) -> dict[str, Any]:
        return {
            "rhythm": self.rhythm.to_document(),
            "spend": self.spend.to_document(),
            "margin_share": self.margin_share,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            Rhythm.from_document(document["rhythm"]),
            Spend(**document["spend"]),
            float(document["margin_share"]),
        )

    def extend(self, sample: Sample, horizon_days: int) -> Sample:
        """The sample with the features of `ml.feature_catalogue.DERIVED`."""
        seen, days = Histories.of(sample), sample.column("purchase_days")
        expected = self.rhythm.expected_days(seen, horizon_days)
        worth = self.spend.expected(sample.column("net_spend") / days, days) * self.margin_share
        columns: dict[str, Floats] = {
            "rhythm_absence": self.rhythm.absence(seen, horizon_days),
            "rhythm_orders": expected,
            "rhythm_value": expected * worth,
        }
        return sample.with_columns({code: columns[code] for code in DERIVED})


def fit_habit(sample: Sample, margin_share: float) -> Habit:
    """Learn from one cut-off; labels are not looked at."""
    days = sample.column("purchase_days")
    return Habit(
        fit_rhythm(Histories.of(sample)),
        fit_spend(sample.column("net_spend") / days, days),
        margin_share,
    )


def extend_each(sample: Sample, horizon_days: int, margin_shares: Mapping[int, float]) -> Sample:
    """Each origin extended by the habit that could be learned at that origin."""
    parts = []
    for cutoff in np.unique(sample.cutoff):
        part = sample.where(sample.cutoff == cutoff)
        habit = fit_habit(part, margin_shares[int(cutoff)])
        parts.append(habit.extend(part, horizon_days))
    return join(parts)
