"""BG/NBD and MBG/NBD: customers buy at a rate of their own and may leave after a purchase.

The rate is gamma over customers, the chance to leave after a purchase is beta: MBG/NBD also right
after the first one (Batislam, Denizel, Filiztekin 2007), BG/NBD not (Fader, Hardie, Lee 2005).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from scipy.special import betaincinv, betaln, digamma, expit, gammaln

from ml.btyd.histories import Histories, Rows
from ml.btyd.maximum import COARSE_ROWS, PRIOR, find_maximum, penalised
from ml.btyd.model import Document, PurchaseModel, return_days, returned
from ml.sample import Floats

_STARTS = ((1.0, 1.0, 1.0, 2.0), (0.3, 2.0, 0.5, 3.0), (3.0, 0.3, 0.2, 5.0))


@dataclass(frozen=True)
class Rhythm(PurchaseModel):
    """A fitted model: rate ~ gamma(r, alpha per day), departure ~ beta(a, b).

    BG/NBD is certain that who bought once is still there, however long ago: ask it for `absence`
    or expected purchases, which take account of a low rate, never for who is `alive`. Where many
    buy once, MBG/NBD is the one to use.
    """

    r: float
    alpha: float
    a: float
    b: float
    kind: Literal["mbg", "bg"] = "mbg"

    def to_document(self) -> Document:
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
        survived = self.b + seen.repeats + self._extra - 1.0
        possible = (seen.repeats > 0) | (self.kind == "mbg")
        silence = np.log((self.alpha + seen.age) / (self.alpha + seen.last))
        log_gone = (self.r + seen.repeats) * silence + np.log(
            self.a / np.where(possible, survived, 1.0)
        )
        return np.where(possible, expit(-log_gone), 1.0)

    def rate(self, seen: Histories) -> Floats:
        return (self.r + seen.repeats) / (self.alpha + seen.age)

    def days_if_here(
        self, seen: Histories, horizon_days: float, *, faster: float = 1.0, longer: float = 1.0
    ) -> Floats:
        """Given rate and departure probability p it is (1 - exp(-rate p h)) / p; the rate
        integrates in closed form, p by Gauss-Legendre over its quantiles, which are slow to find
        and depend on the number of purchases only.

        Departures come with purchases, so that `longer` makes p so many times smaller, and a
        `faster` rate brings them nearer.
        """
        nodes, weights = np.polynomial.legendre.leggauss(32)
        shape, days = self.r + seen.repeats, horizon_days * faster / (self.alpha + seen.age)
        repeats, place = np.unique(seen.repeats, return_inverse=True)
        stays = self.b + repeats + self._extra
        total = np.zeros_like(days)
        for node, weight in zip((nodes + 1.0) / 2.0, weights / 2.0, strict=True):
            leaves = np.maximum(betaincinv(self.a, stays, node) / longer, 1e-12)[place]
            total += weight * -np.expm1(-shape * np.log1p(leaves * days)) / leaves
        return total

    def back(self, seen: Histories, within_days: float) -> Floats:
        return returned(self.r + seen.repeats, self.alpha + seen.age, within_days)

    def wait(self, seen: Histories, share: Floats | float, within_days: float) -> Floats:
        shape, scale = self.r + seen.repeats, self.alpha + seen.age
        return return_days(shape, scale, share * returned(shape, scale, within_days))


def fit_rhythm(
    seen: Histories,
    kind: Literal["mbg", "bg"] = "mbg",
    *,
    prior: float = PRIOR,
    coarse_rows: int = COARSE_ROWS,
) -> Rhythm:
    """Maximum likelihood, lightly penalised towards ordinary parameters (`ml.btyd.maximum`).

    Raises:
        FitFailed: there is nobody to learn from, or no start converged.
    """
    rows = Rows.of(seen)
    few = rows.thinned(coarse_rows)
    extra = 1.0 if kind == "mbg" else 0.0

    def loss(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, rows, extra, prior)

    def coarse(logs: Floats) -> tuple[float, Floats]:
        return _loss(logs, few, extra, prior)

    r, alpha, a, b = np.exp(find_maximum(f"{kind.upper()}/NBD", _STARTS, coarse, loss))
    return Rhythm(float(r), float(alpha * rows.unit), float(a), float(b), kind)


def _loss(logs: Floats, rows: Rows, extra: float, prior: float) -> tuple[float, Floats]:
    """Mean negative log-likelihood with its gradient, both in the logs of r, alpha, a, b.

    A customer's likelihood is that of being here times 1 + exp(odds of being gone).
    """
    r, alpha, a, b = np.exp(logs)
    x, levels, counts, total = rows.seen.repeats, rows.levels, rows.level_counts, rows.customers
    stay = b + levels + extra
    possible = levels + extra > 0
    survived = np.where(possible, stay - 1.0, 1.0)
    log_age = np.log(alpha + rows.seen.age)
    silence = log_age - np.log(alpha + rows.seen.last)
    odds = np.where(possible, np.log(a / survived), -np.inf)[rows.place] + (r + x) * silence
    either = np.logaddexp(0.0, odds)
    gone = rows.counts * np.exp(odds - either)
    gone_at = np.bincount(rows.place, weights=gone)
    log_likelihood = (
        counts @ (gammaln(r + levels) - gammaln(r) + betaln(a, stay) - betaln(a, b))
        + total * r * np.log(alpha) - rows.counts @ ((r + x) * log_age - either)
    )  # fmt: skip
    left = digamma(a + b) - digamma(a + stay)
    here = (rows.counts - gone) / (alpha + rows.seen.age) + gone / (alpha + rows.seen.last)
    slopes = np.array(
        [
            counts @ (digamma(r + levels) - digamma(r)) + total * np.log(alpha)
            - rows.counts @ log_age + gone @ silence,
            total * r / alpha - (r + x) @ here,
            counts @ left + gone_at.sum() / a,
            counts @ (left + digamma(stay) - digamma(b)) - gone_at @ (1.0 / survived),
        ]
    )  # fmt: skip
    loss, gradient = -float(log_likelihood) / total, -slopes / total * np.exp(logs)
    return penalised(loss, gradient, logs, prior / total)
