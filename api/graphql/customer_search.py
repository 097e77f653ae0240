"""Finding customers: one by its id, many by filter and order."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Annotated

import strawberry
from sqlalchemy import and_
from strawberry.scalars import JSON

from api.db.customers import count_customers, customer_page, sort_keys
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS
from api.graphql.context import Info
from api.graphql.customer_filter import CustomerFilter, FilterCompiler, filter_name
from api.graphql.customers import Customer, customer
from api.graphql.described import choice, field
from api.graphql.ids import row_of
from api.graphql.pagination import After, Before, Connection, First, Last, Listing, connection


@strawberry.enum(description="What customers can be sorted by; those without a value come last.")
class CustomerOrderField(Enum):
    CLV = choice("clv", "Predicted lifetime value.")
    CHURN_PROBABILITY = choice("churn_probability", "Churn probability.")
    RECENCY_DAYS = choice("recency_days", "Days since the last order.")
    NET_SPEND = choice("net_spend", "Spend so far.")
    ORDER_COUNT = choice("order_count", "Number of orders.")
    EXTERNAL_ID = choice("external_id", "The business's own number.")
    KNOWN_SINCE = choice("known_since", "When they became known.")


@strawberry.enum(description="Which way a list is sorted.")
class OrderDirection(Enum):
    ASC = choice("asc", "Smallest or earliest first.")
    DESC = choice("desc", "Largest or latest first.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class CustomerOrder:
    field: CustomerOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


FilterChoice = Annotated[
    CustomerFilter | None, strawberry.argument(description="Which customers are meant.")
]
RuleArgument = Annotated[
    JSON | None,
    strawberry.argument(
        description="A rule that holds for them, too: a document as segments and policies have it, "
        "over any of `fields`."
    ),
]
OrderChoice = Annotated[
    list[CustomerOrder] | None,
    strawberry.argument(description="How to sort them; by when they were imported if left out."),
]


def _order(asked: Sequence[CustomerOrder] | None) -> list[tuple[str, bool]]:
    levels = [(each.field.value, each.direction is OrderDirection.DESC) for each in asked or ()]
    if len({name for name, _ in levels}) < len(levels):
        raise InvalidInput("orderBy names a field twice.")
    return levels


@strawberry.type
class CustomerQueries:
    @field(
        "One customer, by `id` or by `externalId`; none if there is no such one.",
        needs=CUSTOMERS,
        name="customer",
    )
    async def one_customer(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="The opaque id.")
        ] = None,
        external_id: Annotated[
            str | None, strawberry.argument(description="The business's own customer number.")
        ] = None,
    ) -> Customer | None:
        context = info.context
        if (id is None) == (external_id is None):
            raise InvalidInput("Give either `id` or `externalId`.")
        if external_id is not None:
            row = await context.loaders.customer_by_external_id.load(external_id)
        else:
            number = row_of("Customer", str(id))
            row = None if number is None else await context.loaders.customer.load(number)
        return None if row is None else customer(row, context)

    @field("Customers by filter and order.", needs=CUSTOMERS)
    async def customers(
        self,
        info: Info,
        filter: FilterChoice = None,
        rule: RuleArgument = None,
        order_by: OrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Customer] | None:
        context = info.context
        levels = _order(order_by)
        compiler = FilterCompiler(context)
        parts = [] if filter is None else [compiler.compile(filter)]
        parts += [] if rule is None else [compiler.rule(rule)]
        where = and_(*parts) if parts else None
        keys = sort_keys(levels)

        async def count() -> int:
            return await count_customers(context.snapshot, where)

        asked = f"customers/{levels}/{filter_name(filter)}"
        if rule is not None:
            asked += f"/{filter_name(rule)}"
        listing = Listing(asked, keys, context.cursors)
        request = listing.request(first, after, last, before)
        page = await customer_page(context.snapshot, where, keys, request)
        return connection(listing, page, lambda row: customer(row, context), count)
