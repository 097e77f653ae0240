"""Orders of a customer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.db.ahead import relations as rel
from api.graphql.ahead.shapes import Given, Paged, Shape, Value
from api.graphql.ahead.values import day, exact, identity, moment
from api.graphql.orders import OF_CUSTOMER

COLUMNS = rel.ORDER.c


def _currency(given: Given) -> Callable[[Any], str]:
    currency = given.context.currency
    return lambda _order: currency


ORDERS = Paged(
    Shape(
        "Order",
        {
            "id": Value((COLUMNS.id,), identity("Order")),
            "externalId": Value((COLUMNS.external_id,)),
            "orderedAt": Value((COLUMNS.ordered_at,), moment),
            "channel": Value((COLUMNS.channel,)),
            "store": Value((COLUMNS.store,)),
            "promisedOn": Value((COLUMNS.promised_on,), day),
            "deliveredOn": Value((COLUMNS.delivered_on,), day),
            "total": Value((rel.ORDER_TOTAL,), exact),
            "currency": Value((COLUMNS.id,), _currency),
        },
    ),
    OF_CUSTOMER,
    rel.ORDER,
    COLUMNS.customer_id,
    rel.MEMBER,
)
