"""Segments with their members."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.graphql.access import OWN_RULES, RULES
from api.graphql.context import Context, Info
from api.graphql.customer_order import FilterChoice, OrderChoice, ask_customers
from api.graphql.customers import Customer, customer
from api.graphql.described import choice, field
from api.graphql.ids import Node, global_id
from api.graphql.language import Language, LanguageChoice
from api.graphql.loaders import NO_PAGE
from api.graphql.owned_lists import page_of
from api.graphql.pagination import After, Before, Connection, First, Last, connection
from api.graphql.segment_stays import (
    OF_SEGMENT,
    SegmentStay,
    StayFilterChoice,
    StayOrderChoice,
    segment_stay,
)


@strawberry.enum(description="Who says who is in a segment.")
class SegmentKind(Enum):
    RULE = choice("rule", "Its rule, live.")
    MANUAL = choice("manual", "People, by hand.")


@strawberry.type(
    description="A group of customers, by a rule or put together by hand.", directives=[RULES]
)
class Segment(Node):
    key: str = strawberry.field(description="Stable short name.")
    version: int = strawberry.field(description="Raised by each change of the rule.")
    kind: SegmentKind = strawberry.field(description="Whether a rule or people say who is in it.")
    family: str | None = strawberry.field(
        description="What it is about: value, risk, lifecycle, need, psychology ..."
    )
    rule: JSON | None = strawberry.field(description="Who belongs to it; none if by hand.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        chinese = (language or self.context.language) is not Language.EN
        return str(self.row.name_zh if chinese else self.row.name_en)

    @field("Who is meant.")
    def description(self, language: LanguageChoice = None) -> str:
        chinese = (language or self.context.language) is not Language.EN
        return str(self.row.description_zh if chinese else self.row.description_en)

    @field("How many customers are in it now.")
    async def member_count(self) -> int:
        return await self.context.loaders.member_count.load(self.row.id) or 0

    @field("The customers in it now.")
    async def members(
        self,
        filter: FilterChoice = None,
        order_by: OrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Customer]:
        context, key = self.context, self.row.id
        bounds = (first, after, last, before)
        listing, asked = ask_customers(f"members/{key}", context, bounds, filter, order_by)

        async def count() -> int:
            return await context.loaders.members_count.load((key, asked)) or 0

        page = await context.loaders.members.load((key, asked)) or NO_PAGE
        return connection(listing, page, lambda row: customer(row, context), count)

    @field("Present and past stays in it, newest first, with why they began and ended.")
    async def history(
        self,
        filter: StayFilterChoice = None,
        order_by: StayOrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[SegmentStay]:
        return await page_of(
            OF_SEGMENT,
            self.row.id,
            self.context,
            lambda row: segment_stay(row, self.context),
            *(first, after, last, before),
            filter=filter,
            order_by=order_by,
        )


def segment(row: Record, context: Context) -> Segment:
    return Segment(
        id=global_id("Segment", row.id),
        key=row.key,
        version=row.version,
        kind=SegmentKind(row.kind),
        family=row.family,
        rule=row.rule,
        row=row,
        context=context,
    )


@strawberry.type
class SegmentQueries:
    @field(
        "Every segment there is; those that rest on sensitive attributes only with pii:read.",
        needs=OWN_RULES,
    )
    async def segments(self, info: Info) -> list[Segment] | None:
        context = info.context
        return [segment(row, context) for row in await context.loaders.segments.all()]

    @field("A segment by its key; none if unknown.", needs=OWN_RULES, name="segment")
    async def segment_by_key(
        self, info: Info, key: Annotated[str, strawberry.argument(description="Its key.")]
    ) -> Segment | None:
        context = info.context
        rows = await context.loaders.segments.all()
        return next((segment(row, context) for row in rows if row.key == key), None)
