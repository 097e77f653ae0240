"""The model of last resort: purchases for ever, at a rate of each customer's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.stats import nbinom

from ml.btyd import Histories, fit_nbd, model
from ml.btyd.histories import Rows


def faithful(customers: int, seed: int) -> Histories:
    """Counts from r = 0.9, alpha = 20; the last purchase plays no part."""
    random = np.random.default_rng(seed)
    age = random.uniform(30, 300, customers)
    repeats = random.poisson(random.gamma(0.9, 1 / 20.0, customers) * age).astype(float)
    return Histories(repeats, np.where(repeats > 0, age / 2, 0.0), age)


def test_known_parameters_are_recovered() -> None:
    fitted = fit_nbd(faithful(10_000, seed=3))
    assert fitted.r == pytest.approx(0.9, rel=0.05)
    assert fitted.alpha == pytest.approx(20.0, rel=0.07)


def test_the_chance_of_no_purchase_is_the_negative_binomial_one() -> None:
    seen = faithful(200, seed=4)
    fitted = fit_nbd(seen)
    shape, scale = fitted.r + seen.repeats, fitted.alpha + seen.age
    none = nbinom.pmf(0, shape, scale / (scale + 45.0))
    np.testing.assert_allclose(fitted.absence(seen, 45.0), none, rtol=1e-9)


def test_the_gradient_is_the_gradient() -> None:
    rows = Rows.of(faithful(300, seed=5))
    error = check_grad(
        lambda logs: model._loss(logs, rows, 0.05)[0],
        lambda logs: model._loss(logs, rows, 0.05)[1],
        np.log([0.5, 3.0]),
    )
    assert error < 1e-5
