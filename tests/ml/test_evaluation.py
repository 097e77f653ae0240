"""Metrics against values reckoned by hand or by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from ml.clv import Value
from ml.evaluation import (
    auc,
    churn_metrics,
    clv_metrics,
    interval_metrics,
    lift,
    normalised_gini,
)
from ml.plots import deciles


def test_churn_metrics_are_scikit_learns() -> None:
    random = np.random.default_rng(1)
    probability = np.round(random.random(500), 2) * 0.98 + 0.01
    churned = random.random(500) < probability
    metrics = churn_metrics(probability, churned)
    assert metrics["auc"] == pytest.approx(roc_auc_score(churned, probability))
    assert metrics["log_loss"] == pytest.approx(log_loss(churned, probability))
    assert metrics["brier"] == pytest.approx(brier_score_loss(churned, probability))


def test_edges_of_ranking() -> None:
    ones = np.ones(4, bool)
    assert auc(np.arange(4.0), ones) == 0.5
    assert auc(np.zeros(4), np.array([True, False, True, False])) == 0.5
    assert lift(np.arange(10.0, 0, -1), np.array([1.0] + [0.0] * 9)) == pytest.approx(10.0)
    value = np.array([5.0, 3.0, 1.0, 0.0])
    assert normalised_gini(value, value) == pytest.approx(1.0)
    assert normalised_gini(-value, value) == pytest.approx(-1.0)
    assert abs(normalised_gini(np.zeros(4000), np.tile(value, 1000))) < 0.05


def test_money_is_reported_in_whole_units() -> None:
    metrics = clv_metrics(np.array([100.0, 300.0]), np.array([200.0, 200.0]), exponent=2)
    assert metrics["mae"] == metrics["rmse"] == pytest.approx(1.0)
    assert metrics["total_ratio"] == 1.0


def test_intervals_are_judged_by_their_ends() -> None:
    predicted = Value(
        np.array([0.0, 0.0, 5.0, 5.0]), np.full(4, 6.0), np.array([0.0, 9.0, 9.0, 9.0])
    )
    metrics = interval_metrics(predicted, np.array([99.0, 9.0, 4.0, 99.0]))
    assert metrics == {"within_high": pytest.approx(2 / 3), "below_low": 0.5}


def test_the_decile_table_starts_with_the_highest() -> None:
    predicted = np.arange(100.0)
    table = deciles(predicted, (predicted >= 90).astype(float))
    assert [row["customers"] for row in table] == [10] * 10
    assert (table[0]["decile"], table[0]["lift"], table[1]["lift"]) == (1, 10.0, 0.0)
