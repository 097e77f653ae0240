"""Rule trees as SQL: the same answer as `Rule.mask` gives on columns, on both databases."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from api.db.models import (
    Customer,
    CustomerAttribute,
    CustomerProfile,
    Prediction,
    Segment,
    SegmentMembership,
    TierAssignment,
)
from api.db.models.base import Base, UtcDateTime
from api.domain.conditions import Condition, Scalar
from api.domain.fields import Field
from api.domain.rules import AllOf, Not, Rule

Expression = sa.ColumnElement[Any]
Boolean = sa.ColumnElement[bool]

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


class has_text(FunctionElement[bool]):  # noqa: N801  (a SQL function, written as one)
    """Whether the first text holds the second, by code point: LIKE would differ in case and %."""

    type = sa.Boolean()
    inherit_cache = True


@compiles(has_text, "postgresql")
def _strpos(element: has_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"


@compiles(has_text, "sqlite")
def _instr(element: has_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


def customer_source() -> sa.FromClause:
    """The FROM that rules expect: every customer, with profile, prediction and current tier if any.

    A query of its own may join fewer tables, as long as it joins those its rules read;
    segments and custom attributes need no join.
    """
    return (
        sa.join(Customer, CustomerProfile, CustomerProfile.customer_id == Customer.id, isouter=True)
        .join(
            Prediction,
            sa.and_(Prediction.customer_id == Customer.id, Prediction.deleted.is_(False)),
            isouter=True,
        )
        .join(
            TierAssignment,
            sa.and_(TierAssignment.customer_id == Customer.id, TierAssignment.ended_on.is_(None)),
            isouter=True,
        )
    )


def rule_to_sql(rule: Rule, time_zone: str = "UTC") -> Boolean:
    """The rule as a condition for WHERE over `customer_source()`.

    Outside WHERE mind that it may be null where the rule is false. `time_zone` is the business's:
    days begin and end there.
    """
    if isinstance(rule, Condition):
        return _condition(rule, ZoneInfo(time_zone))
    if isinstance(rule, Not):
        # A comparison with null is false in a rule but null in SQL, where NOT null is null.
        return sa.not_(sa.func.coalesce(rule_to_sql(rule.part, time_zone), sa.false()))
    parts = [rule_to_sql(part, time_zone) for part in rule.parts]
    if isinstance(rule, AllOf):
        return sa.and_(sa.true(), *parts)
    return sa.or_(sa.false(), *parts)


def _condition(condition: Condition, zone: ZoneInfo) -> Boolean:
    field = condition.field
    if field.many:
        return _in_segment(condition)
    column = field_column(field)
    if condition.op == "is_null":
        return column.is_(None) if condition.value else column.is_not(None)
    if isinstance(column.type, UtcDateTime):
        days = [day for day in condition.values if isinstance(day, dt.date)]
        return sa.or_(*(_on_day(column, condition.op, day, zone) for day in days))
    literals = [_literal(field, each) for each in condition.values]
    if condition.op == "in":
        return column.in_(literals)
    if condition.op == "contains":
        return has_text(column, literals[0])
    compared: Boolean = _COMPARISONS[condition.op](column, literals[0])
    return compared


def field_column(field: Field) -> Expression:
    """What a field holds, in a query over `customer_source()`."""
    if field.class_key is not None:
        return _class(field, field.class_key)
    return _attribute(field) if field.attribute else _column(field)


def _column(field: Field) -> Expression:
    return Base.metadata.tables[field.table].c[field.column]


def _class(field: Field, key: str) -> Expression:
    """A classification's value in the document that holds them all; null where it has none."""
    value: Any = _column(field)[key]
    found: Expression = value.as_string() if field.type == "choice" else value.as_float()
    return found


def _attribute(field: Field) -> Expression:
    """The latest value of a custom attribute."""
    return (
        sa.select(getattr(CustomerAttribute, field.column))
        .where(
            CustomerAttribute.customer_id == Customer.id, CustomerAttribute.name == field.attribute
        )
        .order_by(CustomerAttribute.valid_from.desc())
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )


def _in_segment(condition: Condition) -> Boolean:
    return sa.exists(
        sa.select(sa.literal(1))
        .select_from(SegmentMembership)
        .join(Segment, Segment.id == SegmentMembership.segment_id)
        .where(
            SegmentMembership.customer_id == Customer.id,
            SegmentMembership.left_on.is_(None),
            Segment.key.in_(condition.values),
        )
        .correlate(Customer)
    )


def _literal(field: Field, value: Scalar) -> Expression:
    if isinstance(value, dt.date):
        if not field.attribute:
            return sa.literal(value, sa.Date())
        # Days of attributes are stored as text; ISO days of one length sort in any collation.
        return sa.literal(value.isoformat(), sa.String())
    if isinstance(value, str):
        return sa.literal(value, sa.String())
    if field.whole:
        return sa.literal(value, sa.BigInteger())
    return sa.literal(float(value), sa.Float(53))


def _on_day(column: Expression, op: str, day: dt.date, zone: ZoneInfo) -> Boolean:
    """A stored moment compared with a business day, which is a stretch of time."""
    begins = sa.literal(_midnight(day, zone), UtcDateTime())
    ends = sa.literal(_midnight(day + dt.timedelta(days=1), zone), UtcDateTime())
    match op:
        case "gt":
            return column >= ends
        case "gte":
            return column >= begins
        case "lt":
            return column < begins
        case "lte":
            return column < ends
        case "ne":
            return sa.or_(column < begins, column >= ends)
    return sa.and_(column >= begins, column < ends)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone)
