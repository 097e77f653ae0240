"""Stays of customers in segments: since when, until when, why they began and ended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable
from typing import Any

import strawberry

from api.db.segments import NEWEST_FIRST
from api.db.snapshots import Record
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.ids import global_id
from api.graphql.language import Language, LanguageChoice
from api.graphql.loaders import NO_PAGE
from api.graphql.pagination import Connection, Listing, connection
from api.graphql.reasons import Reason, reasons


@strawberry.type(description="A customer's present or past stay in a segment.")
class SegmentStay:
    segment: str = strawberry.field(description="Key of the segment.")
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    since: dt.date = strawberry.field(description="First day in it.")
    until: dt.date | None = strawberry.field(description="The day it ended; none while it lasts.")
    entered_because: list[Reason] = strawberry.field(
        description="What let the customer in, or who put them there."
    )
    left_because: list[Reason] | None = strawberry.field(
        description="What no longer held, or who took them out; none while it lasts."
    )
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Name of the segment for people.")
    def name(self, language: LanguageChoice = None) -> str:
        chinese = (language or self.context.language) is not Language.EN
        return str(self.row.name_zh if chinese else self.row.name_en)


def segment_stay(row: Record, context: Context) -> SegmentStay:
    left = row.left_cause
    return SegmentStay(
        segment=row.key,
        customer_id=global_id("Customer", row.customer_id),
        since=row.entered_on,
        until=row.left_on,
        entered_because=reasons(row.cause.get("reasons", ()), context),
        left_because=None if left is None else reasons(left.get("reasons", ()), context),
        row=row,
        context=context,
    )


async def stays_of(
    customer: int, context: Context, *bounds: int | str | None
) -> Connection[SegmentStay]:
    """A customer's stays; the bounds are first, after, last and before."""
    loaders = context.loaders
    return await _stays(
        f"segmentHistory/{customer}",
        customer,
        context,
        (loaders.segment_stays, loaders.segment_stay_count),
        bounds,
    )


async def stays_in(
    segment: int, context: Context, *bounds: int | str | None
) -> Connection[SegmentStay]:
    """A segment's stays; the bounds are first, after, last and before."""
    loaders = context.loaders
    return await _stays(
        f"segmentStays/{segment}",
        segment,
        context,
        (loaders.stays_in_segment, loaders.stays_in_segment_count),
        bounds,
    )


async def _stays(
    name: str, owner: int, context: Context, loaders: tuple[Any, Any], bounds: tuple[Any, ...]
) -> Connection[SegmentStay]:
    pages, counts = loaders

    def count() -> Awaitable[int]:
        return _count(counts, owner)

    listing = Listing(name, NEWEST_FIRST, context.cursors)
    request = listing.request(*bounds)
    page = await pages.load((owner, request)) or NO_PAGE
    return connection(listing, page, lambda row: segment_stay(row, context), count)


async def _count(counts: Any, owner: int) -> int:
    return await counts.load(owner) or 0
