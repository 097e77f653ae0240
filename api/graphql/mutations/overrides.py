"""Setting and ending the tier or class of one customer by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from api.db.classes import read_classifications
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
from api.graphql.access import CUSTOMERS_WRITE, INHERITED
from api.graphql.context import Context, Info
from api.graphql.described import option
from api.graphql.mutations.conventions import (
    Payload,
    actor,
    attempt,
    given_or_none,
    mutation,
    of,
)
from api.graphql.overrides import Override, override


@strawberry.input(description="A tier to be set for one customer.")
class SetTierOverrideInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    tier: str = strawberry.field(description="Key of a tier of the policy in force.")
    reason: str = strawberry.field(
        description="Why, in 1 to 500 characters; no personal data, it is not encrypted."
    )
    expires_on: dt.date = strawberry.field(description="The last day it counts.")
    expected_version: int | None = option(
        "The version of what is set by hand here that you have seen, 0 for nothing; if it has "
        "another by now, nothing is changed."
    )


@strawberry.input(description="A class to be set for one customer.")
class SetClassOverrideInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    classification: str = strawberry.field(description="Key of a classification.")
    value: str = strawberry.field(description="Key of one of its values.")
    reason: str = strawberry.field(
        description="Why, in 1 to 500 characters; no personal data, it is not encrypted."
    )
    expires_on: dt.date = strawberry.field(description="The last day it counts.")
    expected_version: int | None = option(
        "The version of what is set by hand here that you have seen, 0 for nothing; if it has "
        "another by now, nothing is changed."
    )


@strawberry.type(
    description="What setting a tier or class by hand answers.", directives=[INHERITED]
)
class SetOverridePayload(Payload):
    override: Override | None = strawberry.field(
        description="The override; it counts from the next refresh on.", default=None
    )


@strawberry.type(description="What ending what was set by hand answers.", directives=[INHERITED])
class EndOverridePayload(Payload):
    override: Override | None = strawberry.field(
        description="The override that was ended; the next refresh decides without it.",
        default=None,
    )


ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The version of what is set by hand here that you have seen; if it has "
        "another by now, nothing is changed."
    ),
]
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
    ) -> SetOverridePayload | None:
        context, who = info.context, actor(info)

        def change(connection: Connection) -> tuple[int, int]:
            customer = find_customer(connection, input.external_id, who.owner)
            require_known(input.tier, _tiers(connection, context), "tier", "tier")
            new = NewOverride(
                customer,
                "tier",
                None,
                input.tier,
                input.reason,
                input.expires_on,
                given_or_none(input.expected_version),
            )
            business = context.business.installation
            return customer, set_override(connection, new, business, who.author, who.now)

        return await _set(info, change)

    @mutation("Let a customer's tier be decided by the policy again.", needs=CUSTOMERS_WRITE)
    async def end_tier_override(
        self, info: Info, external_id: ExternalId, expected_version: ExpectedVersion = None
    ) -> EndOverridePayload | None:
        return await _end(info, external_id, "tier", None, expected_version)

    @mutation(
        "Set a customer's class by hand until a day, in place of what was set before.",
        needs=CUSTOMERS_WRITE,
    )
    async def set_class_override(
        self,
        info: Info,
        input: Annotated[SetClassOverrideInput, strawberry.argument(description="What to set.")],
    ) -> SetOverridePayload | None:
        context, who = info.context, actor(info)

        def change(connection: Connection) -> tuple[int, int]:
            customer = find_customer(connection, input.external_id, who.owner)
            known = _classes(connection)
            require_known(input.classification, list(known), "classification", "classification")
            require_known(input.value, known[input.classification], "value", "class")
            new = NewOverride(
                customer,
                "class",
                input.classification,
                input.value,
                input.reason,
                input.expires_on,
                given_or_none(input.expected_version),
            )
            business = context.business.installation
            return customer, set_override(connection, new, business, who.author, who.now)

        return await _set(info, change)

    @mutation("Let a customer's class be decided by its rules again.", needs=CUSTOMERS_WRITE)
    async def end_class_override(
        self,
        info: Info,
        external_id: ExternalId,
        classification: Annotated[
            str, strawberry.argument(description="Key of the classification.")
        ],
        expected_version: ExpectedVersion = None,
    ) -> EndOverridePayload | None:
        return await _end(info, external_id, "class", classification, expected_version)


async def _set(info: Info, change: Callable[[Connection], tuple[int, int]]) -> SetOverridePayload:
    done = await attempt(info, "input", change, of("Customer", "Override"))
    if done.value is None:
        return SetOverridePayload(user_errors=done.errors)
    return SetOverridePayload(override=await _stored(*done.value, info.context))


async def _end(
    info: Info,
    external_id: str,
    kind: Kind,
    classification: str | None,
    expected_version: int | None,
) -> EndOverridePayload:
    done = await attempt(
        info,
        "externalId",
        _ending(info, external_id, kind, classification, expected_version),
        of("Customer", "Override"),
    )
    if done.value is None:
        return EndOverridePayload(user_errors=done.errors)
    return EndOverridePayload(override=await _stored(*done.value, info.context))


def _ending(
    info: Info,
    external_id: str,
    kind: Kind,
    classification: str | None,
    expected_version: int | None,
) -> Callable[[Connection], tuple[int, int]]:
    context, who = info.context, actor(info)

    def change(connection: Connection) -> tuple[int, int]:
        customer = find_customer(connection, external_id, who.owner)
        business = context.business.installation
        return customer, end_override(
            connection,
            customer,
            kind,
            classification,
            business,
            who.author,
            who.now,
            expected_version,
        )

    return change


def _tiers(connection: Connection, context: Context) -> list[str]:
    """Keys of the tiers there are, best first."""
    document = policy_in_force(connection).document
    policy = parse_policy(document, context.exponent, context.business.fields)
    return [tier.key for tier in policy.document.tiers]


def _classes(connection: Connection) -> dict[str, list[str]]:
    """The values of each classification that decides now.

    A status is set along its allowed transitions instead, and has no last day.
    """
    documents = [each.document for each in read_classifications(connection)]
    return {
        each["key"]: [value["key"] for value in each["values"]]
        for each in documents
        if each["kind"] != "status"
    }
