"""How much money all members together mean: weights between them, and the total they share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import approx_fprime

from ml.calibration import simplex
from ml.learning.course import Evidence
from ml.sample import Floats

VARIANCE_POWER = 1.3
SHRINKAGE = 0.05
"""What it costs, in Tweedie loss, to trust the members unequally."""
WHALE = 0.995
"""A share of the customers."""
_MOST = 2.0


def shares_of(margins: Floats, weights: Floats) -> Floats:
    """The factor of each member's exp(margin), such that members of one total are averaged.

    The whole total lies half-way, in logarithms, between the rhythm's (the last member) and the
    members': trees follow the last season's level, rhythm is slow to. Whoever is foretold more than
    `WHALE` of all counts no more than that: one huge basket must not raise everybody else.
    """
    values = np.exp(margins)
    totals = np.minimum(values, np.quantile(values, WHALE, axis=0)).sum(axis=0)
    whole = np.exp(0.5 * np.log(totals[-1]) + 0.5 * weights @ np.log(totals))
    return np.asarray(weights * whole / totals, np.float64)


def money(each: Evidence, weights: Floats) -> Floats:
    """What the members together expected at an origin; their margins are logs of minor units."""
    return np.asarray(np.exp(each.margins) @ shares_of(each.margins, weights), np.float64)


def weigh_values(evidence: Sequence[Evidence]) -> Floats:
    """Weights with the least Tweedie loss once totals are right, unequal ones only if they pay."""
    members = evidence[0].margins.shape[1]
    equal = np.full(members, 1.0 / members)
    # A window in which nobody brought anything says nothing about who brings more than others.
    telling = [each for each in evidence if each.sample.value.any()]
    if not telling:
        return equal

    def loss(weights: Floats) -> float:
        parts = []
        for each in telling:
            unit = each.sample.value.mean()
            expected, value = money(each, weights), each.sample.value / unit
            parts.append(tweedie_loss(expected * value.sum() / expected.sum(), value))
        away = weights - equal
        return float(np.mean(parts)) + SHRINKAGE * float(away @ away)

    def with_slope(weights: Floats) -> tuple[float, Floats]:
        inside = np.clip(weights, 1e-6, None)
        return loss(inside), approx_fprime(inside, loss, 1e-6)

    return np.array(simplex(with_slope, equal))


def correction(evidence: Sequence[Evidence], weights: Floats) -> float:
    """By how much totals were missed, mistrusted where few origins say so."""
    missed = []
    for each in evidence:
        ratio = each.sample.value.sum() / money(each, weights).sum()
        missed.append(np.log(np.clip(ratio, 1.0 / _MOST, _MOST)))
    return float(np.exp(np.sum(missed) / (len(missed) + 1)))


def tweedie_loss(expected: Floats, value: Floats) -> float:
    one, two = 1.0 - VARIANCE_POWER, 2.0 - VARIANCE_POWER
    return float(np.mean(-value * expected**one / one + expected**two / two))
