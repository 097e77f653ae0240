"""Do probabilities mean what they say? The expected calibration error, and a careful correction."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from ml.booster import WEIGHTS, Evidence
from ml.churn import RHYTHM, Blend, Platt, blended, log_odds
from ml.sample import Floats

Ints = npt.NDArray[np.int64]
BINS = 10
MIN_GAIN = 1e-3
"""Log-loss that a correction must save on an origin it has not seen: less is noise, and a
correction fitted to one season hurts in the next."""


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


def learn_blend(evidence: Evidence) -> Blend:
    """How far to trust the trees, and how to correct the mix, from what both foretold."""
    happened = evidence.sample.churned.astype(np.float64)
    rhythm = log_odds(evidence.sample.column(RHYTHM))
    losses = [
        log_loss(weight * evidence.scores + (1.0 - weight) * rhythm, happened) for weight in WEIGHTS
    ]
    weight = float(WEIGHTS[int(np.argmin(losses))])
    mixed = blended(evidence.scores, evidence.sample, weight, Platt())
    origin: Ints = evidence.sample.cutoff
    return Blend(weight, choose_platt(mixed, happened, origin), float(rhythm.mean()))
