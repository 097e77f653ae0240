"""The catalogue of strategies, and which are recommended to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from api.db.customers import grouped
from api.db.models import Order, OrderLine, Product, Recommendation, RefreshRun, Strategy
from api.db.snapshots import Record, Snapshot


async def all_strategies(snapshot: Snapshot) -> Sequence[Record]:
    table = Strategy.__table__
    return await snapshot.rows(select(table).order_by(table.c.key))


async def recommendations_of(
    snapshot: Snapshot, ids: Sequence[int], limit: int
) -> Mapping[int, Sequence[Record]]:
    """The `limit` first things to do with each customer."""
    table = Recommendation.__table__
    statement = (
        select(table, RefreshRun.as_of)
        .join(RefreshRun, RefreshRun.id == table.c.run_id)
        .where(table.c.customer_id.in_(ids), table.c.priority <= limit)
        .order_by(table.c.customer_id, table.c.priority)
    )
    return grouped(await snapshot.rows(statement))


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
