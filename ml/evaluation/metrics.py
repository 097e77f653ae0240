"""Metrics of predictions, written so that thousands of resamples cost a few matrix products.

A metric is a function of weights: an array [resamples, customers] that says how often each customer
was drawn gives one value per resample. With all weights 1 it is the metric itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import log_expit

from ml.bands import Value
from ml.calibration import BINS, log_odds
from ml.learning.levels import VARIANCE_POWER
from ml.sample import Floats

Metrics = dict[str, float]
Weighted = Callable[[Floats], Floats]
Bools = npt.NDArray[np.bool_]

DECISIVE: Mapping[str, Literal["log_loss", "tweedie_loss"]] = {
    "churn": "log_loss",
    "clv": "tweedie_loss",
}
"""The metric that decides between two models; lower is better for both."""


def point(metrics: Mapping[str, Weighted], customers: int) -> Metrics:
    """The metrics themselves: every customer once."""
    once = np.ones((1, customers))
    return {name: float(metric(once)[0]) for name, metric in metrics.items()}


def churn_metrics(probability: Floats, churned: Bools) -> Metrics:
    return point(weighted_churn(probability, churned), len(churned))


def clv_metrics(expected: Floats, value: Floats, exponent: int) -> Metrics:
    """RMSE and MAE in whole units of the currency, `total_ratio` is predicted to actual."""
    return point(weighted_clv(expected, value, exponent), len(value))


def interval_metrics(predicted: Value, value: Floats) -> Metrics:
    """Shares of values at or below the upper end and below the lower, where these are above 0."""
    return point(weighted_ends(predicted.low, predicted.high, value), len(value))


def auc(score: Floats, happened: Bools) -> float:
    """Area under the ROC curve, ties counting half; 0.5 where only one class is present."""
    return point({"auc": weighted_auc(score, happened)}, len(score))["auc"]


def lift(score: Floats, outcome: Floats, share: float = 0.1) -> float:
    """How many times the average the outcome is in the top share by score."""
    return point({"lift": weighted_lift(score, outcome, share)}, len(score))["lift"]


def normalised_gini(score: Floats, value: Floats, seed: int = 0) -> float:
    """Gini of value ranked by score over that of the perfect ranking; ties broken at random."""
    return point({"gini": weighted_gini(score, value, seed)}, len(score))["gini"]


def weighted_churn(probability: Floats, churned: Bools) -> dict[str, Weighted]:
    happened = churned.astype(np.float64)
    odds = log_odds(probability)
    return {
        "auc": weighted_auc(probability, churned),
        "log_loss": _mean(-(happened * log_expit(odds) + (1.0 - happened) * log_expit(-odds))),
        "brier": _mean((probability - happened) ** 2),
        "ece": _weighted_ece(probability, happened),
        "lift_10": weighted_lift(probability, happened),
    }


def weighted_clv(expected: Floats, value: Floats, exponent: int) -> dict[str, Weighted]:
    unit = float(value.mean()) or 1.0
    whole = 10.0**exponent
    square = _mean((expected - value) ** 2)
    return {
        "gini": weighted_gini(expected, value),
        "rmse": lambda weights: np.sqrt(square(weights)) / whole,
        "mae": _mean(np.abs(expected - value) / whole),
        "tweedie_loss": _mean(_tweedie(np.maximum(expected / unit, 1e-6), value / unit)),
        "total_ratio": lambda weights: (weights @ expected) / np.maximum(weights @ value, 1.0),
    }


def weighted_ends(low: Floats, high: Floats, value: Floats) -> dict[str, Weighted]:
    """An interval judged by its ends, as zero is a mass of its own."""
    return {
        "within_high": _share(value <= high, high > 0, empty=1.0),
        "below_low": _share(value < low, low > 0, empty=0.0),
    }


def weighted_auc(score: Floats, happened: Bools) -> Weighted:
    """By ranks: the share of pairs in which the one it happened to has the higher score."""
    order, starts = _ties(score)
    positive = happened[order].astype(np.float64)

    def metric(weights: Floats) -> Floats:
        drawn = weights[:, order]
        ones = _by_score(drawn * positive, starts)
        zeros = _by_score(drawn * (1.0 - positive), starts)
        below = np.cumsum(zeros, axis=1) - 0.5 * zeros
        pairs = ones.sum(axis=1) * zeros.sum(axis=1)
        won = np.einsum("ij,ij->i", ones, below)
        return np.where(pairs > 0, won / np.maximum(pairs, 1.0), 0.5)

    return metric


def weighted_lift(score: Floats, outcome: Floats, share: float = 0.1) -> Weighted:
    """Of equal scores at the edge of the top, each counts by the part that fits in."""
    order, starts = _ties(-score)

    def metric(weights: Floats) -> Floats:
        drawn = weights[:, order]
        sizes = _by_score(drawn, starts)
        found = _by_score(drawn * outcome[order], starts)
        total = sizes.sum(axis=1)
        room = np.maximum(1.0, np.round(total * share))
        before = np.cumsum(sizes, axis=1) - sizes
        taken = np.clip(room[:, None] - before, 0.0, sizes) / np.maximum(sizes, 1.0)
        mean = found.sum(axis=1) / total
        top = np.einsum("ij,ij->i", taken, found) / room
        return np.where(mean > 0, top / np.where(mean > 0, mean, 1.0), 1.0)

    return metric


def weighted_gini(score: Floats, value: Floats, seed: int = 0) -> Weighted:
    ties = np.random.default_rng(seed).permutation(len(value))
    ours, perfect = np.lexsort((ties, -score)), np.lexsort((ties, -value))

    def metric(weights: Floats) -> Floats:
        best = _gini(weights, value, perfect)
        return np.where(best > 0, _gini(weights, value, ours) / np.where(best > 0, best, 1.0), 0.0)

    return metric


def _gini(weights: Floats, value: Floats, order: npt.NDArray[np.intp]) -> Floats:
    """Mean height of the Lorenz curve above the diagonal; who is drawn twice stands there twice."""
    drawn, worth = weights[:, order], value[order]
    money = drawn * worth
    before = np.cumsum(money, axis=1) - money
    heights = np.einsum("ij,ij->i", drawn, before) + (drawn * (drawn + 1) / 2) @ worth
    people, total = drawn.sum(axis=1), money.sum(axis=1)
    share = heights / people / np.where(total > 0, total, 1.0)
    return np.where(total > 0, share - 0.5 * (1 + 1 / people), 0.0)


def _weighted_ece(probability: Floats, happened: Floats) -> Weighted:
    """Bins of equal count, the same ones for every resample."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(BINS, len(order)))
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])])
    gap = (probability - happened)[order]

    def metric(weights: Floats) -> Floats:
        gaps = np.add.reduceat(weights[:, order] * gap, starts, axis=1)
        return np.asarray(np.abs(gaps).sum(axis=1) / weights.sum(axis=1), np.float64)

    return metric


def _tweedie(expected: Floats, value: Floats) -> Floats:
    one, two = 1.0 - VARIANCE_POWER, 2.0 - VARIANCE_POWER
    return np.asarray(-value * expected**one / one + expected**two / two, np.float64)


def _mean(losses: Floats) -> Weighted:
    return lambda weights: (weights @ losses) / weights.sum(axis=1)


def _share(hit: Bools, among: Bools, *, empty: float) -> Weighted:
    hits, base = (hit & among).astype(np.float64), among.astype(np.float64)

    def metric(weights: Floats) -> Floats:
        size = weights @ base
        return np.where(size > 0, (weights @ hits) / np.maximum(size, 1.0), empty)

    return metric


def _ties(score: Floats) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The order by score and where each group of equal scores begins in it."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return order, starts


def _by_score(columns: Floats, starts: npt.NDArray[np.intp]) -> Floats:
    """Sums over each group of equal scores; nothing to add up where all scores differ."""
    if len(starts) == columns.shape[1]:
        return columns
    return np.asarray(np.add.reduceat(columns, starts, axis=1), np.float64)
