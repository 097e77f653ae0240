"""Calibration is measured as it is defined, and corrected only where that helps later too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from ml.calibration import (
    choose_platt,
    expected_calibration_error,
    fit_platt,
    reliability,
)
from ml.churn import Platt, log_odds


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
