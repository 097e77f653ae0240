"""Setting and ending the tier or class of one customer by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from api.db.overrides import (
    Kind,
    NewOverride,
    end_override,
    find_customer,
    require_known,
    set_override,
)
from api.db.policies import policy_in_force
from api.domain.tiers import parse_policy
from api.graphql.access import CUSTOMERS_WRITE
from api.graphql.context import Context, Info
from api.graphql.mutations.conventions import Payload, actor, attempt, mutation
from api.graphql.overrides import Override, override


@strawberry.input(description="A tier to be set for one customer.")
class SetTierOverrideInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    tier: str = strawberry.field(description="Key of a tier of the policy in force.")
    reason: str = strawberry.field(description="Why, in 1 to 500 characters.")
    expires_on: dt.date = strawberry.field(description="The last day it counts.")


@strawberry.type(description="What `setTierOverride` answers.")
class SetTierOverridePayload(Payload):
    override: Override | None = strawberry.field(
        description="The override; it counts from the next refresh on.", default=None
    )


@strawberry.type(description="What `endTierOverride` answers.")
class EndTierOverridePayload(Payload):
    override: Override | None = strawberry.field(
        description="The override that was ended; the next refresh decides without it.",
        default=None,
    )


ExternalId = Annotated[str, strawberry.argument(description="The business's own customer number.")]


async def _stored(customer_id: int, override_id: int, context: Context) -> Override:
    rows = await context.loaders.overrides.load(customer_id) or ()
    return next(override(row, context) for row in rows if row.id == override_id)


@strawberry.type
class OverrideMutations:
    @mutation(
        "Set a customer's tier by hand until a day, in place of what was set before.",
        needs=CUSTOMERS_WRITE,
    )
    async def set_tier_override(
        self,
        info: Info,
        input: Annotated[SetTierOverrideInput, strawberry.argument(description="What to set.")],
    ) -> SetTierOverridePayload | None:
        context, who = info.context, actor(info)

        def change(connection: Connection) -> tuple[int, int]:
            customer = find_customer(connection, input.external_id)
            require_known(input.tier, _tiers(connection, context), "tier", "tier")
            new = NewOverride(customer, "tier", None, input.tier, input.reason, input.expires_on)
            business = context.business.installation
            return customer, set_override(connection, new, business, who.author, who.now)

        done = await attempt(info, "input", change)
        if done.value is None:
            return SetTierOverridePayload(user_errors=done.errors)
        return SetTierOverridePayload(override=await _stored(*done.value, context))

    @mutation("Let a customer's tier be decided by the policy again.", needs=CUSTOMERS_WRITE)
    async def end_tier_override(
        self, info: Info, external_id: ExternalId
    ) -> EndTierOverridePayload | None:
        done = await attempt(info, "externalId", _ending(info, external_id, "tier", None))
        if done.value is None:
            return EndTierOverridePayload(user_errors=done.errors)
        return EndTierOverridePayload(override=await _stored(*done.value, info.context))


def _ending(
    info: Info, external_id: str, kind: Kind, classification: str | None
) -> Callable[[Connection], tuple[int, int]]:
    context, who = info.context, actor(info)

    def change(connection: Connection) -> tuple[int, int]:
        customer = find_customer(connection, external_id)
        business = context.business.installation
        return customer, end_override(
            connection, customer, kind, classification, business, who.author, who.now
        )

    return change


def _tiers(connection: Connection, context: Context) -> list[str]:
    """Keys of the tiers there are, best first."""
    document = policy_in_force(connection).document
    policy = parse_policy(document, context.exponent, context.business.fields)
    return [tier.key for tier in policy.document.tiers]
