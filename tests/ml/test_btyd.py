"""The buy-till-you-die models find the parameters that made the data, and foretell its future."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import hyp2f1

from ml.btyd import Histories, Rhythm, fit_rhythm, fit_spend, rhythm
from ml.errors import FitFailed

HORIZON = 30.0


def simulate(truth: Rhythm, customers: int, seed: int) -> tuple[Histories, np.ndarray, np.ndarray]:
    """Histories up to an age, and purchases in the horizon after it."""
    random = np.random.default_rng(seed)
    age = random.uniform(60, 365, customers)
    rate = random.gamma(truth.r, 1 / truth.alpha, customers)
    leaves = random.beta(truth.a, truth.b, customers)
    repeats, last, later = np.zeros(customers), np.zeros(customers), np.zeros(customers)
    here = np.ones(customers, bool)
    if truth.kind == "mbg":
        here = random.random(customers) >= leaves
    now = np.zeros(customers)
    while here.any():
        now = now + random.exponential(1 / rate)
        here &= now <= age + HORIZON
        before = here & (now <= age)
        repeats[before] += 1
        last[before] = now[before]
        later[here & ~before] += 1
        here &= random.random(customers) >= leaves
    return Histories(repeats, last, age), later, rate


TRUTHS = (
    Rhythm(0.8, 12.0, 0.9, 2.5, "mbg"),
    Rhythm(0.6, 9.0, 0.7, 2.0, "bg"),
)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.kind)
def test_known_parameters_are_recovered(truth: Rhythm) -> None:
    seen, later, _ = simulate(truth, 12_000, seed=5)
    fitted = fit_rhythm(seen, truth.kind)
    assert fitted.r == pytest.approx(truth.r, rel=0.12)
    assert fitted.alpha == pytest.approx(truth.alpha, rel=0.15)
    assert fitted.a / (fitted.a + fitted.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)
    assert fitted.absence(seen, HORIZON).mean() == pytest.approx((later == 0).mean(), abs=0.01)
    assert fitted.expected_days(seen, HORIZON).mean() == pytest.approx(later.mean(), rel=0.05)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.kind)
def test_absence_is_calibrated_for_each_kind_of_history(truth: Rhythm) -> None:
    seen, later, _ = simulate(truth, 20_000, seed=6)
    absence = truth.absence(seen, HORIZON)
    for low, high in ((0.0, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        rows = (absence >= low) & (absence < high)
        assert rows.sum() > 200
        assert (later[rows] == 0).mean() == pytest.approx(absence[rows].mean(), abs=0.03)


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.kind)
def test_expected_days_equal_the_closed_form(truth: Rhythm) -> None:
    seen, _, _ = simulate(truth, 500, seed=7)
    shape, scale = truth.r + seen.repeats, truth.alpha + seen.age
    stays = truth.b + seen.repeats + (1 if truth.kind == "mbg" else 0)
    power = (scale / (scale + HORIZON)) ** shape
    series = hyp2f1(shape, stays, truth.a + stays - 1, HORIZON / (scale + HORIZON))
    closed = truth.alive(seen) * (truth.a + stays - 1) / (truth.a - 1) * (1 - power * series)
    np.testing.assert_allclose(truth.expected_days(seen, HORIZON), closed, atol=1e-3)


@pytest.mark.parametrize("extra", [0.0, 1.0])
def test_the_gradient_is_the_gradient(extra: float) -> None:
    rows, counts = simulate(TRUTHS[0], 300, seed=8)[0].collapsed()
    error = check_grad(
        lambda logs: rhythm._loss(logs, rows, counts, extra)[0],
        lambda logs: rhythm._loss(logs, rows, counts, extra)[1],
        np.log([0.5, 3.0, 0.7, 2.0]),
    )
    assert error < 1e-5


def test_equal_histories_count_as_often_as_they_occur() -> None:
    seen = Histories(
        np.array([1.0, 0.0, 1.0]), np.array([5.0, 0.0, 5.0]), np.array([9.0, 9.0, 9.0])
    )
    rows, counts = seen.collapsed()
    assert rows.repeats.tolist() == [0.0, 1.0]
    assert counts.tolist() == [1.0, 2.0]


def test_one_time_buyers_are_not_certain_to_stay() -> None:
    once = Histories(np.zeros(1), np.zeros(1), np.array([300.0]))
    kinds: tuple[Literal["mbg", "bg"], ...] = ("mbg", "bg")
    alive = [Rhythm(0.8, 12.0, 0.9, 2.5, kind).alive(once)[0] for kind in kinds]
    assert alive[0] < 0.5
    assert alive[1] == 1.0


def test_the_next_purchase_is_when_silence_becomes_unlikely() -> None:
    rhythm = TRUTHS[0]
    seen = Histories(np.array([20.0, 0.0]), np.array([100.0, 0.0]), np.array([101.0, 300.0]))
    days = rhythm.days_to_next(seen)
    assert rhythm.absence(seen, float(days[0]))[0] == pytest.approx(0.5)
    assert days[1] == np.inf


def test_nobody_to_learn_from_is_a_loud_failure() -> None:
    nobody = Histories(np.zeros(0), np.zeros(0), np.zeros(0))
    with pytest.raises(FitFailed, match="there are none"):
        fit_rhythm(nobody)
    with pytest.raises(FitFailed, match="positive spend"):
        fit_spend(np.zeros(3), np.ones(3))


def test_spend_is_recovered_and_shrunk_towards_the_mean() -> None:
    random = np.random.default_rng(4)
    days = random.integers(1, 9, 8000).astype(float)
    scale = random.gamma(4.0, 1 / 12.0, 8000)
    mean = random.gamma(3.0 * days) / (days * scale)
    fitted = fit_spend(mean, days)
    assert fitted.p == pytest.approx(3.0, rel=0.15)
    assert fitted.q == pytest.approx(4.0, rel=0.15)
    assert fitted.scale == pytest.approx(12.0, rel=0.2)
    everyone = 3.0 * 12.0 / (4.0 - 1.0)
    once, often = fitted.expected(np.array([50.0, 50.0]), np.array([1.0, 50.0]))
    assert everyone < once < often < 50.0
