"""Orders of a customer."""

from __future__ import annotations

from api.db.ahead import relations as rel
from api.graphql.ahead.shapes import Paged, Shape, Value
from api.graphql.ahead.values import currency, day, exact, identity, moment
from api.graphql.orders import OF_CUSTOMER

COLUMNS = rel.ORDER.c


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
            "currency": Value((COLUMNS.id,), currency),
        },
    ),
    OF_CUSTOMER,
    rel.ORDER,
    COLUMNS.customer_id,
    rel.MEMBER,
)
