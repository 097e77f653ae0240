"""What the guards look at: service by tier, revenue by what became of customers, late answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import and_, case, func, literal, or_, select

from api.db.models import (
    Customer,
    CustomerProfile,
    Interaction,
    Order,
    OrderLine,
    Prediction,
    ResourcePlan,
    TierAssignment,
)
from api.db.rules import customer_source, rule_to_sql
from api.db.snapshots import Snapshot
from api.domain.resources import TierUse
from api.domain.revenue import Flow
from api.domain.rules import Rule

Moments = tuple[dt.datetime, dt.datetime]
"""From the first moment up to, not including, the second."""


async def resource_plan(snapshot: Snapshot) -> Mapping[str, Any]:
    rows = await snapshot.rows(
        select(ResourcePlan.document).order_by(ResourcePlan.version.desc()).limit(1)
    )
    found: Mapping[str, Any] = rows[0][0] if rows else {}
    return found


async def tier_uses(
    snapshot: Snapshot, minutes: Mapping[str, float], usual: float, period: Moments
) -> list[TierUse]:
    """Customers, value and service of each present tier; contacts within the period."""
    tier = TierAssignment
    current = and_(tier.customer_id == Customer.id, tier.ended_on.is_(None))
    sums = (
        select(
            tier.tier_key,
            func.count(),
            func.coalesce(func.sum(Prediction.clv_minor), 0),
            func.coalesce(func.sum(CustomerProfile.service_cost_365d_minor), 0),
        )
        .select_from(customer_source())
        .where(tier.tier_key.is_not(None))
        .group_by(tier.tier_key)
    )
    long = (
        case(
            *(
                (Interaction.channel == channel, number)
                for channel, number in sorted(minutes.items())
            ),
            else_=usual,
        )
        if minutes
        else literal(usual)
    )
    contacts = (
        select(tier.tier_key, func.sum(sa.cast(long, sa.Float(53))))
        .select_from(Interaction)
        .join(Customer, Customer.id == Interaction.customer_id)
        .join(tier, current)
        .where(Interaction.occurred_at >= period[0], Interaction.occurred_at < period[1])
        .group_by(tier.tier_key)
    )
    hours = {row[0]: float(row[1] or 0) / 60 for row in await snapshot.rows(contacts)}
    return [
        TierUse(key, customers, int(value), int(cost), hours.get(key, 0.0))
        for key, customers, value, cost in await snapshot.rows(sums)
    ]


async def revenue_flows(snapshot: Snapshot, before: Moments, after: Moments) -> dict[str, Flow]:
    """By part of the bridge: customers, and what they bought in both periods."""
    within = [
        and_(Order.ordered_at >= start, Order.ordered_at < end) for start, end in (before, after)
    ]
    bought = (
        select(
            Order.customer_id,
            *(
                func.sum(case((each, OrderLine.amount_minor), else_=0)).label(f"amount_{place}")
                for place, each in enumerate(within)
            ),
            *(
                func.max(case((each, 1), else_=0)).label(f"there_{place}")
                for place, each in enumerate(within)
            ),
        )
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(or_(*within), snapshot.visible(Order.__table__.c.customer_id))
        .group_by(Order.customer_id)
        .subquery("bought")
    )
    earlier = sa.exists(
        select(literal(1)).where(
            Order.customer_id == bought.c.customer_id, Order.ordered_at < before[0]
        )
    )
    part = case(
        (and_(bought.c.there_0 == 0, earlier), "returned"),
        (bought.c.there_0 == 0, "new"),
        (bought.c.there_1 == 0, "lost"),
        (bought.c.amount_1 > bought.c.amount_0, "grown"),
        (bought.c.amount_1 < bought.c.amount_0, "shrunk"),
        else_="steady",
    )
    parts = select(part.label("part"), bought.c.amount_0, bought.c.amount_1).subquery("parts")
    rows = await snapshot.rows(
        select(
            parts.c.part, func.count(), func.sum(parts.c.amount_0), func.sum(parts.c.amount_1)
        ).group_by(parts.c.part)
    )
    return {row[0]: Flow(row[1], int(row[2]), int(row[3])) for row in rows}


async def tier_retention(
    snapshot: Snapshot, day: dt.date, period: Moments
) -> Sequence[tuple[str | None, int, int]]:
    """By the tier held on the day: customers, and how many of them bought within the period."""
    tier = TierAssignment
    again = sa.exists(
        select(literal(1)).where(
            Order.customer_id == tier.customer_id,
            Order.ordered_at >= period[0],
            Order.ordered_at < period[1],
        )
    )
    rows = await snapshot.rows(
        select(tier.tier_key, func.count(), func.sum(case((again, 1), else_=0)))
        .where(tier.since <= day, or_(tier.ended_on.is_(None), tier.ended_on > day))
        .where(snapshot.visible(tier.__table__.c.customer_id))
        .group_by(tier.tier_key)
        .order_by(tier.tier_key)
    )
    return [(row[0], row[1], int(row[2])) for row in rows]


async def late_answers(
    snapshot: Snapshot,
    plans: Sequence[tuple[Rule, float]],
    period: Moments,
    time_zone: str,
    worst: int,
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Answers by present tier, and the latest ones: what was promised is the strictest plan.

    Rows of tier, contacts, late ones and the mean seconds beyond the promise; and rows of
    interaction, customer, tier, seconds, promised seconds.
    """
    promised = case(*((rule_to_sql(rule, time_zone), hours * 3600) for rule, hours in plans)).label(
        "promised"
    )
    answered = (
        select(
            Interaction.id,
            Interaction.customer_id,
            Customer.external_id,
            TierAssignment.tier_key,
            Interaction.occurred_at,
            Interaction.response_seconds,
            promised,
        )
        .select_from(customer_source().join(Interaction, Interaction.customer_id == Customer.id))
        .where(
            Interaction.direction == "inbound",
            Interaction.response_seconds.is_not(None),
            Interaction.occurred_at >= period[0],
            Interaction.occurred_at < period[1],
            snapshot.visible(Interaction.__table__.c.customer_id),
        )
        .subquery("answered")
    )
    late = answered.c.response_seconds > answered.c.promised
    by_tier = (
        select(
            answered.c.tier_key,
            func.count(),
            func.sum(case((late, 1), else_=0)),
            func.avg(case((late, answered.c.response_seconds - answered.c.promised))),
        )
        .where(answered.c.promised.is_not(None))
        .group_by(answered.c.tier_key)
        .order_by(answered.c.tier_key)
    )
    beyond = (answered.c.response_seconds - answered.c.promised).desc()
    latest = select(answered).where(late).order_by(beyond, answered.c.id).limit(worst)
    return await snapshot.rows(by_tier), await snapshot.rows(latest)
