"""Stays of customers in segments: since when, until when, why they began and ended."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated

import strawberry

from api.db.segments import SEGMENT_STAYS
from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS
from api.graphql.comparisons import DateComparison, KeyComparison
from api.graphql.context import Context
from api.graphql.described import choice, field, option
from api.graphql.ids import global_id
from api.graphql.language import Language, LanguageChoice
from api.graphql.ordering import OrderDirection, direction
from api.graphql.owned_lists import OwnedList
from api.graphql.reasons import Reason, reasons


@strawberry.type(
    description="A customer's present or past stay in a segment.", directives=[CUSTOMERS]
)
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


@strawberry.input(description="Which stays in segments are meant; all that is given must hold.")
class SegmentStayFilter:
    and_: list[SegmentStayFilter] | None = option("All of these hold.", "and")
    or_: list[SegmentStayFilter] | None = option("At least one of these holds.", "or")
    not_: SegmentStayFilter | None = option("This does not hold.", "not")
    segment: KeyComparison | None = option("By the key of the segment.")
    since: DateComparison | None = option("By the first day in it.")
    until: DateComparison | None = option("By the day it ended.")


@strawberry.enum(
    description="What stays in segments can be sorted by; a stay that lasts comes last."
)
class SegmentStayOrderField(Enum):
    SINCE = choice("since", "The first day.")
    UNTIL = choice("until", "The day it ended.")
    SEGMENT = choice("segment", "The key of the segment.")


@strawberry.input(description="One level of an order; ties are broken by the next level.")
class SegmentStayOrder:
    field: SegmentStayOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = direction()


StayFilterChoice = Annotated[
    SegmentStayFilter | None, strawberry.argument(description="Which stays are meant.")
]
StayOrderChoice = Annotated[
    list[SegmentStayOrder] | None,
    strawberry.argument(description="How to sort them; newest first if left out."),
]
OF_CUSTOMER = OwnedList("segmentHistory", SEGMENT_STAYS, "segment_stays", "segment_stay_count")
OF_SEGMENT = OwnedList("segmentStays", SEGMENT_STAYS, "stays_in_segment", "stays_in_segment_count")
