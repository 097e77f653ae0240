"""A habit is rhythm and spend together, kept whole, and made of whatever a business has."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ml.btyd import Habit, Histories, Nbd, Pareto, Spend, fit_habit
from ml.btyd.choice import fit_or_fall_back
from ml.errors import FitFailed
from ml.feature_catalogue import DERIVED
from ml.sample import Sample
from tests.ml.lives import PARETO, live

CODES = ("purchase_days", "tenure_days", "recency_days", "net_spend")


def buyers(size: int = 300, *, amounts: str = "varied") -> Sample:
    seen = live(PARETO, size, seed=1, horizon_days=1.0).seen
    days = seen.repeats + 1
    random = np.random.default_rng(2)
    basket = {"varied": random.lognormal(7, 0.6, size), "one price": np.full(size, 500.0),
              "none": np.zeros(size)}[amounts]  # fmt: skip
    columns = [days, seen.age, seen.age - seen.last, basket * days]
    return Sample(
        codes=CODES,
        values=np.column_stack(columns).astype(np.float32),
        cutoff=np.zeros(size, np.int64),
        customer_id=np.arange(size),
        churned=np.zeros(size, np.bool_),
        value=np.zeros(size),
    )


def kept(habit: Habit) -> Habit:
    return Habit.from_document(json.loads(json.dumps(habit.to_document())))


@pytest.fixture(scope="module")
def habit() -> Habit:
    return fit_habit(buyers(), 0.4)


def test_a_document_keeps_a_habit(habit: Habit) -> None:
    assert isinstance(habit.rhythm, Pareto)
    assert habit.note == ""
    assert kept(habit) == habit
    sample = buyers()
    np.testing.assert_array_equal(
        kept(habit).extend(sample, 30).values, habit.extend(sample, 30).values
    )


def test_the_features_are_those_of_the_catalogue_and_mean_what_they_say(habit: Habit) -> None:
    sample = buyers()
    extended = habit.extend(sample, 30)
    assert extended.codes == (*CODES, *DERIVED)
    seen = Histories.of(sample)
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(
        extended.column("rhythm_absence"), habit.rhythm.absence(seen, 30), **close
    )
    np.testing.assert_allclose(
        extended.column("rhythm_value"),
        0.4 * extended.column("rhythm_orders") * extended.column("rhythm_basket"),
        **close,
    )
    assert set(extended.column("horizon_days")) == {30.0}
    np.testing.assert_allclose(
        extended.column("tenure_over_horizon") * 30, sample.column("tenure_days"), **close
    )
    assert extended.column("recency_share").max() <= 1.0


def test_a_longer_look_expects_more(habit: Habit) -> None:
    near, far = (habit.extend(buyers(), days) for days in (30, 90))
    # Who has surely left is as absent whatever the horizon.
    assert (far.column("rhythm_absence") <= near.column("rhythm_absence")).all()
    assert (far.column("rhythm_orders") >= near.column("rhythm_orders")).all()
    assert far.column("rhythm_absence").mean() < near.column("rhythm_absence").mean() - 0.03


def test_a_log_without_amounts_has_a_rhythm_and_no_spend() -> None:
    sample = buyers(amounts="none")
    silent = fit_habit(sample, 1.0)
    assert silent.spend is None
    assert kept(silent) == silent
    extended = silent.extend(sample, 30)
    assert not extended.column("rhythm_value").any()
    assert not extended.column("rhythm_basket").any()
    assert extended.column("rhythm_orders").all()


def test_one_price_for_everybody_is_no_reason_to_give_up() -> None:
    sample = buyers(amounts="one price")
    same = fit_habit(sample, 1.0)
    np.testing.assert_allclose(same.extend(sample, 30).column("rhythm_basket"), 500.0, rtol=0.02)
    assert kept(same) == same


def test_where_spend_cannot_be_fitted_means_are_taken_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> Spend:
        raise FitFailed("no maximum")

    monkeypatch.setattr("ml.btyd.habit.fit_spend", refuse)
    sample = buyers()
    found = fit_habit(sample, 1.0)
    assert found.note == "means instead of spend (no maximum)"
    days, spent = sample.column("purchase_days"), sample.column("net_spend")
    np.testing.assert_allclose(
        found.extend(sample, 30).column("rhythm_basket"),
        (spent + (spent / days).mean()) / (days + 1),
        rtol=1e-5,
    )


def test_a_simpler_rhythm_is_taken_where_the_wanted_one_fails_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, habit: Habit
) -> None:
    def refuse(_seen: Histories, **_: Any) -> Pareto:
        raise FitFailed("no maximum")

    def fall_back(seen: Histories, wanted: Any) -> Any:
        return fit_or_fall_back(
            seen,
            wanted,
            {"pareto": refuse, "mbg": refuse, "bg": refuse, "nbd": lambda _: Nbd(1, 9)},
        )

    monkeypatch.setattr("ml.btyd.habit.fit_pareto", refuse)
    monkeypatch.setattr("ml.btyd.habit.fit_or_fall_back", fall_back)
    found = fit_habit(buyers(), 1.0, earlier=habit)
    assert found.rhythm == Nbd(1, 9)
    assert found.note.startswith("nbd instead of pareto (pareto: no maximum; mbg: no maximum")
    assert kept(found) == found


def test_an_older_habit_is_only_where_the_search_starts(habit: Habit) -> None:
    far_off = replace(habit, rhythm=Pareto(5.0, 100.0, 5.0, 500.0))
    again = fit_habit(buyers(), 0.4, earlier=far_off)
    fresh = fit_habit(buyers(), 0.4)
    seen = Histories.of(buyers())
    np.testing.assert_allclose(
        again.rhythm.absence(seen, 30), fresh.rhythm.absence(seen, 30), atol=1e-3
    )
    assert again.spend == fresh.spend
