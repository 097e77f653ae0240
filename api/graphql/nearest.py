"""Who is nearest to a tier: promising customers to stimulate."""

from __future__ import annotations

from typing import Annotated

import strawberry

from api.db.listings import Asked
from api.db.snapshots import Record
from api.db.tiers import NEAREST, count_nearest_to, nearest_to
from api.domain.fields import nearest as did_you_mean
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS, OWN_CUSTOMERS
from api.graphql.context import Context, Info
from api.graphql.customer_filter import FilterCompiler
from api.graphql.customer_order import FilterChoice
from api.graphql.customers import Customer, customer
from api.graphql.described import field
from api.graphql.list_filter import filter_name
from api.graphql.pagination import After, Before, Connection, First, Last, Listing, connection
from api.graphql.tiers import TierGap, customer_tier, load_names


@strawberry.type(
    description="A customer on the way to the next better tier.", directives=[CUSTOMERS]
)
class NearTier:
    tier: str | None = strawberry.field(description="The present tier; none: below the lowest.")
    gap_share: float = strawberry.field(
        description="The largest share of a threshold that is still missing."
    )
    missing: TierGap | None = strawberry.field(description="What is missing.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("The customer.")
    async def customer(self) -> Customer | None:
        row = await self.context.loaders.customer.load(self.row.customer_id)
        return None if row is None else customer(row, self.context)


def _near(row: Record, context: Context) -> NearTier:
    return NearTier(
        tier=row.tier_key,
        gap_share=row.gap_share,
        missing=customer_tier(row, context).gap_to_next_tier(),
        row=row,
        context=context,
    )


@strawberry.type
class NearestQueries:
    @field(
        "Customers whose next better tier this is, the nearest first, with what is missing. Who "
        "lacks something that is not measured in numbers is left out.",
        needs=OWN_CUSTOMERS,
    )
    async def nearest_to_next_tier(
        self,
        info: Info,
        tier: Annotated[str, strawberry.argument(description="Key of the better tier.")],
        filter: FilterChoice = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[NearTier] | None:
        context = info.context
        await _require_known(tier, context)

        where = None if filter is None else FilterCompiler(context).compile(filter)
        wish = f"nearest/{tier}" + ("" if filter is None else f"/{filter_name(filter)}")
        listing = Listing(wish, NEAREST, context.cursors)
        asked = Asked(listing.request(first, after, last, before), wish, where, NEAREST)

        async def count() -> int:
            return await count_nearest_to(context.snapshot, tier, asked)

        page = await nearest_to(context.snapshot, tier, asked)
        await load_names(page.rows, context)
        return connection(listing, page, lambda row: _near(row, context), count)


async def _require_known(tier: str, context: Context) -> None:
    policies = await context.loaders.policies.all()
    known = [each["key"] for row in policies if row.active for each in row.document["tiers"]]
    if tier not in known:
        raise InvalidInput(f"tier: there is no tier {tier!r}{did_you_mean(tier, known)}.")
