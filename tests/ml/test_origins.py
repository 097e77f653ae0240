"""Where the past is looked at from: never beyond what is known, and as far ahead as it allows."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.contracts import DAY
from ml.dataset import Span
from ml.errors import NotEnoughHistory
from ml.learning.course import chain
from ml.learning.origins import ENOUGH_ORIGINS, LEAST_HISTORY_DAYS, MAX_ORIGINS, Origin, Plan, plan

START = 1_704_067_200
SPAN = Span(START, START + 400 * DAY, 100, 1000, "spend", 1.0)
horizons = st.integers(1, 1200)
histories = st.integers(LEAST_HISTORY_DAYS, 4000)


def planned(history_days: int, horizon_days: int) -> Plan:
    return plan(START, Origin(START + history_days * DAY, horizon_days))


@given(histories, horizons)
def test_every_window_had_closed_and_had_something_before_it(history: int, horizon: int) -> None:
    found = planned(history, horizon)
    assert 1 <= len(found.teachers) <= MAX_ORIGINS
    assert len(set(found.teachers)) == len(found.teachers)
    for teacher in found.teachers:
        assert START < teacher.cutoff < teacher.closes_at <= found.target.cutoff
        assert 1 <= teacher.horizon_days <= max(horizon, history // 2)


@given(histories, horizons)
def test_a_horizon_is_stretched_only_where_no_whole_window_fits(history: int, horizon: int) -> None:
    found = planned(history, horizon)
    behind = max(14, min(horizon // 2, 84))
    assert found.extrapolated == (history < horizon + behind)
    whole = [teacher for teacher in found.teachers if teacher.horizon_days == horizon]
    assert found.extrapolated == (not whole)
    assert whole == sorted(whole, reverse=True)
    if len(whole) >= ENOUGH_ORIGINS:
        assert whole == list(found.teachers)


@given(histories, horizons)
def test_the_proof_is_the_latest_whole_window_or_else_the_longest(
    history: int, horizon: int
) -> None:
    found = planned(history, horizon)
    if found.extrapolated:
        assert found.proof.horizon_days == max(each.horizon_days for each in found.teachers)
    else:
        assert found.proof == Origin(found.target.cutoff - horizon * DAY, horizon)
    assert found.proof.closes_at <= found.target.cutoff


@given(histories, horizons)
def test_no_teacher_knows_the_proof(history: int, horizon: int) -> None:
    """Each plan of a chain has closed before the one it is judged on begins."""
    plans = chain(SPAN, Origin(START + history * DAY, horizon))
    assert 1 <= len(plans) <= 3
    for later, earlier in itertools.pairwise(plans):
        assert earlier.target == later.proof
        assert all(teacher.closes_at <= later.proof.cutoff for teacher in earlier.teachers)
        assert earlier.target.closes_at <= later.target.cutoff


def test_a_year_and_a_quarter_by_hand() -> None:
    found = planned(365, 90)
    assert [((o.cutoff - START) // DAY, o.horizon_days) for o in found.teachers] == [
        (275, 90), (230, 90), (185, 90), (140, 90), (95, 90), (50, 90),
    ]  # fmt: skip


def test_shorter_windows_teach_where_whole_ones_are_few() -> None:
    found = planned(150, 90)
    assert [((o.cutoff - START) // DAY, o.horizon_days) for o in found.teachers] == [
        (60, 90), (105, 45), (83, 67),
    ]  # fmt: skip
    assert not found.extrapolated
    assert found.proof.horizon_days == 90


def test_parts_of_the_history_teach_where_no_whole_window_fits() -> None:
    found = planned(100, 90)
    assert [((o.cutoff - START) // DAY, o.horizon_days) for o in found.teachers] == [
        (70, 30), (60, 40), (50, 50),
    ]  # fmt: skip
    assert found.extrapolated
    assert found.proof == Origin(START + 50 * DAY, 50)


@given(st.integers(-50, LEAST_HISTORY_DAYS - 1), horizons)
def test_too_short_a_history_is_named(history: int, horizon: int) -> None:
    with pytest.raises(NotEnoughHistory, match="needs 28 days of purchases"):
        planned(history, horizon)


def test_days_are_named_in_the_businesss_time_zone() -> None:
    with pytest.raises(NotEnoughHistory) as caught:
        plan(START, Origin(START + 20 * DAY, 28), "Pacific/Honolulu")
    assert "up to 2024-01-20; the first one is of 2023-12-31" in str(caught.value)
