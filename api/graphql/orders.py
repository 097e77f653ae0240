"""Orders with their lines."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated

import strawberry

from api.db.orders import ORDERS
from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS
from api.graphql.comparisons import DateComparison, TextComparison
from api.graphql.context import Context
from api.graphql.described import choice, field, option
from api.graphql.ids import Node, global_id
from api.graphql.ordering import OrderDirection, direction
from api.graphql.owned_lists import OwnedList


@strawberry.type(
    description="One product in an order; negative quantities are returns.", directives=[CUSTOMERS]
)
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


@strawberry.type(description="A purchase, or a return.", directives=[CUSTOMERS])
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


@strawberry.input(description="Which orders are meant; all that is given must hold.")
class OrderFilter:
    and_: list[OrderFilter] | None = option("All of these hold.", "and")
    or_: list[OrderFilter] | None = option("At least one of these holds.", "or")
    not_: OrderFilter | None = option("This does not hold.", "not")
    external_id: TextComparison | None = option("By the business's own number.")
    ordered_at: DateComparison | None = option("By the business day it was made on.")
    channel: TextComparison | None = option("By channel.")
    store: TextComparison | None = option("By store.")
    promised_on: DateComparison | None = option("By the delivery day promised.")
    delivered_on: DateComparison | None = option("By the day it arrived.")


@strawberry.enum(description="What orders can be sorted by; those without a value come last.")
class OrderOrderField(Enum):
    ORDERED_AT = choice("ordered_at", "When they were made.")
    EXTERNAL_ID = choice("external_id", "The business's own number.")
    PROMISED_ON = choice("promised_on", "The delivery day promised.")
    DELIVERED_ON = choice("delivered_on", "The day they arrived.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class OrderOrder:
    field: OrderOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = direction()


OrderFilterChoice = Annotated[
    OrderFilter | None, strawberry.argument(description="Which orders are meant.")
]
OrderOrderChoice = Annotated[
    list[OrderOrder] | None,
    strawberry.argument(description="How to sort them; newest first if left out."),
]
OF_CUSTOMER = OwnedList("orders", ORDERS, "orders", "order_count")
