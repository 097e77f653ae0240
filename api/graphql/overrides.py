"""Overrides: a tier or class that somebody set for one customer."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import strawberry

from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS
from api.graphql.context import Context
from api.graphql.described import choice
from api.graphql.ids import Node, global_id


@strawberry.enum(description="What an override sets.")
class OverrideKind(Enum):
    TIER = choice("tier", "The tier.")
    CLASS = choice("class", "A class, such as the relationship status.")


@strawberry.type(
    description="A tier or class that somebody set for one customer.", directives=[CUSTOMERS]
)
class Override(Node):
    kind: OverrideKind = strawberry.field(description="What it sets.")
    classification: str | None = strawberry.field(
        description="Key of the classification; none for a tier."
    )
    value: str = strawberry.field(description="The tier or class that is set.")
    reason: str = strawberry.field(description="Why, in the words of who set it.")
    author: str = strawberry.field(description="Name of the key that set it.")
    created_at: dt.datetime = strawberry.field(description="When it was set.")
    starts_on: dt.date = strawberry.field(
        description="The first business day that a refresh may decide by it."
    )
    expires_on: dt.date = strawberry.field(description="The last day it counts.")
    ended_at: dt.datetime | None = strawberry.field(
        description="When it was ended or replaced, if before its last day."
    )
    ended_by: str | None = strawberry.field(description="Name of the key that ended it.")
    version: int = strawberry.field(
        description="How often this tier or class of the customer was set or ended by hand: the "
        "`expectedVersion` of the next change."
    )
    in_force: bool = strawberry.field(description="Whether a refresh now decides by it.")


def override(row: Record, context: Context) -> Override:
    day = context.business.installation.last_whole_day(context.now)
    over = row.ended_on is not None and row.ended_on <= day
    return Override(
        id=global_id("Override", row.id),
        kind=OverrideKind(row.kind),
        classification=row.classification,
        value=row.value,
        reason=row.reason,
        author=row.author,
        created_at=row.created_at,
        starts_on=row.starts_on,
        expires_on=row.expires_on,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        version=row.version,
        in_force=row.starts_on <= day <= row.expires_on and not over,
    )
