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
ENOUGH = 1e-5
"""A draw that lowers the error by less ends the drawing."""
PARTS = 5
MIN_GAIN = 2e-4
"""Log-loss that a correction must save on rows it was not learned from."""


@dataclass(frozen=True)
class Mix:
    """Log-odds = slope * (members' log-odds . weights) + intercept; the weights sum to one."""

    weights: Floats
    slope: float = 1.0
    intercept: float = 0.0


def log_loss(scores: Floats, churned: Bools) -> float:
    """Mean log-loss of log-odds."""
    return float(np.mean(np.logaddexp(0.0, scores) - churned * scores))


def error(scores: Floats, churned: Bools) -> float:
    """Log of log-loss times log of what is lacking to an AUC of one.

    A customer list is ranked and its probabilities are multiplied with money, so a tenth less of
    either error is worth the same.
    """
    lacking = max(1.0 - float(roc_auc_score(churned, scores)), 1e-4)
    return float(np.log(max(log_loss(scores, churned), 1e-6)) + np.log(lacking))


def learn_mix(scores: Floats, churned: Bools, seed: int) -> Mix:
    """Draw members one by one, each time the one that helps most (Caruana et al. 2004, "Ensemble
    selection from libraries of models"), then correct slope and intercept where that helps.

    `scores` are log-odds, rows x members, of rows that the members had not seen.
    """
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
    slope, intercept = _correction(mixed, churned, seed)
    return Mix(drawn / drawn.sum(), slope, intercept)


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
