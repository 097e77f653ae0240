"""Storing tier policies, putting them in force from a day on, and bringing earlier ones back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from sqlalchemy import Connection
from strawberry.scalars import JSON

from api.db import policies as stored
from api.db.snapshots import Record
from api.domain.tiers import parse_policy
from api.errors import Conflict, InvalidInput, NotFound
from api.graphql.access import INHERITED, POLICIES_WRITE, RULES
from api.graphql.context import Context, Info
from api.graphql.described import field, option
from api.graphql.ids import row_of
from api.graphql.mutations.conventions import (
    Payload,
    UserError,
    attempt,
    change_by,
    given_or_none,
    mutation,
    user_error,
)
from api.graphql.policies import TierPolicy, tier_policy
from api.graphql.sensitivity import require_fields

PolicyArgument = Annotated[JSON, strawberry.argument(description="The policy as a document.")]
ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The latest version of this policy that the change was made from; none for a "
        "policy with a new key."
    ),
]


@strawberry.input(description="Which version of a policy is to be in force, and from when.")
class ActivateTierPolicyInput:
    key: str = strawberry.field(description="Key of the policy.")
    version: int = strawberry.field(description="A version that is a draft.")
    reason: str = strawberry.field(description="Why, in 1 to 500 characters.")
    effective_from: dt.date | None = option(
        "The first business day it decides; left out, it decides from the next refresh on."
    )
    effective_to: dt.date | None = option(
        "The day another version takes over: given where one is to begin later."
    )
    expected_active: strawberry.ID | None = option(
        "Id of the version you take to be in force; if another is, nothing is changed."
    )


@strawberry.input(description="Which version of a policy is meant, and why.")
class TierPolicyVersionInput:
    key: str = strawberry.field(description="Key of the policy.")
    version: int = strawberry.field(description="The version.")
    reason: str = strawberry.field(description="Why, in 1 to 500 characters.")
    expected_active: strawberry.ID | None = option(
        "Id of the version you take to be in force; if another is, nothing is changed."
    )


Asked = Annotated[TierPolicyVersionInput, strawberry.argument(description="Which one, and why.")]


@strawberry.type(description="What changes of tier policies answer.", directives=[INHERITED])
class TierPolicyPayload(Payload):
    policy: TierPolicy | None = strawberry.field(
        description="The version that was stored or changed.", default=None
    )


@strawberry.type(description="What `validateTierPolicy` answers.", directives=[RULES])
class TierPolicyValidation(Payload):
    tiers: list[str] | None = strawberry.field(
        description="Keys of its tiers, best first; none if the policy can't be used.", default=None
    )


def check_document(document: Any, context: Context) -> list[str]:
    """The tiers of a sound policy, best first.

    Raises:
        InvalidInput: names the path in the document.
        Forbidden: it reads sensitive attributes, and the caller may not.
    """
    policy = parse_policy(document, context.exponent, context.business.fields)
    require_fields(policy.document.fields.values(), context, "policy")
    return [tier.key for tier in policy.document.tiers]


def expected_row(input: ActivateTierPolicyInput | TierPolicyVersionInput) -> int | None:
    """The row of the version taken to be in force; 0, which is none, for an id of nothing."""
    expected = given_or_none(input.expected_active)
    return None if expected is None else row_of("TierPolicy", expected) or 0


async def _answer(info: Info, root: str, work: Callable[[Connection], Record]) -> TierPolicyPayload:
    done = await attempt(info, root, work, lambda row: [f"TierPolicy:{row.id}"])
    if done.value is None:
        return TierPolicyPayload(user_errors=done.errors)
    return TierPolicyPayload(policy=tier_policy(done.value, info.context))


@strawberry.type
class PolicyChecks:
    @field(
        "Whether a document is a sound policy, and if not, where and why; stores nothing.",
        needs=POLICIES_WRITE,
    )
    async def validate_tier_policy(
        self, info: Info, policy: PolicyArgument
    ) -> TierPolicyValidation | None:
        try:
            return TierPolicyValidation(tiers=check_document(policy, info.context))
        except (InvalidInput, NotFound, Conflict) as error:
            errors: list[UserError] = [user_error(error, "policy", info.context.language)]
            return TierPolicyValidation(user_errors=errors)


@strawberry.type
class PolicyMutations:
    @mutation(
        "Store a policy as a draft. What is in force stays so until the draft is activated.",
        needs=POLICIES_WRITE,
    )
    async def create_tier_policy(
        self, info: Info, policy: PolicyArgument, expected_version: ExpectedVersion = None
    ) -> TierPolicyPayload | None:
        def create(connection: Connection) -> Record:
            check_document(policy, info.context)
            document: Any = policy
            return stored.create_policy(connection, document, expected_version, change_by(info))

        return await _answer(info, "policy", create)

    @mutation(
        "Put a draft in force, from the next refresh or from a day on. Customers are told apart "
        "by it once a refresh has decided.",
        needs=POLICIES_WRITE,
    )
    async def activate_tier_policy(
        self,
        info: Info,
        input: Annotated[ActivateTierPolicyInput, strawberry.argument(description="What to do.")],
    ) -> TierPolicyPayload | None:
        asked = stored.Activation(
            input.key,
            input.version,
            given_or_none(input.effective_from),
            given_or_none(input.effective_to),
            expected_row(input),
        )

        def activate(connection: Connection) -> Record:
            found = stored.find_policy(connection, asked.key, asked.version)
            check_document(found.document, info.context)
            business = info.context.business.installation
            return stored.activate_version(
                connection, asked, business, change_by(info, input.reason)
            )

        return await _answer(info, "input", activate)

    @mutation(
        "Bring an earlier version back as a new version, from the next refresh on.",
        needs=POLICIES_WRITE,
    )
    async def roll_back_tier_policy(self, info: Info, input: Asked) -> TierPolicyPayload | None:
        def back(connection: Connection) -> Record:
            stored.require_active(connection, expected_row(input))
            found = stored.find_policy(connection, input.key, input.version)
            check_document(found.document, info.context)
            business, change = info.context.business.installation, change_by(info, input.reason)
            return stored.roll_back(connection, input.key, input.version, business, change)

        return await _answer(info, "input", back)

    @mutation("Make a version that has not begun yet a draft again.", needs=POLICIES_WRITE)
    async def withdraw_tier_policy(self, info: Info, input: Asked) -> TierPolicyPayload | None:
        def withdraw(connection: Connection) -> Record:
            stored.require_active(connection, expected_row(input))
            business, change = info.context.business.installation, change_by(info, input.reason)
            return stored.withdraw(connection, input.key, input.version, business, change)

        return await _answer(info, "input", withdraw)
