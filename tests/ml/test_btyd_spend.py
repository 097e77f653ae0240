"""Gamma-Gamma: the spend model finds the parameters that made the data, and shrinks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from ml.btyd import Spend, fit_spend, spend
from ml.errors import FitFailed
from ml.sample import Floats


def shoppers(customers: int, seed: int) -> tuple[Floats, Floats]:
    """Mean spend and days from p = 3, q = 4, scale = 12."""
    random = np.random.default_rng(seed)
    days = random.integers(1, 9, customers).astype(float)
    scale = random.gamma(4.0, 1 / 12.0, customers)
    return random.gamma(3.0 * days) / (days * scale), days


def test_spend_is_recovered_and_shrunk_towards_the_mean() -> None:
    fitted = fit_spend(*shoppers(8000, seed=4))
    assert fitted.p == pytest.approx(3.0, rel=0.15)
    assert fitted.q == pytest.approx(4.0, rel=0.15)
    assert fitted.scale == pytest.approx(12.0, rel=0.2)
    everyone = 3.0 * 12.0 / (4.0 - 1.0)
    never, once, often = fitted.expected(np.array([0.0, 50.0, 50.0]), np.array([0.0, 1.0, 50.0]))
    assert never == pytest.approx(everyone, rel=0.1)
    assert never < once < often < 50.0


def test_the_gradient_is_the_gradient() -> None:
    rows = spend._Means.of(*shoppers(200, seed=4))
    error = check_grad(
        lambda logs: spend._loss(logs, rows, 0.05)[0],
        lambda logs: spend._loss(logs, rows, 0.05)[1],
        np.log([2.0, 1.5, 3.0]),
    )
    assert error < 1e-5


def test_a_fit_from_few_customers_ends_where_all_do() -> None:
    customers = shoppers(3000, seed=4)
    whole = fit_spend(*customers)
    assert fit_spend(*customers, coarse_rows=100).q == pytest.approx(whole.q, rel=1e-3)


def test_money_in_another_unit_is_the_same_model() -> None:
    mean, days = shoppers(500, seed=1)
    dollars, cents = fit_spend(mean, days), fit_spend(mean * 100, days)
    assert cents.p == pytest.approx(dollars.p, rel=1e-6)
    assert cents.scale == pytest.approx(dollars.scale * 100, rel=1e-6)


@pytest.mark.parametrize(
    ("mean", "days"),
    [
        (np.full(50, 7.0), np.full(50, 1.0)),
        (np.array([5.0, 5e9, 0.01]), np.array([1.0, 2.0, 3.0])),
        (np.array([3.0]), np.array([400.0])),
        (np.array([3.0, np.nan, 4.0, -2.0]), np.array([1.0, 1.0, 2.0, 3.0])),
    ],
    ids=["all alike", "a whale", "one customer", "holes and refunds"],
)
def test_odd_spend_gives_sane_numbers(mean: Floats, days: Floats) -> None:
    fitted = fit_spend(mean, days)
    known = np.isfinite(mean)
    expected = fitted.expected(mean[known], days[known])
    assert np.isfinite(expected).all()
    assert (expected > 0).all()
    assert fitted == Spend(**fitted.to_document())


def test_nobody_who_spent_is_a_loud_failure() -> None:
    with pytest.raises(FitFailed, match="positive spend"):
        fit_spend(np.zeros(3), np.ones(3))
