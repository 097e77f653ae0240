"""Who may see a custom attribute, and whether models and policies may read it."""

from __future__ import annotations

from typing import Annotated

import strawberry
from sqlalchemy import Connection

from api.db.attributes import set_sensitivity
from api.graphql.access import ADMIN, INHERITED
from api.graphql.context import Info
from api.graphql.mutations.conventions import Payload, attempt, mutation, of


@strawberry.type(description="What `setAttributeSensitivity` answers.", directives=[INHERITED])
class AttributeSensitivityPayload(Payload):
    attribute: str | None = strawberry.field(
        description="Name of the attribute, once it is so.", default=None
    )


@strawberry.type
class AttributeMutations:
    @mutation(
        "Say whether a custom attribute is sensitive. What is sensitive is seen with pii:read "
        "only, is kept from models, and decides no tier unless a policy says why. The next "
        "refresh scores and decides anew.",
        needs=ADMIN,
    )
    async def set_attribute_sensitivity(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="Name of the attribute.")],
        sensitive: Annotated[bool, strawberry.argument(description="Whether it is sensitive.")],
    ) -> AttributeSensitivityPayload | None:
        def change(connection: Connection) -> str:
            set_sensitivity(connection, name, sensitive=sensitive)
            return name

        done = await attempt(info, "name", change, of("Attribute"))
        return AttributeSensitivityPayload(attribute=done.value, user_errors=done.errors)
