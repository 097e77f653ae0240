"""Contacts with a customer: campaigns, calls, visits, redemptions."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import strawberry

from api.db.interactions import NEWEST_FIRST
from api.db.snapshots import Record
from api.graphql.context import Context
from api.graphql.described import choice
from api.graphql.ids import Node, global_id
from api.graphql.loaders import NO_PAGE
from api.graphql.pagination import Connection, Listing, connection


@strawberry.enum(description="Who made contact.")
class ContactDirection(Enum):
    INBOUND = choice("inbound", "The customer.")
    OUTBOUND = choice("outbound", "The business.")


@strawberry.type(description="A contact between the business and a customer.")
class Interaction(Node):
    external_id: str = strawberry.field(description="The business's own number.")
    occurred_at: dt.datetime = strawberry.field(description="When it happened.")
    channel: str = strawberry.field(description="How: mail, phone, store ...")
    direction: ContactDirection = strawberry.field(description="Who made contact.")
    kind: str = strawberry.field(description="What it was: campaign, call, redemption ...")
    subject: str | None = strawberry.field(description="What it was about.")
    response_seconds: float | None = strawberry.field(
        description="How long the answer took, where there was one."
    )


def interaction(row: Record) -> Interaction:
    return Interaction(
        id=global_id("Interaction", row.id),
        external_id=row.external_id,
        occurred_at=row.occurred_at,
        channel=row.channel,
        direction=ContactDirection(row.direction),
        kind=row.kind,
        subject=row.subject,
        response_seconds=row.response_seconds,
    )


async def interactions_of(
    customer: int,
    context: Context,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[Interaction]:
    loaders = context.loaders

    async def count() -> int:
        return await loaders.interaction_count.load(customer) or 0

    listing = Listing(f"interactions/{customer}", NEWEST_FIRST, context.cursors)
    request = listing.request(first, after, last, before)
    page = await loaders.interactions.load((customer, request)) or NO_PAGE
    return connection(listing, page, interaction, count)
