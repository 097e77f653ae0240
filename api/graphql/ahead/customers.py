"""Customers, with what hangs on each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

from api.db.ahead import relations as rel
from api.db.ahead.levels import Level
from api.graphql.access import PERSONAL
from api.graphql.ahead.orders import ORDERS
from api.graphql.ahead.predictions import PREDICTION
from api.graphql.ahead.segments import SEGMENTS
from api.graphql.ahead.shapes import Access, Arguments, Given, Many, One, Shape, Unplanned, Value
from api.graphql.ahead.strategies import RECOMMENDATIONS
from api.graphql.ahead.tiers import HISTORY, TIER
from api.graphql.ahead.values import as_moment, choice, identity, moment, worded
from api.graphql.classes import CustomerKind

C = rel.CUSTOMER.c
A = rel.ATTRIBUTE.c
D = rel.DEFINITION.c


def _first_day(given: Given) -> Callable[[Any], str]:
    zone = given.context.zone
    return lambda known_at: as_moment(known_at).astimezone(zone).date().isoformat()


def _value(_given: Given) -> Callable[[str | None, Any, str], Any]:
    def value(text: str | None, number: Any, kind: str) -> Any:
        found = text if number is None else float(number)
        return bool(found) if kind == "boolean" and found is not None else found

    return value


def _attributes(level: Level, _arguments: Arguments, access: Access) -> Select[Any]:
    """What whoever may read sensitive ones reads is noted, which is the usual way's business."""
    if access.caller.may(PERSONAL.scope):
        raise Unplanned
    return rel.attributes_of(level)


ATTRIBUTES = Many(
    Shape(
        "Attribute",
        {
            "name": Value((A.name,)),
            "type": Value((D.value_type,)),
            "value": Value((A.text_value, rel.NUMBER_VALUE, D.value_type), _value),
            "since": Value((A.valid_from,), moment),
            "label": Value((D.label_en, D.label_zh), worded),
        },
    ),
    rel.attributes_level,
    _attributes,
)
CUSTOMER = Shape(
    "Customer",
    {
        "id": Value((C.id,), identity("Customer")),
        "externalId": Value((C.external_id,)),
        "kind": Value((C.kind,), choice(CustomerKind)),
        "knownSince": Value((C.known_at,), _first_day),
        "industry": Value((C.industry,)),
        "region": Value((C.region,)),
        "attributes": ATTRIBUTES,
        "tier": TIER,
        "tierHistory": HISTORY,
        "orders": ORDERS,
        "prediction": One(PREDICTION, rel.PREDICTION.c.customer_id, rel.PREDICTED),
        "segments": SEGMENTS,
        "recommendedStrategies": RECOMMENDATIONS,
    },
)
