"""What a customer entered a tier with stays; what holds now stands beside it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, select, text

from api.db.models import TierAssignment
from api.db.population import read_population
from tests.refresh.business import BUYERS, DAY, NOW, Business

ONE_DAY = dt.timedelta(days=1)


def stay(business: Business, customer: int = 3) -> Row[Any]:
    """The open stay of a customer."""
    table = TierAssignment.__table__
    with business.engine.connect() as connection:
        return connection.execute(
            select(table).where(table.c.customer_id == customer, table.c.ended_on.is_(None))
        ).one()


def refresh(business: Business, days: int, *, again: bool = False) -> None:
    if again:
        with business.engine.begin() as connection:
            connection.execute(text("UPDATE installation SET facts_epoch = facts_epoch + 1"))
    business.refresh(as_of=DAY + days * ONE_DAY, now=NOW + days * ONE_DAY)


def test_the_record_of_the_entry_is_never_changed(business: Business) -> None:
    business.refresh()
    entered = stay(business)
    assert entered.now is None
    business.buyers[3] = replace(BUYERS[3], clv_minor=BUYERS[3].clv_minor + 100)
    refresh(business, 1)
    later = stay(business)
    assert later.id == entered.id
    for name in ("reasons", "inputs", "gap_to_next", "policy_version_id", "run_id", "since"):
        assert later._mapping[name] == entered._mapping[name], name
    assert later.now["inputs"]["clv"] == BUYERS[3].clv_minor + 100
    assert later.now["run_id"] > entered.run_id


def test_a_record_that_says_the_same_is_not_written_again(business: Business) -> None:
    business.refresh()
    business.buyers[3] = replace(BUYERS[3], clv_minor=BUYERS[3].clv_minor + 100)
    refresh(business, 1)
    before = stay(business)
    refresh(business, 2)
    assert stay(business).now == before.now
    assert before.now["run_id"] > before.run_id


def test_a_day_that_is_refreshed_again_enters_anew(business: Business) -> None:
    business.refresh()
    business.buyers[3] = replace(BUYERS[3], clv_minor=BUYERS[3].clv_minor + 100)
    refresh(business, 0, again=True)
    entered = stay(business)
    assert entered.inputs["clv"] == BUYERS[3].clv_minor + 100
    assert entered.now is None


def test_decisions_of_a_day_stand_on_the_day_before(business: Business) -> None:
    """What an earlier refresh of the same day made of tiers and their state is not seen."""
    business.refresh()
    with business.engine.begin() as connection:
        connection.execute(
            text(f"UPDATE tier_assignments SET watch_since = '{DAY}', state_on = '{DAY}'")
        )
    refresh(business, 1)

    def standing(days: int) -> dict[int, tuple[Any, ...]]:
        tiers = read_population(business.url, business.engine, DAY + days * ONE_DAY).tiers
        names = ("tier_key", "since", "watch_since")
        return {row["customer_id"]: tuple(row[n] for n in names) for row in tiers.to_pylist()}

    found = standing(1)
    assert set(found) == set(BUYERS)
    assert {row[1:] for row in found.values()} == {(DAY.isoformat(), DAY.isoformat())}
    assert {row[2] for row in standing(2).values()} == {None}
    assert standing(0) == {}
