"""Metrics against values reckoned by hand or by scikit-learn."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from ml.bands import Value
from ml.evaluation import (
    OURS,
    Holdout,
    auc,
    bootstrap,
    churn_metrics,
    clv_metrics,
    interval_metrics,
    judge,
    lift,
    normalised_gini,
    paired_interval,
    pooled,
    segments_of,
)
from ml.evaluation.judgement import metrics_of, scaled
from ml.evaluation.metrics import Weighted, weighted_churn, weighted_clv, weighted_ends
from ml.plots import deciles
from ml.training import TrainedModel


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


def drawn_twice(metric: Weighted, rows: int) -> tuple[float, np.ndarray]:
    """A metric of a resample by its weights, and which rows that resample holds."""
    counts = np.bincount(np.random.default_rng(9).integers(0, rows, rows), minlength=rows)
    return float(metric(counts[None, :].astype(float))[0]), np.repeat(np.arange(rows), counts)


@pytest.mark.parametrize("name", ["auc", "log_loss", "brier", "lift_10"])
def test_weights_give_what_the_repeated_rows_would(name: str) -> None:
    random = np.random.default_rng(2)
    probability = random.uniform(0.05, 0.95, 300)
    churned = random.random(300) < probability
    found, rows = drawn_twice(weighted_churn(probability, churned)[name], 300)
    assert found == pytest.approx(churn_metrics(probability[rows], churned[rows])[name])


@pytest.mark.parametrize("name", ["rmse", "mae", "total_ratio"])
def test_weights_do_so_for_money_too(name: str) -> None:
    random = np.random.default_rng(2)
    expected, value = random.gamma(1, 50, 300), random.gamma(1, 60, 300)
    found, rows = drawn_twice(weighted_clv(expected, value, 2)[name], 300)
    assert found == pytest.approx(clv_metrics(expected[rows], value[rows], 2)[name])


def test_gini_of_a_resample_counts_a_customer_as_often_as_drawn() -> None:
    score, value = np.array([3.0, 2.0, 1.0]), np.array([5.0, 1.0, 4.0])
    metric = weighted_clv(score, value, 0)["gini"]
    twice = normalised_gini(np.array([3.0, 3.0, 2.0, 1.0]), np.array([5.0, 5.0, 1.0, 4.0]))
    assert float(metric(np.array([[2.0, 1.0, 1.0]]))[0]) == pytest.approx(twice)


def test_equal_scores_share_the_place_at_the_edge_of_the_top() -> None:
    outcome = np.array([1.0] * 5 + [0.0] * 95)
    assert lift(np.full(100, 0.3), outcome) == pytest.approx(1.0)
    assert lift(np.full(100, 0.3), outcome[::-1]) == pytest.approx(1.0)


def test_an_interval_is_as_wide_as_theory_says() -> None:
    value = np.random.default_rng(4).normal(100.0, 20.0, 1000)
    metrics = {"mae": weighted_clv(np.zeros(1000), value, 0)["mae"]}
    found = bootstrap(metrics, np.arange(1000))["mae"]
    half = 1.645 * float(np.std(value)) / np.sqrt(1000)
    assert found.value == pytest.approx(float(value.mean()))
    assert found.high - found.low == pytest.approx(2 * half, rel=0.15)
    assert bootstrap(metrics, np.arange(1000))["mae"] == found
    assert bootstrap(metrics, np.arange(1000), seed=1)["mae"] != found


def test_one_customers_rows_are_drawn_together() -> None:
    """Four equal rows of each customer tell no more than one."""
    random = np.random.default_rng(4)
    once = random.normal(100.0, 20.0, 400)
    value = np.tile(once, 4)
    metrics = {"mae": weighted_clv(np.zeros(1600), value, 0)["mae"]}
    honest = bootstrap(metrics, np.tile(np.arange(400), 4))["mae"]
    naive = bootstrap(metrics, np.arange(1600))["mae"]
    assert (honest.high - honest.low) / (naive.high - naive.low) == pytest.approx(2.0, rel=0.2)


def test_a_paired_difference_is_surer_than_two_intervals_apart() -> None:
    random = np.random.default_rng(6)
    truth = random.uniform(0.05, 0.95, 800)
    churned = random.random(800) < truth
    ours = weighted_churn(truth, churned)["log_loss"]
    theirs = weighted_churn(np.clip(truth + 0.08, 0.01, 0.99), churned)["log_loss"]
    both = bootstrap({"ours": ours, "theirs": theirs}, np.arange(800))
    difference = paired_interval(ours, theirs, np.arange(800))
    assert difference.value == pytest.approx(both["ours"].value - both["theirs"].value)
    assert difference.high < 0
    assert both["ours"].high > both["theirs"].low


def test_nobody_and_one_class_have_an_answer() -> None:
    nobody = np.array([])
    assert churn_metrics(np.full(9, 0.4), np.zeros(9, bool))["auc"] == 0.5
    ends = weighted_ends(np.zeros(3), np.zeros(3), np.ones(3))
    assert {name: float(metric(np.ones((1, 3)))[0]) for name, metric in ends.items()} == {
        "within_high": 1.0,
        "below_low": 0.0,
    }
    assert bootstrap({}, nobody.astype(np.int64)) == {}


def made_up(seed: int, origin: dt.date, extra: str | None = None) -> Holdout:
    random = np.random.default_rng(seed)
    truth = random.uniform(0.05, 0.95, 200)
    methods = {"base_rate": np.full(200, 0.5), OURS: truth, "noisy": np.clip(truth + 0.2, 0, 0.99)}
    masks = {"one-time buyers": truth > 0.5, "few": np.arange(200) < 10}
    if extra:
        methods[extra], masks[extra] = truth, truth < 0.3
    actual = (random.random(200) < truth).astype(float)
    return Holdout(origin, np.arange(200), actual, methods, None, None, masks)


def test_a_judgement_names_the_best_rival_and_leaves_small_segments_out() -> None:
    judged = judge("churn", made_up(1, dt.date(2026, 1, 1)), exponent=0)
    assert list(judged.methods) == [OURS, "base_rate", "noisy"]
    assert judged.rival == "noisy"
    ours, theirs = (judged.methods[name]["log_loss"].value for name in (OURS, "noisy"))
    assert judged.against_rival["log_loss"].value == pytest.approx(ours - theirs)
    assert [segment.segment for segment in judged.segments] == ["one-time buyers"]
    assert judged.segments[0].held


def test_pooling_keeps_what_every_origin_has() -> None:
    cases = [made_up(1, dt.date(2026, 1, 1)), made_up(2, dt.date(2026, 2, 1), "extra")]
    both = pooled(cases)
    assert (len(both.actual), both.origin) == (400, dt.date(2026, 2, 1))
    assert "extra" not in both.methods
    assert "extra" not in both.segments
    assert both.low is None
    judged = judge("churn", both, exponent=0)
    assert (judged.rows, judged.customers) == (400, 200)


def test_other_units_change_no_ranking_and_no_share(clv: TrainedModel) -> None:
    case = clv.evaluation.case
    whole = scaled(case, 100.0)
    minor, units = (metrics_of("clv", each, OURS, 0) for each in (case, whole))
    once = np.ones((1, len(case.actual)))
    for name in ("gini", "tweedie_loss", "total_ratio", "within_high"):
        assert float(minor[name](once)[0]) == pytest.approx(float(units[name](once)[0]))
    assert float(minor["mae"](once)[0]) == pytest.approx(100 * float(units["mae"](once)[0]))


def test_segments_are_habits_and_attribute_values(churn: TrainedModel) -> None:
    sample = churn.holdout
    masks = segments_of(sample)
    habits = ("one-time buyers", "repeat buyers", "regular buyers")
    assert np.array_equal(sum(masks[name].astype(int) for name in habits), np.ones(len(sample)))
    assert (masks["region: north"] ^ masks["region: south"]).all()
    everyone_once = replace(sample, values=np.ones_like(sample.values))
    assert "one-time buyers" not in segments_of(everyone_once)
