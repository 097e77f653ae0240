"""Value taken apart into four levers is still the value, and each lever adds what it should."""

from __future__ import annotations

import numpy as np
import pytest

from ml.btyd import Nbd, Spend
from ml.btyd.levers import levers
from ml.btyd.model import PurchaseModel
from tests.ml.lives import PARETO, TRUTHS, live

HORIZON = 365.0
SEEN = live(TRUTHS[0], 400, seed=11, horizon_days=HORIZON).seen
AMOUNT = Spend(6.0, 4.0, 15.0).expected(
    np.random.default_rng(1).uniform(5, 80, len(SEEN)), SEEN.repeats
)

every_model = pytest.mark.parametrize(
    "model", [*TRUTHS, Nbd(0.8, 12.0)], ids=lambda model: model.kind
)


@every_model
def test_rate_times_amount_times_active_time_is_the_expected_value(model: PurchaseModel) -> None:
    parts = levers(model, AMOUNT, SEEN, HORIZON)
    value = model.expected_days(SEEN, HORIZON) * AMOUNT
    np.testing.assert_allclose(parts.value, value, atol=1e-9)
    assert (parts.days_if_here <= HORIZON * (1 + 1e-3)).all()
    assert (parts.active_days >= 0).all()
    assert ((parts.gone >= 0) & (parts.gone <= 1)).all()


def test_days_as_a_customer_are_those_of_the_simulation() -> None:
    """Departures a day ~ gamma(s, beta + age) for who is here: their mean time within a year."""
    random = np.random.default_rng(2)
    days = levers(PARETO, AMOUNT, SEEN, HORIZON).days_if_here
    for row in (0, 100, 200):
        leaving = random.gamma(PARETO.s, 1 / (PARETO.beta + SEEN.age[row]), 200_000)
        stay = np.minimum(random.exponential(1 / leaving), HORIZON)
        assert days[row] == pytest.approx(stay.mean(), rel=0.01)


@every_model
def test_each_lever_adds_what_pulling_it_would(model: PurchaseModel) -> None:
    parts = levers(model, AMOUNT, SEEN, HORIZON)
    gains = parts.gains
    np.testing.assert_allclose(gains.amount, 0.1 * parts.value, atol=1e-9)
    for gain in (gains.frequency, gains.lifetime, gains.churn):
        assert (gain >= 0).all()
        assert np.isfinite(gain).all()
    # More often pays less than in proportion where people leave at purchases, never more.
    assert (gains.frequency <= 0.1 * parts.value + 1e-9).all()
    assert (gains.lifetime <= 0.1 * parts.value + 1e-9).all()
    kept = parts.gone * 0.1 * parts.rate_per_year / 365.0 * AMOUNT * parts.days_if_here
    np.testing.assert_allclose(gains.churn, kept, atol=1e-9)


def test_without_departures_only_frequency_and_amount_matter() -> None:
    parts = levers(Nbd(0.8, 12.0), AMOUNT, SEEN, HORIZON)
    assert not parts.gains.lifetime.any()
    assert not parts.gains.churn.any()
    np.testing.assert_allclose(parts.gains.frequency, 0.1 * parts.value, atol=1e-9)


def test_a_longer_life_helps_most_where_it_would_end_soon() -> None:
    here = SEEN.where(PARETO.alive(SEEN) > 0.5)
    parts = levers(PARETO, np.ones(len(here)), here, HORIZON)
    young, old = np.argmin(here.age), np.argmax(here.age)
    relative = parts.gains.lifetime / parts.value
    assert relative[young] > relative[old] > 0
