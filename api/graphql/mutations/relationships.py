"""Recording how the relationship with a customer goes on."""

from __future__ import annotations

from typing import Annotated

import strawberry
from sqlalchemy import Connection

from api.db.overrides import find_customer
from api.db.relationships import Step, record_status
from api.graphql.access import CUSTOMERS_WRITE, INHERITED
from api.graphql.context import Info
from api.graphql.described import option
from api.graphql.mutations.conventions import (
    Payload,
    actor,
    attempt,
    given_or_none,
    mutation,
    of,
)
from api.graphql.statuses import RecordedStatus, recorded_status


@strawberry.input(description="A step in the relationship with a customer.")
class SetRelationshipStatusInput:
    external_id: str = strawberry.field(description="The business's own customer number.")
    status: str = strawberry.field(
        description="Key of the status; one that the present status may become."
    )
    classification: str = strawberry.field(
        description="Key of a classification of kind `status`.", default="relationship"
    )
    reason: str | None = option(
        "Why, in 1 to 500 characters; no personal data, it is not encrypted."
    )
    expected_version: int | None = option(
        "How many steps you have seen in this classification, the `version` of the latest; if "
        "there are others by now, nothing is recorded."
    )


@strawberry.type(description="What `setRelationshipStatus` answers.", directives=[INHERITED])
class SetRelationshipStatusPayload(Payload):
    status: RecordedStatus | None = strawberry.field(
        description="The step as it was recorded; it counts from the next refresh on.",
        default=None,
    )


@strawberry.type
class RelationshipMutations:
    @mutation(
        "Record the next status of a customer; steps that the classification does not allow are "
        "refused.",
        needs=CUSTOMERS_WRITE,
    )
    async def set_relationship_status(
        self,
        info: Info,
        input: Annotated[
            SetRelationshipStatusInput, strawberry.argument(description="What to record.")
        ],
    ) -> SetRelationshipStatusPayload | None:
        context, who = info.context, actor(info)
        reason = given_or_none(input.reason)

        def change(connection: Connection) -> tuple[int, int]:
            customer = find_customer(connection, input.external_id, who.owner)
            step = Step(
                customer,
                input.classification,
                input.status,
                reason,
                who.author,
                who.now,
                given_or_none(input.expected_version),
            )
            return customer, record_status(connection, step, context.business.installation)

        done = await attempt(info, "input", change, of("Customer", "RelationshipStatus"))
        if done.value is None:
            return SetRelationshipStatusPayload(user_errors=done.errors)
        customer, number = done.value
        rows = await context.loaders.statuses.load(customer) or ()
        row = next(row for row in rows if row.id == number)
        return SetRelationshipStatusPayload(status=recorded_status(row))
