"""Finding customers: one by its id, many by filter and order."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.db.customers import count_customers, customer_page
from api.errors import InvalidInput
from api.graphql.access import OWN_CUSTOMERS
from api.graphql.context import Info
from api.graphql.customer_order import FilterChoice, OrderChoice, RuleArgument, ask_customers
from api.graphql.customers import Customer, customer
from api.graphql.described import field
from api.graphql.ids import row_of
from api.graphql.pagination import After, Before, Connection, First, Last, connection


@strawberry.type
class CustomerQueries:
    @field(
        "One customer, by `id` or by `externalId`; none if there is no such one.",
        needs=OWN_CUSTOMERS,
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
        number = None if id is None else row_of("Customer", str(id))
        if id is not None and number is None:
            return None
        if context.ahead is not None:
            whole: Customer | None = await context.ahead.customer(
                info,
                lambda c: c.id == number if external_id is None else c.external_id == external_id,
            )
            if whole is not None:
                return whole
        if external_id is not None:
            row = await context.loaders.customer_by_external_id.load(external_id)
        else:
            row = None if number is None else await context.loaders.customer.load(number)
        return None if row is None else customer(row, context)

    @field("Customers by filter and order.", needs=OWN_CUSTOMERS)
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
        bounds = (first, after, last, before)
        listing, asked = ask_customers("customers", context, bounds, filter, order_by, rule)

        async def count() -> int:
            return await count_customers(context.snapshot, asked)

        if context.ahead is not None:
            whole: Connection[Customer] | None = await context.ahead.customers(
                info, asked, listing, count
            )
            if whole is not None:
                return whole
        page = await customer_page(context.snapshot, asked)
        return connection(listing, page, lambda row: customer(row, context), count)
