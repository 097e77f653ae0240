"""Back-tests: the models and what they must beat, judged on the same customers of the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from scipy.stats import rankdata

from ml.calibration import expected_calibration_error, fit_platt, log_loss
from ml.churn import ChurnModel, log_odds
from ml.clv import ClvModel, Value, tweedie_loss
from ml.feature_catalogue import WINDOWS_DAYS
from ml.sample import Floats, Sample

Metrics = dict[str, float]
DECISIVE: Mapping[str, Literal["log_loss", "tweedie_loss"]] = {
    "churn": "log_loss",
    "clv": "tweedie_loss",
}
"""The metric that decides between two models; lower is better for both."""


@dataclass(frozen=True)
class Evaluation:
    """Ours and the baselines on one holdout, with what the plots need."""

    metrics: Metrics
    baselines: Mapping[str, Metrics]
    predicted: Floats
    actual: Floats


def churn_metrics(probability: Floats, churned: npt.NDArray[np.bool_]) -> Metrics:
    happened = churned.astype(np.float64)
    return {
        "auc": auc(probability, churned),
        "log_loss": log_loss(log_odds(probability), happened),
        "brier": float(np.mean((probability - happened) ** 2)),
        "ece": expected_calibration_error(probability, happened),
        "lift_10": lift(probability, happened),
    }


def clv_metrics(expected: Floats, value: Floats, exponent: int) -> Metrics:
    """RMSE and MAE in whole units of the currency, `total_ratio` is predicted to actual."""
    unit = float(value.mean()) or 1.0
    return {
        "gini": normalised_gini(expected, value),
        "rmse": float(np.sqrt(np.mean((expected - value) ** 2))) / 10**exponent,
        "mae": float(np.mean(np.abs(expected - value))) / 10**exponent,
        "tweedie_loss": tweedie_loss(np.maximum(expected / unit, 1e-6), value / unit),
        "total_ratio": float(expected.sum() / max(value.sum(), 1.0)),
    }


def interval_metrics(predicted: Value, value: Floats) -> Metrics:
    """Shares of values at or below the upper end and below the lower, where these are above 0."""
    high, low = predicted.high > 0, predicted.low > 0
    return {
        "within_high": float(np.mean(value[high] <= predicted.high[high])) if high.any() else 1.0,
        "below_low": float(np.mean(value[low] < predicted.low[low])) if low.any() else 0.0,
    }


def auc(score: Floats, happened: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counting half; 0.5 where only one class is present."""
    positives, negatives = int(happened.sum()), int((~happened).sum())
    if not positives or not negatives:
        return 0.5
    ranks = rankdata(score)[happened].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def lift(score: Floats, outcome: Floats, share: float = 0.1) -> float:
    """How many times the average the outcome is in the top share by score."""
    top = np.argsort(-score, kind="stable")[: max(1, round(len(score) * share))]
    return float(outcome[top].mean() / outcome.mean()) if outcome.any() else 1.0


def normalised_gini(score: Floats, value: Floats, seed: int = 0) -> float:
    """Gini of value ranked by score over that of the perfect ranking; ties broken at random."""
    if not value.any():
        return 0.0
    ties = np.random.default_rng(seed).permutation(len(value))

    def gini(key: Floats) -> float:
        order = np.lexsort((ties, -key))
        return float(np.cumsum(value[order]).mean() / value.sum()) - 0.5 * (1 + 1 / len(value))

    return gini(score) / gini(value) if gini(value) else 0.0


def evaluate_churn(model: ChurnModel, teachers: Sample, holdout: Sample) -> Evaluation:
    """`holdout` is extended by the model's habit, as `teachers` are by their own."""
    probability = model.predict(holdout)
    recency = np.log1p(teachers.column("recency_days"))
    happened = teachers.churned.astype(np.float64)
    by_recency = fit_platt(recency, happened).apply(np.log1p(holdout.column("recency_days")))
    rivals = {
        "base_rate": np.full(len(holdout), happened.mean()),
        "recency": np.asarray(expit(by_recency), np.float64),
        "mbg_nbd": holdout.column("rhythm_absence"),
    }
    return Evaluation(
        metrics=churn_metrics(probability, holdout.churned),
        baselines={name: churn_metrics(rival, holdout.churned) for name, rival in rivals.items()},
        predicted=probability,
        actual=holdout.churned.astype(np.float64),
    )


def evaluate_clv(model: ClvModel, teachers: Sample, holdout: Sample, exponent: int) -> Evaluation:
    """Like `evaluate_churn`; values are compared before discounting, as they were booked."""
    predicted = model.undiscounted(holdout)
    window = min(WINDOWS_DAYS, key=lambda days: abs(days - model.horizon_days))
    recent = holdout.column(f"spend_{window}d") * model.habit.margin_share
    rivals = {
        "mean": np.full(len(holdout), teachers.value.mean()),
        "last_period": np.maximum(recent, 0.0) * model.horizon_days / window,
        "mbg_nbd": holdout.column("rhythm_value"),
    }
    value = holdout.value
    return Evaluation(
        metrics=clv_metrics(predicted.expected, value, exponent)
        | interval_metrics(predicted, value),
        baselines={name: clv_metrics(rival, value, exponent) for name, rival in rivals.items()},
        predicted=predicted.expected,
        actual=value,
    )
