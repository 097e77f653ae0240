"""How much each member of the blend is trusted, by what it foretold of rows it had not seen."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ml.sample import Floats
from ml.tables.terms import Bools

PRIOR_ROWS = 5.0
"""Pull towards equal weights, in units of a row's log-loss for a squared weight."""
LEAST = 0.02
"""A member of less weight is not worth its trees."""


def log_loss(scores: Floats, churned: Bools) -> float:
    """Mean log-loss of log-odds."""
    return float(np.mean(np.logaddexp(0.0, scores) - churned * scores))


def learn_weights(scores: Floats, churned: Bools) -> tuple[Floats, float]:
    """Weights, none negative, and an intercept for the members' log-odds (rows x members).

    Their sum is free, so they calibrate as well: less than one where members were too sure.
    """
    members = scores.shape[1]
    equal = 1.0 / members

    def loss(point: Floats) -> tuple[float, Floats]:
        mixed = scores @ point[:-1] + point[-1]
        error = (expit(mixed) - churned) / len(scores)
        pull = PRIOR_ROWS / len(scores) * (point[:-1] - equal)
        value = log_loss(mixed, churned) + 0.5 * float(pull @ (point[:-1] - equal))
        return value, np.append(scores.T @ error + pull, error.sum())

    start = np.append(np.full(members, equal), 0.0)
    bounds = [(0.0, None)] * members + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = np.where(found[:-1] >= LEAST, found[:-1], 0.0)
    return (weights, float(found[-1])) if weights.any() else (np.full(members, equal), 0.0)
