"""The classes a customer is in by what is known, predictions aside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable
from enum import Enum
from typing import Any

import strawberry

from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS
from api.graphql.context import Context
from api.graphql.customer_classes import CustomerClass, customer_classes, load_classes
from api.graphql.described import choice, loaded
from api.graphql.intents import StatedIntent, stated_intent
from api.graphql.loaders import known
from api.graphql.statuses import RecordedStatus, recorded_status


@strawberry.enum(description="Whom the business deals with.")
class CustomerKind(Enum):
    B2B = choice("b2b", "A business.")
    B2C = choice("b2c", "A consumer.")
    INTERNAL = choice("internal", "A part of the business itself.")


@strawberry.enum(description="Share of value, largest customers first (Pareto).")
class AbcClass(Enum):
    A = choice("A", "The few who make most of the value.")
    B = choice("B", "Those in the middle.")
    C = choice("C", "The many who make little of it.")


@strawberry.enum(description="Where a customer stands between a first contact and leaving.")
class LifecycleStage(Enum):
    PROSPECT = choice("prospect", "Known, has bought nothing yet.")
    FIRST_PURCHASE = choice("first_purchase", "Has bought once.")
    REPEAT = choice("repeat", "Has bought more than once.")
    LOYAL = choice("loyal", "Buys often and lately.")
    AT_RISK = choice("at_risk", "Is longer away than usual.")
    CHURNED = choice("churned", "Has left.")


@strawberry.enum(description="Group by recency, frequency and monetary score.")
class RfmGroup(Enum):
    CHAMPIONS = choice("champions", "Recent, frequent, much.")
    LOYAL = choice("loyal", "Frequent for long.")
    POTENTIAL_LOYALIST = choice("potential_loyalist", "Recent, on the way to loyal.")
    NEW_CUSTOMERS = choice("new_customers", "Bought lately, once.")
    PROMISING = choice("promising", "Recent, little so far.")
    NEED_ATTENTION = choice("need_attention", "Average, slipping.")
    ABOUT_TO_SLEEP = choice("about_to_sleep", "Below average, quiet.")
    AT_RISK = choice("at_risk", "Was frequent, long not seen.")
    CANNOT_LOSE = choice("cannot_lose", "Was among the best, is gone.")
    HIBERNATING = choice("hibernating", "Rare, little, long ago.")
    LOST = choice("lost", "Lowest in all three.")


@strawberry.type(
    description="Recency, frequency and monetary scores, 5 the best, 1 the lowest.",
    directives=[CUSTOMERS],
)
class Rfm:
    r_score: int | None = strawberry.field(description="How recently; none without an order.")
    f_score: int | None = strawberry.field(description="How often; none without an order.")
    m_score: int | None = strawberry.field(description="How much; none without an order.")
    group: RfmGroup | None = strawberry.field(description="The group these scores fall in.")


@strawberry.type(description="The lifecycle stage and since when.", directives=[CUSTOMERS])
class Lifecycle:
    stage: LifecycleStage = strawberry.field(description="The stage.")
    since: dt.date = strawberry.field(description="The first day it was seen in this stage.")


def _load_all(each: Classes) -> Awaitable[Any]:
    return load_classes(each.row.customer_id, each.context)


def _load_statuses(each: Classes) -> Awaitable[Any]:
    return each.context.loaders.statuses.load(each.row.customer_id)


def _load_intent(each: Classes) -> Awaitable[Any]:
    return each.context.loaders.intent.load(each.row.customer_id)


@strawberry.type(
    description="Measures of a customer's behaviour and the classes that follow.",
    directives=[CUSTOMERS],
)
class Classes:
    rfm: Rfm = strawberry.field(description="Recency, frequency, monetary value.")
    abc: AbcClass | None = strawberry.field(description="ABC class; none without an order.")
    lifecycle: Lifecycle = strawberry.field(description="Lifecycle stage.")
    recency_days: float | None = strawberry.field(description="Days since the last order.")
    order_count: int = strawberry.field(description="Orders so far.")
    net_spend: float = strawberry.field(
        description="Spend so far, net of returns, in the base currency."
    )
    net_spend_365d: float = strawberry.field(
        name="netSpend365d", description="The same over the last 365 days."
    )
    tenure_days: float | None = strawberry.field(description="Days since the first order.")
    mean_gap_days: float | None = strawberry.field(description="Mean days between orders.")
    interaction_count: int = strawberry.field(description="Contacts so far.")
    as_of: dt.date = strawberry.field(description="The last day these measures know of.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @loaded("What every classification says of them, by key.", _load_all)
    def all(self) -> list[CustomerClass]:
        return customer_classes(self.row, self.context)

    @loaded(
        "Steps that people recorded in the relationship: the latest 100, newest first.",
        _load_statuses,
    )
    def statuses(self) -> list[RecordedStatus]:
        rows = known(self.context.loaders.statuses, self.row.customer_id) or ()
        return [recorded_status(row) for row in rows]

    @loaded("What they last said about buying, and whether it still counts.", _load_intent)
    def intent(self) -> StatedIntent | None:
        row = known(self.context.loaders.intent, self.row.customer_id)
        return None if row is None else stated_intent(row, self.row, self.context)


def classes(row: Record, context: Context) -> Classes:
    return Classes(
        rfm=Rfm(
            r_score=row.r_score,
            f_score=row.f_score,
            m_score=row.m_score,
            group=None if row.rfm_group is None else RfmGroup(row.rfm_group),
        ),
        abc=None if row.abc_class is None else AbcClass(row.abc_class),
        lifecycle=Lifecycle(stage=LifecycleStage(row.lifecycle_stage), since=row.lifecycle_since),
        recency_days=row.recency_days,
        order_count=row.order_count,
        net_spend=context.major(row.net_spend_minor),
        net_spend_365d=context.major(row.net_spend_365d_minor),
        tenure_days=row.tenure_days,
        mean_gap_days=row.mean_gap_days,
        interaction_count=row.interaction_count,
        as_of=row.as_of,
        row=row,
        context=context,
    )
