"""Where customers stand when a day is decided: by what the days before it made of them, no more."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from api.db.installation import read_installation
from api.db.overrides import NewOverride, end_override, set_override
from api.db.policies import put_in_force, roll_back
from api.db.writes import writing
from api.documents import POLICIES, read_document
from api.simulation import simulate_policy
from tests.refresh.business import BUYERS, DAY, NOW, Business
from tests.refresh.test_documents_in_force import ME, later, tiers

GOLD = replace(BUYERS[3], clv_minor=45_000)
NEARLY_GOLD = replace(BUYERS[3], clv_minor=43_000)
"""Short of gold, and within the margin that keeps it."""


TIERS: list[dict[str, Any]] = read_document(POLICIES / "default.yaml")["tiers"]
GENEROUS = {
    "tiers": [
        each | {"when": {"clv": {"gte": 430}}} if each["key"] == "gold" else each for each in TIERS
    ]
}


def activate(business: Business, document: dict[str, Any]) -> None:
    with writing(business.engine) as connection:
        put_in_force(connection, document, read_installation(business.engine), ME)


def changed(**entries: Any) -> dict[str, Any]:
    document: dict[str, Any] = read_document(POLICIES / "default.yaml") | entries
    return document


def kept_by_margin(business: Business) -> None:
    business.buyers[3] = GOLD
    business.refresh()
    business.buyers[3] = NEARLY_GOLD
    business.refresh(**later(1))
    assert tiers(business)[3] == "gold"


@pytest.mark.parametrize(("generous", "outcome"), [({}, "silver"), (GENEROUS, "gold")])
def test_a_policy_taken_back_on_the_same_day_leaves_no_trace(
    business: Business, generous: dict[str, Any], outcome: str
) -> None:
    kept_by_margin(business)
    activate(business, changed(key="other") | generous)
    business.refresh(**later(1))
    assert tiers(business)[3] == outcome
    with writing(business.engine) as connection:
        roll_back(connection, "default", 1, read_installation(business.engine), ME)
    business.refresh(**later(1))
    assert tiers(business)[3] == "gold"


def test_another_policy_decides_anew_however_often_its_first_day_is_refreshed(
    business: Business,
) -> None:
    business.buyers[3] = GOLD
    business.refresh()
    activate(business, changed(key="other"))
    business.refresh(**later(1))
    assert tiers(business)[3] == "gold"
    business.buyers[3] = NEARLY_GOLD
    with business.engine.begin() as connection:
        connection.execute(text("UPDATE installation SET facts_epoch = facts_epoch + 1"))
    business.refresh(**later(1))
    assert tiers(business)[3] == "silver"


def by_hand(business: Business, expires_on: dt.date, now: dt.datetime = NOW) -> None:
    new = NewOverride(4, "tier", None, "gold", "Owner's family", expires_on)
    with writing(business.engine) as connection:
        set_override(connection, new, read_installation(business.engine), "me", now)


LASTING = {"minimum_stay_days": 90, "grace_months": 6}


def test_a_tier_set_by_hand_is_over_with_its_last_day_whatever_keeps_others(
    business: Business,
) -> None:
    activate(business, changed(stability=LASTING))
    business.refresh()
    by_hand(business, DAY + dt.timedelta(days=2))
    for day in (0, 1, 2):
        business.refresh(**later(day))
        assert tiers(business)[4] == "gold"
    business.refresh(**later(3))
    assert tiers(business)[4] == "bronze"


def test_a_tier_set_by_hand_is_over_when_it_is_ended(business: Business) -> None:
    activate(business, changed(stability=LASTING))
    by_hand(business, DAY + dt.timedelta(days=300))
    business.refresh()
    with writing(business.engine) as connection:
        installation = read_installation(business.engine)
        now = NOW + dt.timedelta(hours=1)
        end_override(connection, 4, "tier", None, installation, "me", now)
    business.refresh(**later(1))
    assert tiers(business)[4] == "bronze"


def test_what_a_tier_is_without_the_hand_is_what_the_measures_say(business: Business) -> None:
    activate(business, changed(stability=LASTING))
    by_hand(business, DAY + dt.timedelta(days=300))
    for day in (0, 1, 2):
        business.refresh(**later(day))
    with business.engine.connect() as connection:
        reasons = connection.scalar(
            text(
                "SELECT COALESCE(CAST(now AS TEXT), CAST(reasons AS TEXT)) FROM tier_assignments "
                "WHERE customer_id = 4 AND ended_on IS NULL"
            )
        )
    assert '"bronze"' in reasons


def simulated(
    business: Business, document: dict[str, Any], days: int
) -> dict[tuple[str | None, str | None], int]:
    report = simulate_policy(
        business.engine, business.url, document, now=NOW + dt.timedelta(days=days)
    )
    return {(each.before, each.after): each.sums.customers for each in report.matrix.moves}


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"key": "other"},
        {"stability": LASTING},
        {"stability": {"downgrade": "one_level"}},
        {"stability": {"evaluate": "monthly", "exit_margin": 0.5}},
        {"stability": {"evaluate": "anniversary", "upgrades": "at_once"}},
    ],
)
def test_what_is_simulated_is_what_activation_and_a_refresh_then_give(
    business: Business, entries: dict[str, Any]
) -> None:
    document = changed(**entries)
    business.buyers |= {1: replace(BUYERS[1], clv_minor=200_000), 3: GOLD}
    by_hand(business, DAY + dt.timedelta(days=1))
    business.refresh()
    fallen = {1: replace(BUYERS[1], clv_minor=14_000), 2: replace(BUYERS[2], clv_minor=89_000)}
    business.buyers |= {**fallen, 3: NEARLY_GOLD}
    business.refresh(**later(1))
    before, expected = tiers(business), simulated(business, document, 1)
    activate(business, document)
    business.refresh(**later(1))
    after = tiers(business)
    assert expected == Counter((before[key], after[key]) for key in before)


def test_the_policy_in_force_would_move_nobody(business: Business) -> None:
    document = changed(stability={"downgrade": "one_level"})
    activate(business, document)
    business.buyers[1] = replace(BUYERS[1], clv_minor=200_000)
    business.refresh()
    business.buyers[1] = replace(BUYERS[1], clv_minor=100)
    business.refresh(**later(1))
    assert tiers(business)[1] == "platinum"
    assert all(old == new for old, new in simulated(business, document, 1))
