"""BG/NBD and MBG/NBD find the parameters that made the data, and foretell its future."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import beta, gamma, hyp2f1

from ml.btyd import Histories, Rhythm, fit_rhythm, rhythm
from ml.btyd.histories import Rows
from tests.ml.lives import RHYTHMS, live

HORIZON = 30.0


@pytest.mark.parametrize("truth", RHYTHMS, ids=lambda truth: truth.kind)
def test_known_parameters_are_recovered(truth: Rhythm) -> None:
    lives = live(truth, 12_000, seed=5, horizon_days=HORIZON)
    fitted = fit_rhythm(lives.seen, truth.kind)
    assert fitted.r == pytest.approx(truth.r, rel=0.12)
    assert fitted.alpha == pytest.approx(truth.alpha, rel=0.15)
    assert fitted.a / (fitted.a + fitted.b) == pytest.approx(truth.a / (truth.a + truth.b), rel=0.1)
    absence = fitted.absence(lives.seen, HORIZON).mean()
    assert absence == pytest.approx((lives.later == 0).mean(), abs=0.01)
    expected = fitted.expected_days(lives.seen, HORIZON).mean()
    assert expected == pytest.approx(lives.later.mean(), rel=0.05)


@pytest.mark.parametrize("truth", RHYTHMS, ids=lambda truth: truth.kind)
def test_expected_days_equal_the_closed_form(truth: Rhythm) -> None:
    seen = live(truth, 500, seed=7, horizon_days=HORIZON).seen
    shape, scale = truth.r + seen.repeats, truth.alpha + seen.age
    stays = truth.b + seen.repeats + (1 if truth.kind == "mbg" else 0)
    power = (scale / (scale + HORIZON)) ** shape
    series = hyp2f1(shape, stays, truth.a + stays - 1, HORIZON / (scale + HORIZON))
    closed = truth.alive(seen) * (truth.a + stays - 1) / (truth.a - 1) * (1 - power * series)
    np.testing.assert_allclose(truth.expected_days(seen, HORIZON), closed, atol=1e-3)


@pytest.mark.parametrize("extra", [0.0, 1.0])
def test_the_gradient_is_the_gradient(extra: float) -> None:
    rows = Rows.of(live(RHYTHMS[0], 300, seed=8, horizon_days=HORIZON).seen)
    error = check_grad(
        lambda logs: rhythm._loss(logs, rows, extra, 0.05)[0],
        lambda logs: rhythm._loss(logs, rows, extra, 0.05)[1],
        np.log([0.5, 3.0, 0.7, 2.0]),
    )
    assert error < 1e-5


def test_the_likelihood_is_the_one_in_the_paper() -> None:
    """Equation 3 of Fader, Hardie, Lee (2005), row by row and with gamma functions as they are."""
    seen = Histories(
        np.array([0.0, 1.0, 4.0]), np.array([0.0, 3.0, 8.0]), np.array([9.0, 5.0, 8.5])
    )
    rows = Rows.of(seen)
    r, alpha, a, b = 0.7, 2.0, 0.9, 2.5
    x, last, age = rows.seen.repeats, rows.seen.last, rows.seen.age
    here = beta(a, b + x) / (alpha + age) ** (r + x)
    gone = np.where(x > 0, beta(a + 1, np.maximum(b + x - 1, 0.1)) / (alpha + last) ** (r + x), 0)
    likelihood = gamma(r + x) * alpha**r / gamma(r) / beta(a, b) * (here + gone)
    loss, _ = rhythm._loss(np.log([r, alpha, a, b]), rows, 0.0, 0.0)
    assert loss == pytest.approx(-np.log(likelihood).mean())


def test_equal_histories_count_as_often_as_they_occur() -> None:
    seen = Histories(
        np.array([1.0, 0.0, 1.0]), np.array([5.0, 0.0, 5.0]), np.array([9.0, 9.0, 9.0])
    )
    rows, counts = seen.collapsed()
    assert rows.repeats.tolist() == [0.0, 1.0]
    assert counts.tolist() == [1.0, 2.0]


def test_few_rows_stand_for_all() -> None:
    rows = Rows.of(live(RHYTHMS[0], 5000, seed=3, horizon_days=HORIZON).seen)
    few = rows.thinned(500)
    assert len(few.counts) <= 500
    assert few.customers == pytest.approx(rows.customers)
    mean = rows.counts @ rows.seen.repeats / rows.customers
    assert few.counts @ few.seen.repeats / few.customers == pytest.approx(mean, rel=0.02)
    assert rows.thinned(10_000) is rows


def test_a_fit_from_few_rows_ends_where_all_rows_do() -> None:
    seen = live(RHYTHMS[0], 3000, seed=3, horizon_days=HORIZON).seen
    whole = fit_rhythm(seen)
    thinned = fit_rhythm(seen, coarse_rows=200)
    for name in ("r", "alpha", "a", "b"):
        assert getattr(thinned, name) == pytest.approx(getattr(whole, name), rel=1e-3)


def test_one_time_buyers_are_not_certain_to_stay() -> None:
    once = Histories(np.zeros(1), np.zeros(1), np.array([300.0]))
    kinds: tuple[Literal["mbg", "bg"], ...] = ("mbg", "bg")
    mbg, bg = (Rhythm(0.8, 12.0, 0.9, 2.5, kind) for kind in kinds)
    assert mbg.alive(once)[0] < 0.5
    assert bg.alive(once)[0] == 1.0
    # BG/NBD thinks them slow instead: the chance of a purchase fades all the same.
    assert bg.absence(once, HORIZON)[0] > 0.9


def test_the_next_purchase_is_when_silence_becomes_unlikely() -> None:
    truth = RHYTHMS[0]
    seen = Histories(np.array([20.0, 0.0]), np.array([100.0, 0.0]), np.array([101.0, 300.0]))
    days = truth.days_to_next(seen)
    assert truth.absence(seen, float(days[0]))[0] == pytest.approx(0.5)
    assert days[1] == np.inf
