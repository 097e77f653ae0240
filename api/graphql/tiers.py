"""The tier a customer has or had, and what the next better one asks for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.db.tiers import NEWEST_FIRST
from api.domain.texts import render_gap
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.loaders import NO_PAGE
from api.graphql.pagination import Connection, Listing, connection
from api.graphql.reasons import LanguageChoice, Reason, reasons
from api.graphql.strategies import bilingual


@strawberry.type(description="One condition of the next better tier that is not met.")
class GapCondition:
    compared: str = strawberry.field(name="field", description="What is compared.")
    operator: str = strawberry.field(description="How: gte, lt, eq ...")
    current: JSON | None = strawberry.field(
        description="The customer's value; money in minor units of the base currency."
    )
    needed: JSON | None = strawberry.field(description="What would do; money in minor units.")
    context: strawberry.Private[Context]

    @field("The condition as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        context = self.context
        return render_gap(
            {
                "field": self.compared,
                "op": self.operator,
                "current": self.current,
                "needed": self.needed,
            },
            (language or context.language).value,
            context.currency,
            context.exponent,
            context.business.fields,
        )


@strawberry.type(description="What a customer lacks for the next better tier.")
class TierGap:
    tier: str = strawberry.field(description="Key of that tier.")
    conditions: list[GapCondition] = strawberry.field(description="What is missing.")


@strawberry.type(description="A customer's stay in a tier.")
class CustomerTier:
    tier: str = strawberry.field(description="Key of the tier.")
    since: dt.date = strawberry.field(description="First day in this tier.")
    until: dt.date | None = strawberry.field(description="The day it ended; none while it lasts.")
    reasons: list[Reason] = strawberry.field(description="Why this tier.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("What is missing for the next better tier; none at the top.")
    def gap_to_next_tier(self) -> TierGap | None:
        gap = self.row.gap_to_next
        return None if gap is None else _gap(gap, self.context)

    @field("Name of the tier for people.")
    async def name(self, language: LanguageChoice = None) -> str:
        for tier in (await self._policy()).document["tiers"]:
            if tier["key"] == self.tier:
                return bilingual(tier["name"], language, self.context)
        return self.tier

    @field("Key of the policy that decided.")
    async def policy(self) -> str:
        return str((await self._policy()).key)

    @field("That policy's version.")
    async def version(self) -> int:
        return int((await self._policy()).version)

    async def _policy(self) -> Record:
        policies = await self.context.loaders.policies.all()
        return next(row for row in policies if row.id == self.row.policy_version_id)


def _gap(gap: Mapping[str, Any], context: Context) -> TierGap:
    return TierGap(
        tier=gap["tier"],
        conditions=[
            GapCondition(
                compared=each["field"],
                operator=each["op"],
                current=each["current"],
                needed=each["needed"],
                context=context,
            )
            for each in gap["conditions"]
        ],
    )


def customer_tier(row: Record, context: Context) -> CustomerTier:
    return CustomerTier(
        tier=row.tier_key,
        since=row.since,
        until=row.ended_on,
        reasons=reasons(row.reasons, context),
        row=row,
        context=context,
    )


async def tier_history_of(
    customer: int,
    context: Context,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[CustomerTier]:
    loaders = context.loaders

    async def count() -> int:
        return await loaders.tier_history_count.load(customer) or 0

    listing = Listing(f"tierHistory/{customer}", NEWEST_FIRST, context.cursors)
    request = listing.request(first, after, last, before)
    page = await loaders.tier_history.load((customer, request)) or NO_PAGE
    return connection(listing, page, lambda row: customer_tier(row, context), count)
