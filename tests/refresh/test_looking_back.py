"""Past month ends are kept once, forgotten when they are old, and policies are tried on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.db.known_fields import read_known_fields
from api.db.models import ReplayInput, ReplayMonth
from api.db.replays import read_months, stored_months
from api.documents import read_policy_file
from api.domain.simulation.replays import Month
from api.errors import InvalidInput
from api.looking_back import LookingBack, month_ends
from api.simulation import simulate_policy
from api.simulation_documents import simulation_document
from ml.contracts import day_of
from tests.refresh.business import (
    BUYERS,
    DAY,
    NOW,
    Business,
    Scores,
    measures_of,
    predictions_of,
)

ONE_DAY = dt.timedelta(days=1)
MONTHS = 6
VALUES = [20_000, 60_000, 20_000, 60_000, 20_000, 60_000]
"""Lifetime value of customer 3 by month, in and out of a tier."""


@dataclass
class Past:
    """Plays the scoring of past months by hand; remembers what it was asked for."""

    business: Business
    asked: list[list[dt.date]] = field(default_factory=list)

    def score(
        self, _store: Path, cutoffs: Sequence[int], most: int
    ) -> Iterator[tuple[int, Scores]]:
        assert most == 5_000
        self.asked.append([day_of(cutoff - 1, "UTC") for cutoff in cutoffs])
        for cutoff in cutoffs:
            day = day_of(cutoff - 1, "UTC")
            place = month_ends(DAY, MONTHS).index(day) if day in month_ends(DAY, MONTHS) else 0
            buyers = dict(BUYERS)
            buyers[3] = replace(buyers[3], clv_minor=VALUES[place])
            yield cutoff, Scores(measures_of(buyers, cutoff), predictions_of(buyers, cutoff))


@pytest.fixture
def past(business: Business) -> Past:
    past = Past(business)
    business.past = LookingBack(past.score, MONTHS)
    return past


def months_of(business: Business) -> list[Month]:
    fields = read_known_fields(business.engine)
    with business.engine.connect() as connection:
        return read_months(connection, fields)


def counted(business: Business) -> tuple[int, int]:
    with business.engine.connect() as connection:
        months = connection.scalar(select(func.count()).select_from(ReplayMonth))
        inputs = connection.scalar(select(func.count()).select_from(ReplayInput))
    return int(months or 0), int(inputs or 0)


def test_month_ends_are_calendar_months() -> None:
    assert month_ends(dt.date(2024, 3, 31), 3) == [
        dt.date(2024, 1, 31),
        dt.date(2024, 2, 29),
        dt.date(2024, 3, 31),
    ]
    assert month_ends(dt.date(2024, 3, 30), 2) == [dt.date(2024, 1, 31), dt.date(2024, 2, 29)]
    assert month_ends(dt.date(2024, 1, 1), 1) == [dt.date(2023, 12, 31)]
    assert month_ends(DAY, 0) == []


def test_the_first_refresh_looks_back_and_later_ones_add_what_is_new(
    business: Business, past: Past
) -> None:
    business.refresh()
    assert past.asked == [month_ends(DAY, MONTHS)]
    assert counted(business) == (MONTHS, MONTHS * len(BUYERS))
    business.refresh(as_of=DAY + ONE_DAY, now=NOW + ONE_DAY)
    assert len(past.asked) == 1
    april = dt.date(2026, 4, 30)
    business.refresh(as_of=april, now=NOW + 30 * ONE_DAY)
    assert past.asked[1:] == [[april]]
    assert sorted(stored_months(business.engine)) == month_ends(april, MONTHS)


def test_what_was_read_back_is_what_was_measured(business: Business, past: Past) -> None:
    business.refresh()
    months = months_of(business)
    assert [month.day for month in months] == month_ends(DAY, MONTHS)
    for place, month in enumerate(months):
        row = month.ids.tolist().index(3)
        assert month.columns["clv"][row] == VALUES[place]
        assert month.columns["kind"].tolist() == ["b2c"] * len(BUYERS)
        assert month.columns["known_at"][0] == dt.date(2025, 6, 1)
        assert set(month.columns) >= {"net_spend_365d", "rfm_group", "churn_probability"}


def test_other_models_look_back_anew(business: Business, past: Past) -> None:
    business.refresh()
    before = stored_months(business.engine)
    with business.engine.begin() as connection:
        connection.exec_driver_sql('UPDATE model_versions SET files = \'{"model": "1"}\'')
    business.refresh()
    assert past.asked == [month_ends(DAY, MONTHS)] * 2
    assert set(stored_months(business.engine).values()).isdisjoint(before.values())
    assert counted(business) == (MONTHS, MONTHS * len(BUYERS))


def test_to_keep_other_months_is_a_reason_to_look_again(business: Business, past: Past) -> None:
    business.refresh()
    business.past = LookingBack(past.score, MONTHS - 2)
    assert not business.refresh().unchanged
    assert [month.day for month in months_of(business)] == month_ends(DAY, MONTHS - 2)
    assert business.refresh().unchanged


def simulated(business: Business, policy: Any, **options: Any) -> dict[str, Any]:
    report = simulate_policy(business.engine, business.url, policy, now=NOW, **options)
    return simulation_document(report)


def plain(stability: dict[str, Any] | None = None) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "key": "plain",
        "kind": "thresholds",
        "name": {"en": "Plain", "zh": "简单"},
        "description": {"en": "By value.", "zh": "按价值。"},
        "measure": "clv",
        "tiers": [
            {"key": "gold", "rank": 1, "name": {"en": "Gold", "zh": "金"}, "at_least": 500}
            | {"description": {"en": "Good.", "zh": "好。"}},
            {"key": "other", "rank": 2, "name": {"en": "Other", "zh": "其他"}, "otherwise": True}
            | {"description": {"en": "The rest.", "zh": "其余。"}},
        ],
        "fallback": [{"tier": "other", "otherwise": True}],
    }
    return policy if stability is None else policy | {"stability": stability}


def test_flapping_is_counted_by_hand(business: Business, past: Past) -> None:
    """Customer 3 is in and out each month: five changes, of which four come back in time."""
    business.refresh()
    found = simulated(business, plain())["flapping"]
    assert (found["months"], found["customers"]) == (MONTHS, len(BUYERS))
    assert found["new"]["changes"] == 5
    assert found["new"]["flaps"] == 4
    assert found["new"]["customerMonths"] == len(BUYERS) * (MONTHS - 1)
    assert found["naive"] == found["new"]
    held = simulated(business, plain({"grace_months": 3}))["flapping"]
    assert held["naive"] == found["naive"]
    assert (held["new"]["changes"], held["new"]["flaps"]) == (1, 0)


def test_a_past_month_is_simulated_on_the_sample(business: Business, past: Past) -> None:
    business.refresh()
    days = month_ends(DAY, MONTHS)
    found = simulated(business, plain(), as_of=days[1])
    assert (found["asOf"], found["sampled"]) == (days[1].isoformat(), True)
    counts = {each["tier"]: each["after"]["customers"] for each in found["tiers"]}
    assert counts["gold"] == 3
    assert {
        each["tier"]: each["after"]["customers"]
        for each in simulated(business, plain(), as_of=days[2])["tiers"]
    }["gold"] == 2
    with pytest.raises(InvalidInput, match="nothing is kept of 2026-02-27"):
        simulated(business, plain(), as_of=dt.date(2026, 2, 27))


def test_without_past_months_the_rest_is_told(business: Business) -> None:
    business.refresh()
    found = simulated(business, read_policy_file("default"))
    assert found["flapping"] is None
    assert found["customers"] == len(BUYERS)
    assert found["moved"]["customers"] == 0
