"""The catalogue of strategies, and which are recommended to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, func, not_, select

from api.db.consents import taken_back
from api.db.customers import grouped
from api.db.models import Order, OrderLine, Product, Recommendation, RefreshRun, Strategy
from api.db.snapshots import Record, Snapshot


async def all_strategies(snapshot: Snapshot) -> Sequence[Record]:
    table = Strategy.__table__
    return await snapshot.rows(select(table).order_by(table.c.key))


async def recommendations_of(
    snapshot: Snapshot, ids: Sequence[int], limit: int
) -> Mapping[int, Sequence[Record]]:
    """The `limit` first things to do with each customer, but for what they no longer consent to."""
    table = Recommendation.__table__
    place = func.row_number().over(partition_by=table.c.customer_id, order_by=table.c.priority)
    allowed = (
        select(
            *(column for column in table.c if column.name != "priority"),
            RefreshRun.as_of,
            place.label("priority"),
        )
        .join(RefreshRun, RefreshRun.id == table.c.run_id)
        .join(Strategy, Strategy.id == table.c.strategy_id)
        .where(table.c.customer_id.in_(ids), not_(no_longer_allowed()))
        .subquery("allowed")
    )
    statement = (
        select(allowed)
        .where(allowed.c.priority <= limit)
        .order_by(allowed.c.customer_id, allowed.c.priority)
    )
    return grouped(await snapshot.rows(statement))


def no_longer_allowed() -> ColumnElement[bool]:
    """For recommendations joined with their strategies: the consent they need was withdrawn."""
    document = Strategy.__table__.c.document
    purpose, channel = (document[name].as_string() for name in ("consent_purpose", "channel"))
    return taken_back(Recommendation.__table__.c.customer_id, purpose, channel)


async def favourite_departments(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, str]:
    """Where each customer has bought for most; of equals the first by name."""
    spent = (
        select(
            Order.customer_id,
            Product.department,
            func.row_number()
            .over(
                partition_by=Order.customer_id,
                order_by=(func.sum(OrderLine.amount_minor).desc(), Product.department),
            )
            .label("place"),
        )
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(Order.customer_id.in_(ids), Product.department.is_not(None))
        .group_by(Order.customer_id, Product.department)
        .subquery("spent")
    )
    rows = await snapshot.rows(
        select(spent.c.customer_id, spent.c.department).where(spent.c.place == 1)
    )
    return {row[0]: row[1] for row in rows}
