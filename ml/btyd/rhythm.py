"""BG/NBD and MBG/NBD: customers buy at a rate of their own and may leave after a purchase.

The rate is gamma over customers, the chance to leave after a purchase is beta: MBG/NBD also right
after the first one (Batislam, Denizel, Filiztekin 2007), BG/NBD not (Fader, Hardie, Lee 2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, gammaln

from ml.btyd.histories import Histories
from ml.errors import FitFailed
from ml.sample import Floats

_STARTS = ((1.0, 1.0, 1.0, 2.0), (0.3, 2.0, 0.5, 3.0), (3.0, 0.3, 0.2, 5.0))
_PENALTY = 1e-4
_LIMIT = 12.0


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
