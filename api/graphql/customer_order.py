"""How lists of customers are asked for, wherever there is one: filtered, sorted, page by page."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import strawberry
from sqlalchemy import and_
from strawberry.scalars import JSON

from api.db.customers import CUSTOMERS
from api.db.listings import Asked
from api.graphql.context import Context
from api.graphql.customer_filter import CustomerFilter, FilterCompiler
from api.graphql.described import choice
from api.graphql.list_filter import filter_name
from api.graphql.ordering import OrderDirection, direction, levels
from api.graphql.pagination import Listing


@strawberry.enum(description="What customers can be sorted by; those without a value come last.")
class CustomerOrderField(Enum):
    CLV = choice("clv", "Predicted lifetime value.")
    CHURN_PROBABILITY = choice("churn_probability", "Churn probability.")
    RECENCY_DAYS = choice("recency_days", "Days since the last order.")
    NET_SPEND = choice("net_spend", "Spend so far.")
    ORDER_COUNT = choice("order_count", "Number of orders.")
    EXTERNAL_ID = choice("external_id", "The business's own number.")
    OWNER = choice("owner", "Who looks after them.")
    KNOWN_SINCE = choice("known_since", "When they became known.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class CustomerOrder:
    field: CustomerOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = direction()


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


def ask_customers(
    name: str,
    context: Context,
    bounds: tuple[Any, ...],
    filter: CustomerFilter | None = None,
    order_by: list[CustomerOrder] | None = None,
    rule: object | None = None,
) -> tuple[Listing, Asked]:
    """What a reader asks of a list of customers; `bounds` are first, after, last and before.

    Raises:
        InvalidInput: the filter, the rule, the order or the bounds can't be used.
        Forbidden: the filter asks for personal data that the caller may not know.
    """
    order = levels(order_by)
    compiler = FilterCompiler(context)
    parts = [] if filter is None else [compiler.compile(filter)]
    parts += [] if rule is None else [compiler.rule(rule)]
    keys = CUSTOMERS.keys(order)
    wish = f"/{list(order)}/{filter_name(filter)}"
    if rule is not None:
        wish += f"/{filter_name(rule)}"
    listing = Listing(f"{name}{wish}", keys, context.cursors)
    return listing, Asked(listing.request(*bounds), wish, and_(*parts) if parts else None, keys)
