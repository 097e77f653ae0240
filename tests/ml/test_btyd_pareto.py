"""Pareto/NBD: its integral is right everywhere, and known parameters are recovered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import gammaln, hyp2f1

from ml.btyd import Histories, Pareto, fit_pareto, pareto
from ml.btyd.histories import Rows
from ml.btyd.pareto import Kernel, integrate
from ml.sample import Floats
from tests.ml.lives import PARETO, live

HORIZON = 30.0


def by_brute_force(kernel: Kernel, low: float, high: float) -> float:
    """The log of the integral from 2,000 short pieces of 6 points each, shorter towards `low`."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    edges = np.concatenate([[0.0], np.geomspace(1e-12, 1.0, 2000)]) * (high - low)
    width = np.diff(edges)[:, None]
    past = edges[:-1, None] + width * (nodes + 1) / 2
    logs = -kernel.p * np.log(kernel.a + low + past) - kernel.q * np.log(kernel.b + low + past)
    top = logs.max()
    return float(top + np.log((np.exp(logs - top) * weights * width / 2).sum()))


def test_the_integral_is_right_for_every_shape() -> None:
    """Also where 2F1 fails: hundreds of purchases, and scales seven powers of ten apart."""
    random = np.random.default_rng(0)
    size = 300
    few, many = random.uniform(0.01, 3, size), random.uniform(3, 400, size)
    kernel = Kernel(
        np.where(random.random(size) < 0.5, few, many),
        10 ** random.uniform(-3, 4, size),
        10 ** random.uniform(-2, 2, size),
        10 ** random.uniform(-3, 4, size),
    )
    low = np.where(random.random(size) < 0.4, 0.0, random.uniform(0, 400, size))
    high = low + 10 ** random.uniform(-2, 3.5, size)
    truth = [
        by_brute_force(Kernel(*(float(np.asarray(part)[i]) for part in kernel)), low[i], high[i])
        for i in range(size)
    ]
    np.testing.assert_allclose(integrate(kernel, low, high).log, truth, atol=1e-7)


def test_the_likelihood_is_the_one_in_the_paper() -> None:
    """Equation 22 of the note by Fader and Hardie (2005), for alpha at least beta and others."""
    seen = live(PARETO, 200, seed=3, horizon_days=HORIZON).seen
    rows = Rows.of(seen)
    for r, alpha, s, beta in ((0.5, 3.0, 0.6, 1.0), (1.4, 1.0, 0.8, 2.5)):
        loss, _ = pareto._loss(np.log([r, alpha, s, beta]), rows, 0.0)
        unit = Pareto(r, alpha, s, beta)
        scaled = Histories(seen.repeats, seen.last / rows.unit, seen.age / rows.unit)
        assert loss == pytest.approx(-published_log_likelihood(unit, scaled).mean(), abs=1e-9)


def published_log_likelihood(model: Pareto, seen: Histories) -> Floats:
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    x, total = seen.repeats, model.r + model.s + seen.repeats
    larger, apart = max(alpha, beta), abs(alpha - beta)
    second = s + 1 if alpha >= beta else r + x

    def term(time: Floats) -> Floats:
        z = apart / (larger + time)
        return np.asarray(hyp2f1(total, second, total + 1, z) / (larger + time) ** total)

    here = (alpha + seen.age) ** -(r + x) * (beta + seen.age) ** -s
    both = here + s / total * (term(seen.last) - term(seen.age))
    constant = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return np.asarray(constant + np.log(both))


def test_the_gradient_is_the_gradient() -> None:
    rows = Rows.of(live(PARETO, 300, seed=8, horizon_days=HORIZON).seen)
    for logs in (np.log([0.5, 3.0, 0.7, 2.0]), np.log([2.0, 0.1, 0.2, 50.0])):
        error = check_grad(
            lambda at: pareto._loss(at, rows, 0.05)[0],
            lambda at: pareto._loss(at, rows, 0.05)[1],
            logs,
        )
        assert error < 1e-5


def test_known_parameters_are_recovered() -> None:
    lives = live(PARETO, 10_000, seed=5, horizon_days=HORIZON)
    fitted = fit_pareto(lives.seen)
    assert fitted.r == pytest.approx(PARETO.r, rel=0.1)
    assert fitted.alpha == pytest.approx(PARETO.alpha, rel=0.12)
    assert fitted.s / fitted.beta == pytest.approx(PARETO.s / PARETO.beta, rel=0.15)
    assert fitted.s == pytest.approx(PARETO.s, rel=0.25)
    absence = fitted.absence(lives.seen, HORIZON).mean()
    assert absence == pytest.approx((lives.later == 0).mean(), abs=0.01)
    expected = fitted.expected_days(lives.seen, HORIZON).mean()
    assert expected == pytest.approx(lives.later.mean(), rel=0.05)


def test_expected_purchases_don_t_break_where_the_closed_form_divides_by_zero() -> None:
    """(s - 1) stands below the fraction line: around s = 1 the limit must be met."""
    seen = live(PARETO, 50, seed=1, horizon_days=HORIZON).seen
    below, at, above = (
        Pareto(0.9, 14.0, s, 60.0).expected_days(seen, 365.0) for s in (1 - 1e-9, 1.0, 1 + 1e-9)
    )
    np.testing.assert_allclose(below, at, rtol=1e-6)
    np.testing.assert_allclose(above, at, rtol=1e-6)


def test_more_customers_than_a_chunk_get_their_own_numbers() -> None:
    few = live(PARETO, 40, seed=1, horizon_days=HORIZON).seen
    times = pareto._CHUNK // 40 + 2
    many = Histories(*(np.tile(part, times) for part in (few.repeats, few.last, few.age)))
    for ask in (PARETO.alive, lambda seen: PARETO.absence(seen, HORIZON)):
        np.testing.assert_array_equal(ask(many), np.tile(ask(few), times))
