"""Steps in the relationship with a customer, as people recorded them."""

from __future__ import annotations

import datetime as dt

import strawberry

from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS


@strawberry.type(
    description="A step that somebody recorded in the relationship with a customer.",
    directives=[CUSTOMERS],
)
class RecordedStatus:
    classification: str = strawberry.field(description="Key of the classification.")
    previous: str | None = strawberry.field(description="The status before; none: had none.")
    status: str = strawberry.field(description="The status since then.")
    since: dt.date = strawberry.field(
        description="The first business day that a refresh may decide by it."
    )
    author: str = strawberry.field(description="Name of the key that recorded it.")
    reason: str | None = strawberry.field(description="Why, in the words of who recorded it.")
    version: int = strawberry.field(
        description="Its number among the steps of this customer in this classification, from 1 "
        "on: the latest is the `expectedVersion` of the next."
    )


def recorded_status(row: Record) -> RecordedStatus:
    return RecordedStatus(
        classification=row.classification,
        previous=row.previous,
        status=row.status,
        since=row.since,
        author=row.author,
        reason=row.reason,
        version=row.version,
    )
