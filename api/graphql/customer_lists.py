"""What a customer has many of: tiers, stays in segments, orders, contacts."""

from __future__ import annotations

import strawberry

from api.db.pages import Page
from api.db.snapshots import Record
from api.graphql import interactions, orders, segment_stays, tier_history
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.interactions import (
    Interaction,
    InteractionFilterChoice,
    InteractionOrderChoice,
    interaction,
)
from api.graphql.orders import Order, OrderFilterChoice, OrderOrderChoice, order
from api.graphql.owned_lists import page_of
from api.graphql.pagination import After, Before, Connection, First, Last
from api.graphql.segment_stays import SegmentStay, StayFilterChoice, StayOrderChoice, segment_stay
from api.graphql.tier_history import TierHistoryFilterChoice, TierHistoryOrderChoice
from api.graphql.tiers import CustomerTier, customer_tier, load_names


@strawberry.type
class CustomerLists:
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Present and past tiers, newest first.")
    async def tier_history(
        self,
        filter: TierHistoryFilterChoice = None,
        order_by: TierHistoryOrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[CustomerTier]:
        context = self.context

        async def names(page: Page) -> None:
            await load_names(page.rows, context)

        return await page_of(
            tier_history.OF_CUSTOMER,
            self.row.id,
            context,
            lambda row: customer_tier(row, context),
            *(first, after, last, before),
            filter=filter,
            order_by=order_by,
            prepare=names,
        )

    @field("Present and past stays in segments, newest first, with why they began and ended.")
    async def segment_history(
        self,
        filter: StayFilterChoice = None,
        order_by: StayOrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[SegmentStay]:
        context = self.context

        return await page_of(
            segment_stays.OF_CUSTOMER,
            self.row.id,
            context,
            lambda row: segment_stay(row, context),
            *(first, after, last, before),
            filter=filter,
            order_by=order_by,
        )

    @field("Their orders, newest first.")
    async def orders(
        self,
        filter: OrderFilterChoice = None,
        order_by: OrderOrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Order]:
        context = self.context

        return await page_of(
            orders.OF_CUSTOMER,
            self.row.id,
            context,
            lambda row: order(row, context),
            *(first, after, last, before),
            filter=filter,
            order_by=order_by,
        )

    @field("Contacts with them, newest first.")
    async def interactions(
        self,
        filter: InteractionFilterChoice = None,
        order_by: InteractionOrderChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Interaction]:
        context = self.context

        return await page_of(
            interactions.OF_CUSTOMER,
            self.row.id,
            context,
            interaction,
            *(first, after, last, before),
            filter=filter,
            order_by=order_by,
        )
