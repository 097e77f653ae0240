"""What a customer said about buying."""

from __future__ import annotations

import datetime as dt
from enum import Enum

import strawberry

from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS, PERSONAL
from api.graphql.context import Context
from api.graphql.described import choice, field


@strawberry.enum(description="What a customer said about buying.")
class Intent(Enum):
    INTERESTED = choice("interested", "Wants to buy.")
    HESITATING = choice("hesitating", "Has not made up their mind.")
    NOT_NOW = choice("not_now", "Later, perhaps on the expected day.")
    REFUSED = choice("refused", "Does not want to buy.")


@strawberry.type(description="The last thing a customer said about buying.", directives=[CUSTOMERS])
class StatedIntent:
    intent: Intent = strawberry.field(description="What they said.")
    stated_at: dt.datetime = strawberry.field(description="When they said it.")
    expected_on: dt.date | None = strawberry.field(description="When they expect to buy.")
    counts: bool = strawberry.field(
        description="Whether it still made an intent class when classes were last decided."
    )
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Why they refused, in their own words.", needs=PERSONAL)
    async def refusal_reason(self) -> str | None:
        return await self._opened("refusal_reason")

    @field("What would have to be different for them to buy.", needs=PERSONAL)
    async def wanted_feature(self) -> str | None:
        return await self._opened("wanted_feature")

    async def _opened(self, name: str) -> str | None:
        sealed = self.row._mapping[f"{name}_encrypted"]
        owner = await self.context.loaders.customer.load(self.row.customer_id)
        if sealed is None or owner is None:
            return None
        return self.context.cipher.decrypt(name, owner.external_id, bytes(sealed))


def stated_intent(row: Record, profile: Record, context: Context) -> StatedIntent:
    return StatedIntent(
        intent=Intent(row.intent),
        stated_at=row.stated_at,
        expected_on=row.expected_on,
        counts=(profile.classes or {}).get("intent_class") == row.intent,
        row=row,
        context=context,
    )
