"""Calibration is measured as it is defined, and corrected only where that helps later too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from ml.calibration import (
    Platt,
    choose_platt,
    expected_calibration_error,
    fit_platt,
    log_loss,
    log_odds,
    reliability,
    simplex,
    weigh,
)


def drawn(size: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = random.normal(-1.0, 1.5, size)
    return scores, (random.random(size) < expit(scores)).astype(float)


def test_the_error_is_the_mean_gap_over_ten_equal_bins() -> None:
    probability = np.repeat(np.linspace(0.05, 0.95, 10), 10)
    happened = np.zeros(100)
    assert expected_calibration_error(probability, happened) == pytest.approx(0.5)
    assert [size for _, _, size in reliability(probability, happened)] == [10] * 10
    exact = np.concatenate([np.repeat([1.0, 0.0], [k, 20 - k]) for k in range(1, 20, 2)])
    assert expected_calibration_error(np.repeat(np.arange(1, 20, 2) / 20, 20), exact) < 1e-12


def test_honest_probabilities_are_left_alone() -> None:
    scores, happened = drawn()
    origin = np.repeat([1, 2, 3, 4], 5000)
    assert expected_calibration_error(expit(scores), happened) < 0.015
    assert choose_platt(scores, happened, origin) == Platt()


def test_boastful_scores_are_corrected() -> None:
    scores, happened = drawn()
    chosen = choose_platt(2.0 * scores + 1.0, happened, np.repeat([1, 2, 3, 4], 5000))
    assert chosen.slope == pytest.approx(0.5, rel=0.05)
    assert chosen.intercept == pytest.approx(-0.5, abs=0.05)


def test_a_correction_that_holds_for_one_season_only_is_not_made() -> None:
    scores, happened = drawn()
    origin = np.repeat([1, 2, 3, 4], 5000)
    wrong_until_now = np.where(origin < 4, scores + 0.7, scores)
    assert choose_platt(wrong_until_now, happened, origin) == Platt()


def test_one_origin_alone_proves_nothing() -> None:
    scores, happened = drawn(500)
    assert choose_platt(3.0 * scores, happened, np.ones(500, np.int64)) == Platt()


def test_platt_is_maximum_likelihood_and_log_odds_stay_finite() -> None:
    scores, happened = drawn()
    fitted = fit_platt(scores, happened)
    assert fitted.slope == pytest.approx(1.0, rel=0.05)
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    np.testing.assert_allclose(expit(log_odds(np.array([0.2, 0.7]))), [0.2, 0.7])


def test_members_between_which_nothing_decides_are_weighed_alike() -> None:
    scores, happened = drawn(2000)
    same = np.column_stack([scores, scores, scores, scores])
    np.testing.assert_allclose(weigh(same, happened), 0.25, atol=1e-4)
    random = np.random.default_rng(4)
    noisy = scores[:, None] + random.normal(0, 0.3, (2000, 4))
    np.testing.assert_allclose(weigh(noisy, happened), 0.25, atol=0.05)


def test_a_far_better_member_gets_most_of_the_weight() -> None:
    scores, happened = drawn(4000)
    random = np.random.default_rng(4)
    wrong = random.normal(0, 3, (4000, 2))
    weights = weigh(np.column_stack([wrong[:, 0], scores, wrong[:, 1]]), happened)
    assert weights[1] > 0.6
    mean = np.column_stack([wrong[:, 0], scores, wrong[:, 1]]) @ np.array(weights)
    assert log_loss(mean, happened) < log_loss(wrong.mean(axis=1), happened)


def test_a_member_that_says_the_opposite_is_left_out() -> None:
    scores, happened = drawn(4000)
    weights = weigh(np.column_stack([scores, -5.0 * scores]), happened)
    assert weights == pytest.approx((1.0, 0.0), abs=0.06)


@given(st.integers(1, 5), st.integers(2, 40), st.integers(0, 10**6), st.floats(0.1, 30))
def test_weights_are_parts_of_a_whole(members: int, rows: int, seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    margins = random.normal(0, size, (rows, members))
    weights = weigh(margins, (random.random(rows) < 0.5).astype(float))
    assert len(weights) == members
    assert min(weights) >= 0
    assert sum(weights) == pytest.approx(1.0)


def test_the_simplex_finds_a_corner_an_edge_and_the_inside() -> None:
    for goal, found in (
        ((0.2, 0.3, 0.5), (0.2, 0.3, 0.5)),
        ((0.8, 0.8, -0.6), (0.5, 0.5, 0.0)),
        ((9.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    ):
        aim = np.array(goal)

        def loss(weights: np.ndarray, aim: np.ndarray = aim) -> tuple[float, np.ndarray]:
            away = weights - aim
            return float(away @ away), 2.0 * away

        assert simplex(loss, np.full(3, 1 / 3)) == pytest.approx(found, abs=1e-5)


def test_a_search_that_fails_leaves_the_start() -> None:
    def nowhere(_weights: np.ndarray) -> tuple[float, np.ndarray]:
        return float("nan"), np.full(2, float("nan"))

    assert simplex(nowhere, np.array([0.5, 0.5])) == (0.5, 0.5)
