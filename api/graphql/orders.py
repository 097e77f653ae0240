"""Orders with their lines."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import strawberry

from api.db.orders import NEWEST_FIRST
from api.db.snapshots import Record
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.ids import Node, global_id
from api.graphql.loaders import NO_PAGE
from api.graphql.pagination import Connection, Listing, connection


@strawberry.type(description="One product in an order; negative quantities are returns.")
class OrderLine:
    line_no: int = strawberry.field(description="Place in the order.")
    product_external_id: str | None = strawberry.field(description="The business's product number.")
    product_name: str | None = strawberry.field(description="What the product is called.")
    department: str | None = strawberry.field(description="The product's department.")
    brand: str | None = strawberry.field(description="The product's brand.")
    quantity: Decimal = strawberry.field(description="How many or how much, exact.")
    amount: Decimal = strawberry.field(
        description="What was paid for it, net of discounts, in the base currency, exact."
    )
    discount: Decimal = strawberry.field(description="The discount it includes, exact.")


@strawberry.type(description="A purchase, or a return.")
class Order(Node):
    external_id: str = strawberry.field(description="The business's own number.")
    ordered_at: dt.datetime = strawberry.field(description="When it was made.")
    channel: str | None = strawberry.field(description="Where: web, store, phone ...")
    store: str | None = strawberry.field(description="In which store.")
    promised_on: dt.date | None = strawberry.field(description="The delivery day promised.")
    delivered_on: dt.date | None = strawberry.field(description="The day it arrived.")
    key: strawberry.Private[int]
    context: strawberry.Private[Context]

    @field("Sum of its lines in the base currency, exact.")
    async def total(self) -> Decimal:
        return self.context.exact(await self.context.loaders.order_total.load(self.key) or 0)

    @field("The currency of `total` and of the lines.")
    def currency(self) -> str:
        return self.context.currency

    @field("What was bought.")
    async def lines(self) -> list[OrderLine]:
        rows = await self.context.loaders.order_lines.load(self.key) or ()
        return [_line(row, self.context) for row in rows]


def _line(row: Record, context: Context) -> OrderLine:
    return OrderLine(
        line_no=row.line_no,
        product_external_id=row.product,
        product_name=row.product_name,
        department=row.department,
        brand=row.brand,
        quantity=Decimal(row.quantity_milli).scaleb(-3),
        amount=context.exact(row.amount_minor),
        discount=context.exact(row.discount_minor),
    )


def order(row: Record, context: Context) -> Order:
    return Order(
        id=global_id("Order", row.id),
        external_id=row.external_id,
        ordered_at=row.ordered_at,
        channel=row.channel,
        store=row.store,
        promised_on=row.promised_on,
        delivered_on=row.delivered_on,
        key=row.id,
        context=context,
    )


async def orders_of(
    customer: int,
    context: Context,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[Order]:
    loaders = context.loaders

    async def count() -> int:
        return await loaders.order_count.load(customer) or 0

    listing = Listing(f"orders/{customer}", NEWEST_FIRST, context.cursors)
    request = listing.request(first, after, last, before)
    page = await loaders.orders.load((customer, request)) or NO_PAGE
    return connection(listing, page, lambda row: order(row, context), count)
