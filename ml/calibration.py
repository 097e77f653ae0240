"""Do probabilities mean what they say? The expected calibration error, and a careful correction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from ml.sample import Floats

Ints = npt.NDArray[np.int64]
BINS = 10
MIN_GAIN = 1e-3
"""Log-loss that a correction must save on an origin it has not seen: less is noise, and a
correction fitted to one season hurts in the next."""


SHRINKAGE = 0.2
"""What it costs, in log-loss, to trust the members unequally: one or two origins say little about
which of them the next one will suit."""


@dataclass(frozen=True)
class Platt:
    """probability = expit(slope * log-odds + intercept); the default changes nothing."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, log_odds: Floats) -> Floats:
        return self.slope * log_odds + self.intercept


def log_odds(probability: Floats) -> Floats:
    """Log-odds of probabilities kept one millionth away from certainty."""
    inside = np.clip(probability, 1e-6, 1.0 - 1e-6)
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float64)


def log_loss(scores: Floats, happened: Floats) -> float:
    """Mean log-loss of log-odds."""
    return -float(np.mean(happened * log_expit(scores) + (1.0 - happened) * log_expit(-scores)))


def reliability(probability: Floats, happened: Floats) -> list[tuple[float, float, int]]:
    """Mean prediction, observed share and size of ten bins of equal count, lowest first."""
    order = np.argsort(probability, kind="stable")
    return [
        (float(probability[rows].mean()), float(happened[rows].mean()), len(rows))
        for rows in np.array_split(order, min(BINS, len(order)))
    ]


def expected_calibration_error(probability: Floats, happened: Floats) -> float:
    bins = reliability(probability, happened)
    total = sum(size for _, _, size in bins)
    return sum(abs(said - seen) * size for said, seen, size in bins) / total


def fit_platt(scores: Floats, happened: Floats) -> Platt:
    def loss(parameters: Floats) -> tuple[float, Floats]:
        fitted = parameters[0] * scores + parameters[1]
        error = expit(fitted) - happened
        return log_loss(fitted, happened), np.array([np.mean(error * scores), np.mean(error)])

    result = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    return Platt(float(result.x[0]), float(result.x[1]))


def choose_platt(scores: Floats, happened: Floats, origin: Ints) -> Platt:
    """A correction if one learned on the earlier origins helps on the latest; else none."""
    latest = origin == origin.max()
    if latest.all() or not 0 < happened[~latest].sum() < (~latest).sum():
        return Platt()
    trial = fit_platt(scores[~latest], happened[~latest]).apply(scores[latest])
    seen = happened[latest]
    better = log_loss(trial, seen) < log_loss(scores[latest], seen) - MIN_GAIN
    truer = expected_calibration_error(expit(trial), seen) <= expected_calibration_error(
        expit(scores[latest]), seen
    )
    return fit_platt(scores, happened) if better and truer else Platt()


def weigh(margins: Floats, happened: Floats, prior: Floats | None = None) -> tuple[float, ...]:
    """Weights of members, never negative and 1 together, with the least log-loss of their mean.

    `margins` has a column of log-odds for each member. Weights other than `prior`, which are equal
    ones if nothing is said, must pay for themselves.
    """
    members = margins.shape[1]
    before = np.full(members, 1.0 / members) if prior is None else prior

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = margins @ weights
        away = weights - before
        slope = margins.T @ (expit(scores) - happened) / len(happened)
        return log_loss(scores, happened) + SHRINKAGE * float(away @ away), (
            slope + 2.0 * SHRINKAGE * away
        )

    return simplex(loss, before)


def simplex(loss: Callable[[Floats], tuple[float, Floats]], start: Floats) -> tuple[float, ...]:
    """The least loss over weights that are never negative and 1 together."""
    result = minimize(
        loss,
        start,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(start),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1.0},
    )
    found = np.clip(result.x if result.success else start, 0.0, None)
    return tuple(float(weight) for weight in found / found.sum())
