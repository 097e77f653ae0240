"""How much each member of the blend counts, by what it foretold of rows it had not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from ml.sample import Floats
from ml.tables.terms import Bools

STEPS = 40
"""Members drawn, with replacement; the weight of each is its share of the draws."""
ENOUGH = 1e-3
"""A draw that lowers the error, a logarithm, by less than this part ends the drawing."""
PARTS = 5
MIN_GAIN = 2e-4
"""Log-loss that a correction must save on rows it was not learned from."""


@dataclass(frozen=True)
class Mix:
    """Log-odds = members' log-odds . weights + intercept; no weight is negative."""

    weights: Floats
    intercept: float


def log_loss(scores: Floats, churned: Bools) -> float:
    """Mean log-loss of log-odds."""
    return float(np.mean(np.logaddexp(0.0, scores) - churned * scores))


def error(scores: Floats, churned: Bools) -> float:
    """Logarithm of the log-loss times what the AUC lacks to one.

    A customer list is ranked and its probabilities are multiplied with money, so a tenth less of
    either error is worth the same.
    """
    lacking = max(1.0 - float(roc_auc_score(churned, scores)), 1e-4)
    return float(np.log(max(log_loss(scores, churned), 1e-6)) + np.log(lacking))


def learn_mix(scores: Floats, churned: Bools, seed: int) -> Mix:
    """Correct each member and draw from them, each time the one that helps most (Caruana et al.
    2004, "Ensemble selection from libraries of models"); then correct what came of it.

    `scores` are log-odds, rows x members, of rows that the members had not seen.
    """
    corrections = np.array([_correction(own, churned, seed) for own in scores.T])
    own_slopes, own_intercepts = corrections.T
    weights = _draw(scores * own_slopes + own_intercepts, churned)
    intercept = float(weights @ own_intercepts)
    weights = weights * own_slopes
    slope, shift = _correction(scores @ weights + intercept, churned, seed)
    return Mix(slope * weights, slope * intercept + shift)


def _draw(scores: Floats, churned: Bools) -> Floats:
    """The share of each member in the draws."""
    drawn = np.zeros(scores.shape[1])
    mixed, best = np.zeros(len(scores)), np.inf
    for count in range(STEPS):
        trials = [(mixed * count + own) / (count + 1) for own in scores.T]
        errors = [error(trial, churned) for trial in trials]
        place = int(np.argmin(errors))
        if errors[place] > best - ENOUGH:
            break
        drawn[place] += 1
        mixed, best = trials[place], errors[place]
    return np.asarray(drawn / drawn.sum(), np.float64)


def _correction(scores: Floats, churned: Bools, seed: int) -> tuple[float, float]:
    """Slope and intercept, if those learned on some rows help on others; else none."""
    part = np.random.default_rng(seed).permutation(len(scores)) % PARTS
    corrected = np.empty(len(scores))
    for number in range(PARTS):
        there = part == number
        slope, intercept = _fit_correction(scores[~there], churned[~there])
        corrected[there] = slope * scores[there] + intercept
    if log_loss(corrected, churned) > log_loss(scores, churned) - MIN_GAIN:
        return 1.0, 0.0
    return _fit_correction(scores, churned)


def _fit_correction(scores: Floats, churned: Bools) -> tuple[float, float]:
    def loss(point: Floats) -> tuple[float, Floats]:
        fitted = point[0] * scores + point[1]
        wrong = expit(fitted) - churned
        return log_loss(fitted, churned), np.array([np.mean(wrong * scores), np.mean(wrong)])

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.2, 5.0), (None, None)]
    )
    return float(found.x[0]), float(found.x[1])
