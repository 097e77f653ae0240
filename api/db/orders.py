"""Orders, their lines and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from api.db.listings import Asked, Listed, list_counts, list_pages
from api.db.models import Order, OrderLine, Product
from api.db.pages import Page
from api.db.snapshots import Record, Snapshot

COLUMNS = (
    Order.id,
    Order.external_id,
    Order.customer_id,
    Order.ordered_at,
    Order.channel,
    Order.store,
    Order.promised_on,
    Order.delivered_on,
)
ORDERS = Listed(
    {
        name: Order.__table__.c[name]
        for name in (
            "external_id",
            "ordered_at",
            "channel",
            "store",
            "promised_on",
            "delivered_on",
        )
    },
    Order.__table__.c.id,
    usual=(("ordered_at", True),),
)


async def orders_of(
    snapshot: Snapshot, customer_ids: Sequence[int], asked: Asked
) -> Mapping[int, Page]:
    owner = Order.__table__.c.customer_id
    return await list_pages(snapshot, select(*COLUMNS).where(owner.in_(customer_ids)), owner, asked)


async def order_counts(
    snapshot: Snapshot, customer_ids: Sequence[int], asked: Asked
) -> Mapping[int, int]:
    owner = Order.__table__.c.customer_id
    return await list_counts(snapshot, select(owner).where(owner.in_(customer_ids)), owner, asked)


async def orders_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    seen = snapshot.visible(Order.__table__.c.customer_id)
    rows = await snapshot.rows(select(*COLUMNS).where(Order.id.in_(ids), seen))
    return {row.id: row for row in rows}


async def order_totals(snapshot: Snapshot, order_ids: Sequence[int]) -> Mapping[int, int]:
    """Minor units, net of discounts and returns."""
    rows = await snapshot.rows(
        select(OrderLine.order_id, func.sum(OrderLine.amount_minor))
        .where(OrderLine.order_id.in_(order_ids))
        .group_by(OrderLine.order_id)
    )
    return {row[0]: int(row[1]) for row in rows}


async def lines_of(snapshot: Snapshot, order_ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    rows = await snapshot.rows(
        select(
            OrderLine.order_id,
            OrderLine.line_no,
            OrderLine.quantity_milli,
            OrderLine.amount_minor,
            OrderLine.discount_minor,
            Product.external_id.label("product"),
            Product.name.label("product_name"),
            Product.department,
            Product.brand,
        )
        .outerjoin(Product, Product.id == OrderLine.product_id)
        .where(OrderLine.order_id.in_(order_ids))
        .order_by(OrderLine.order_id, OrderLine.line_no)
    )
    found: dict[int, list[Record]] = {}
    for row in rows:
        found.setdefault(row.order_id, []).append(row)
    return found
