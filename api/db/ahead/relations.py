"""Tables as look-ahead joins them, and the lists that hang on a customer.

The names say so (`ahead_...`): a filter beside them reads the same tables under their own names.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Integer, Select, Text, cast, exists, func, join, select, type_coerce

from api.db.ahead.json_rows import json_number, json_part, json_value
from api.db.ahead.levels import Column, Joined, Level, whole_number
from api.db.models import (
    AttributeDefinition,
    Customer,
    CustomerAttribute,
    ModelVersion,
    Order,
    OrderLine,
    Prediction,
    Recommendation,
    RefreshRun,
    Segment,
    SegmentMembership,
    Strategy,
    TierAssignment,
)
from api.db.pages import PageRequest, SortKey

CUSTOMER = Customer.__table__.alias("ahead_customers")
TIER = TierAssignment.__table__.alias("ahead_tiers")
PREDICTION = Prediction.__table__.alias("ahead_predictions")
RUN = RefreshRun.__table__.alias("ahead_runs")
CHURN = ModelVersion.__table__.alias("ahead_churn_models")
CLV = ModelVersion.__table__.alias("ahead_clv_models")
STAY = SegmentMembership.__table__.alias("ahead_memberships")
SEGMENT = Segment.__table__.alias("ahead_segments")
ADVICE = Recommendation.__table__.alias("ahead_recommendations")
STRATEGY = Strategy.__table__.alias("ahead_strategies")
ATTRIBUTE = CustomerAttribute.__table__.alias("ahead_attributes")
DEFINITION = AttributeDefinition.__table__.alias("ahead_definitions")
PAST = TierAssignment.__table__.alias("ahead_past_tiers")
ORDER = Order.__table__.alias("ahead_orders")
LINE = OrderLine.__table__.alias("ahead_lines")

MEMBER = CUSTOMER.c.id
"""Whose rows the lists below are: the customer of the row around them."""

TIERED = Joined(TIER, (TIER.c.customer_id == MEMBER) & TIER.c.ended_on.is_(None))
PREDICTED = Joined(PREDICTION, (PREDICTION.c.customer_id == MEMBER) & ~PREDICTION.c.deleted)
SCORED_BY = Joined(RUN, RUN.c.id == PREDICTION.c.run_id, PREDICTED)
CHURN_SCORED_BY = Joined(CHURN, CHURN.c.id == RUN.c.churn_model_id, SCORED_BY)
SCORED_WITH = Joined(CLV, CLV.c.id == RUN.c.clv_model_id, CHURN_SCORED_BY)
ADVISED = Joined(STRATEGY, STRATEGY.c.id == ADVICE.c.strategy_id)
DECIDED_IN = Joined(RUN, RUN.c.id == ADVICE.c.run_id)


def stored(column: Column) -> Column:
    """A document as the text it is stored as."""
    return type_coerce(column, Text())


def latest_reasons(table: Any) -> Column:
    """Of a tier by the latest refresh: those of the entry, unless another followed."""
    return func.coalesce(json_part(table.c.now, "reasons"), stored(table.c.reasons))


def latest_policy(table: Any) -> Column:
    number = cast(json_part(table.c.now, "policy_version_id"), Integer())
    return func.coalesce(number, table.c.policy_version_id)


CHURN_REASONS = stored(PREDICTION.c.churn_reasons)
CLV_REASONS = stored(PREDICTION.c.clv_reasons)
ADVICE_REASONS = json_value(stored(ADVICE.c.reasons))
STAY_CAUSE = json_value(stored(STAY.c.cause))
NUMBER_VALUE = json_number(ATTRIBUTE.c.number_value)


def strategy_part(name: str) -> Column:
    """An entry of a strategy's document, within a row."""
    return json_value(json_part(STRATEGY.c.document, name))


ORDER_TOTAL = (
    select(func.sum(LINE.c.amount_minor))
    .where(LINE.c.order_id == ORDER.c.id)
    .correlate(ORDER)
    .scalar_subquery()
)


def customers_level() -> Level:
    return Level(CUSTOMER, nested=False, columns=[CUSTOMER.c.id])


def segments_level() -> Level:
    return Level(join(STAY, SEGMENT, SEGMENT.c.id == STAY.c.segment_id), nested=True)


def advice_level() -> Level:
    return Level(ADVICE, nested=True)


def attributes_level() -> Level:
    named = DEFINITION.c.name == ATTRIBUTE.c.name
    return Level(join(ATTRIBUTE, DEFINITION, named), nested=True)


def segments_of(level: Level, hidden: Collection[str]) -> Select[Any]:
    """The segments a customer is in now, by key, but for some."""
    statement = level.select().where(STAY.c.customer_id == MEMBER, STAY.c.left_on.is_(None))
    if hidden:
        statement = statement.where(SEGMENT.c.key.not_in(sorted(hidden)))
    return statement.order_by(SEGMENT.c.key).correlate(CUSTOMER)


def advice_for(level: Level, first: int) -> Select[Any]:
    """The first things to do with a customer."""
    return (
        level.select()
        .where(ADVICE.c.customer_id == MEMBER, ADVICE.c.priority <= whole_number(first))
        .order_by(ADVICE.c.priority)
        .correlate(CUSTOMER)
    )


def attributes_of(level: Level) -> Select[Any]:
    """The latest value of each attribute that isn't sensitive, by name."""
    newer = ATTRIBUTE.alias("ahead_newer")
    later = exists().where(
        newer.c.customer_id == ATTRIBUTE.c.customer_id,
        newer.c.name == ATTRIBUTE.c.name,
        newer.c.valid_from > ATTRIBUTE.c.valid_from,
    )
    return (
        level.select()
        .where(ATTRIBUTE.c.customer_id == MEMBER, ~later, ~DEFINITION.c.sensitive)
        .order_by(ATTRIBUTE.c.name)
        .correlate(CUSTOMER)
    )


def page_for(
    level: Level, owner: Column, keys: Sequence[SortKey], request: PageRequest
) -> Select[Any]:
    """A page of what a customer has, one row more than asked; rows end with their place in it."""
    return (
        level.select()
        .add_columns(*(key.column.label(f"sort_{place}") for place, key in enumerate(keys)))
        .where(owner == MEMBER)
        .order_by(*(key.ordered(request.backward) for key in keys))
        .limit(whole_number(request.size + 1))
        .correlate(CUSTOMER)
    )
