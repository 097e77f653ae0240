"""Levers and due purchases of a sample: the habit's own numbers, and the urgent first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.backends import connect
from ml.btyd import Habit, fit_habit
from ml.facts import FactStore
from ml.mining.outlook import due, levers_of
from ml.sample import Sample, sample_at
from tests.ml.conftest import CUTOFF

HORIZON_DAYS = 56
MARGIN = 0.4


@pytest.fixture(scope="module")
def sample(store: Path) -> Sample:
    with connect(1) as backend:
        backend.open(FactStore(store))
        return sample_at(backend, (), [CUTOFF])


@pytest.fixture(scope="module")
def habit(sample: Sample) -> Habit:
    return fit_habit(sample, MARGIN)


def test_levers_make_up_what_models_are_told_of_the_rhythm(habit: Habit, sample: Sample) -> None:
    parts = levers_of(habit, sample, HORIZON_DAYS)
    extended = habit.extend(sample, HORIZON_DAYS)
    np.testing.assert_allclose(parts.value, extended.column("rhythm_value"), rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(1 - parts.gone, extended.column("rhythm_alive"), rtol=1e-5)
    assert len(parts.value) == len(sample) > 100


def test_money_is_margin_where_the_habit_knows_its_share(habit: Habit, sample: Sample) -> None:
    margin = levers_of(habit, sample, HORIZON_DAYS)
    spend = levers_of(replace(habit, margin_share=1.0), sample, HORIZON_DAYS)
    np.testing.assert_allclose(margin.amount, MARGIN * spend.amount)
    np.testing.assert_allclose(margin.gains.churn, MARGIN * spend.gains.churn)
    np.testing.assert_array_equal(margin.rate_per_year, spend.rate_per_year)


def test_without_amounts_levers_are_worth_nothing_but_people_are_due(
    habit: Habit, sample: Sample
) -> None:
    poor = replace(habit, spend=None)
    assert not levers_of(poor, sample, HORIZON_DAYS).value.any()
    np.testing.assert_array_equal(due(poor, sample).coming.days, due(habit, sample).coming.days)


def test_the_overdue_come_first_those_with_most_at_stake_ahead(
    habit: Habit, sample: Sample
) -> None:
    found = due(habit, sample)
    assert sorted(found.order.tolist()) == list(range(len(sample)))
    overdue = found.coming.overdue[found.order]
    late = int(overdue.sum())
    assert 0 < late < len(sample)
    assert overdue[:late].all()
    stake = (found.coming.chance * found.amount)[found.order]
    assert (np.diff(stake[:late]) <= 0).all()
    assert (np.diff(found.coming.days[found.order][late:]) >= 0).all()
    assert (found.coming.early <= found.coming.days).all()
    assert (found.coming.days <= found.coming.late).all()


def test_nobody_is_no_trouble(habit: Habit, sample: Sample) -> None:
    nobody = sample.where(np.zeros(len(sample), np.bool_))
    assert len(levers_of(habit, nobody, HORIZON_DAYS).value) == 0
    assert len(due(habit, nobody).order) == 0
