"""Which way a list is sorted: levels of fields, each the same for every list."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

import strawberry

from api.db.listings import Order
from api.errors import InvalidInput
from api.graphql.described import choice

MOST_LEVELS = 10


@strawberry.enum(description="Which way a list is sorted.")
class OrderDirection(Enum):
    ASC = choice("asc", "Smallest or earliest first.")
    DESC = choice("desc", "Largest or latest first.")


def direction() -> Any:
    return strawberry.field(default=OrderDirection.ASC, description="Which way.")


def levels(asked: Sequence[Any] | None) -> Order:
    """The order that inputs with `field` and `direction` ask for.

    Raises:
        InvalidInput: a field is named twice, or there are too many.
    """
    found = tuple(
        (str(each.field.value), each.direction is OrderDirection.DESC) for each in asked or ()
    )
    if len(found) > MOST_LEVELS:
        raise InvalidInput(f"orderBy takes up to {MOST_LEVELS} levels.")
    if len({name for name, _ in found}) < len(found):
        raise InvalidInput("orderBy names a field twice.")
    return found
