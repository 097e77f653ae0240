"""What a refresh makes of segments, consents and actions: hand-picks stay, causes are kept."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine, insert, select, update

from api.db.models import (
    Consent,
    CustomerCase,
    Recommendation,
    ResourcePlan,
    Segment,
    SegmentMembership,
    Strategy,
    StrategyAction,
)
from tests.refresh.business import BUYERS, DAY, NOW, Business, Buyer

RISKY = Buyer(recency_days=25, orders=30, spend_minor=700_000, churn=0.6, clv_minor=150_000)
LATER = DAY + dt.timedelta(days=1)
TOMORROW = NOW + dt.timedelta(days=1)


def stays(engine: Engine, key: str) -> list[tuple[Any, ...]]:
    table = SegmentMembership
    with engine.connect() as connection:
        rows = connection.execute(
            select(table.customer_id, table.entered_on, table.left_on, table.left_cause)
            .join(Segment, Segment.id == table.segment_id)
            .where(Segment.key == key)
            .order_by(table.customer_id, table.id)
        ).all()
    return [tuple(row) for row in rows]


def recommended(engine: Engine, customer: int) -> list[str]:
    with engine.connect() as connection:
        return list(
            connection.scalars(
                select(Strategy.key)
                .join(Recommendation, Recommendation.strategy_id == Strategy.id)
                .where(Recommendation.customer_id == customer)
                .order_by(Recommendation.priority)
            )
        )


def row_id(engine: Engine, table: Any, key: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(table.id).where(table.key == key)).scalar_one())


def put_in_by_hand(engine: Engine, customer: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(SegmentMembership).values(
                segment_id=row_id(engine, Segment, "watched_by_hand"),
                customer_id=customer,
                entered_on=DAY,
                cause={"segment": "watched_by_hand", "reasons": []},
            )
        )


def add_segment(engine: Engine, key: str, rule: dict[str, Any]) -> None:
    texts = dict.fromkeys(("name_en", "name_zh", "description_en", "description_zh"), "x")
    with engine.begin() as connection:
        connection.execute(
            insert(Segment).values(key=key, kind="rule", rule=rule, version=1, **texts)
        )


def test_members_by_hand_survive_refreshes_and_rules_can_read_them(business: Business) -> None:
    put_in_by_hand(business.engine, 3)
    rule = {"all": [{"segment": "watched_by_hand"}, {"clv": {"gte": 1}}]}
    add_segment(business.engine, "watched_buyers", rule)
    business.refresh()
    business.refresh(as_of=LATER, now=TOMORROW)
    assert [stay[:3] for stay in stays(business.engine, "watched_by_hand")] == [(3, DAY, None)]
    assert [stay[0] for stay in stays(business.engine, "watched_buyers")] == [3]


def test_why_somebody_left_is_kept(business: Business) -> None:
    business.refresh()
    assert [stay[0] for stay in stays(business.engine, "high_value_at_risk")] == [2]
    business.buyers[2] = Buyer(recency_days=1, orders=31, churn=0.1, clv_minor=150_000)
    business.refresh(as_of=LATER, now=TOMORROW)
    ((customer, entered, left, why),) = stays(business.engine, "high_value_at_risk")
    assert (customer, entered, left) == (2, DAY, LATER)
    assert why["reasons"] == [
        {
            "code": "segment.condition_lost",
            "params": {"field": "churn_probability", "op": "lt", "threshold": 0.3, "value": 0.1},
        }
    ]
    business.buyers[2] = BUYERS[2]
    plan(business.engine, {"usual_contact_minutes": 6})
    business.refresh(as_of=LATER, now=TOMORROW + dt.timedelta(hours=1))
    ((_, _, left, why),) = stays(business.engine, "high_value_at_risk")
    assert (left, why) == (None, None)


def plan(engine: Engine, document: dict[str, Any]) -> None:
    """Another plan of resources: a refresh of the same day then looks again."""
    with engine.begin() as connection:
        connection.execute(update(ResourcePlan).values(document=document))


def agree(engine: Engine, customer: int, when: dt.datetime, granted: bool) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(Consent).values(
                customer_id=customer,
                purpose="marketing",
                channel="email",
                recorded_at=when,
                granted=granted,
                batch_id=1,
            )
        )


def test_only_the_latest_word_before_the_day_ends_counts(business: Business) -> None:
    """Customer 3 would get an offer by e-mail; what is said after the day is not known on it."""
    for granted, hours, expected in ((False, -40, False), (True, -30, True), (False, 20, True)):
        agree(business.engine, 3, NOW + dt.timedelta(hours=hours), granted)
        plan(business.engine, {"usual_contact_minutes": 5 + hours / 100})
        business.refresh(now=NOW + dt.timedelta(hours=1))
        mailed = {"retention_offer", "retention_reminder"} & set(recommended(business.engine, 3))
        assert bool(mailed) is expected, (granted, hours)


def test_what_was_done_is_not_recommended_again_and_room_is_kept(business: Business) -> None:
    business.buyers[2] = RISKY
    business.refresh()
    assert "basic_upkeep" in recommended(business.engine, 5)
    calls = [
        customer
        for customer in BUYERS
        if {"retention_call", "return_visit"} & set(recommended(business.engine, customer))
    ]
    assert calls == [2]
    (key,) = {"retention_call", "return_visit"} & set(recommended(business.engine, 2))
    with business.engine.begin() as connection:
        connection.execute(
            insert(StrategyAction).values(
                customer_id=2,
                strategy_id=row_id(business.engine, Strategy, key),
                strategy_version=1,
                status="done",
                owner="x",
                done_at=NOW - dt.timedelta(days=2),
                recorded_at=NOW,
                recorded_by="x",
                version=1,
            )
        )
    assert not business.refresh(now=NOW + dt.timedelta(hours=1)).unchanged
    assert key not in recommended(business.engine, 2)


def test_a_plan_without_room_for_managers_leaves_the_next_best(business: Business) -> None:
    with business.engine.begin() as connection:
        connection.execute(
            update(ResourcePlan).values(document={"capacities": {"account_manager": 0}})
        )
    business.refresh()
    found = recommended(business.engine, 2)
    assert not {"retention_call", "return_visit"} & set(found)
    assert found


def test_a_case_is_opened_once_for_who_is_to_be_kept(business: Business) -> None:
    business.buyers[2] = RISKY
    business.refresh()
    business.refresh(as_of=LATER, now=TOMORROW)
    table = CustomerCase
    with business.engine.connect() as connection:
        rows = connection.execute(
            select(table.customer_id, table.kind, table.opened_on, table.closed_on, table.reasons)
        ).all()
    assert [tuple(row)[:4] for row in rows if row.kind == "retention"] == [
        (2, "retention", DAY, None)
    ]
    assert all(row.reasons for row in rows)
