"""Storing classifications and giving them up."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import strawberry
from sqlalchemy import Connection
from strawberry.scalars import JSON

from api.db.class_writes import give_up_classification, save_classification
from api.db.classes import read_classifications
from api.domain.classes import classification_fields, parse_classifications
from api.domain.fields import Field
from api.graphql.access import INHERITED, POLICIES_WRITE
from api.graphql.classifications import Classification, classification
from api.graphql.context import Context, Info
from api.graphql.described import option
from api.graphql.mutations.conventions import (
    Payload,
    attempt,
    change_by,
    given_or_none,
    mutation,
    of,
)
from api.graphql.sensitivity import require_fields


@strawberry.input(description="A classification to be made or changed.")
class SaveClassificationInput:
    document: JSON = strawberry.field(
        description="The classification: key, kind, name and description in English and Chinese "
        "(`en`, `zh`), its values, and what its kind takes."
    )
    expected_version: int | None = option(
        "The version that the change was made from; none for a new key."
    )
    effective_from: dt.date | None = option(
        "The first business day it decides; left out, it decides from the next refresh on."
    )
    reason: str | None = option("Why, in 1 to 500 characters.")


@strawberry.input(description="A classification to be given up.")
class DeleteClassificationInput:
    key: str = strawberry.field(description="Its key.")
    expected_version: int = strawberry.field(description="The version you have seen.")
    reason: str | None = option("Why, in 1 to 500 characters.")


@strawberry.type(description="What `saveClassification` answers.", directives=[INHERITED])
class SaveClassificationPayload(Payload):
    version: int | None = strawberry.field(
        description="The number of the stored version.", default=None
    )
    classification: Classification | None = strawberry.field(
        description="What decides now; none while the first version is still to come.",
        default=None,
    )


@strawberry.type(description="What `deleteClassification` answers.", directives=[INHERITED])
class DeleteClassificationPayload(Payload):
    deleted_key: str | None = strawberry.field(
        description="Key of the classification that was given up.", default=None
    )


def _made(connection: Connection, document: Any, context: Context) -> list[Field]:
    """The field that a sound classification makes; it knows what that rests on."""
    fields = context.business.fields
    plain = {name: each for name, each in fields.items() if each.class_key is None}
    stored = [each.document for each in read_classifications(connection)]
    beside = [each for each in stored if each["key"] != document["key"]]
    made = classification_fields(
        parse_classifications([document, *beside], plain, context.exponent)
    )
    return [each for each in made if each.class_key == document["key"]]


@strawberry.type
class ClassificationMutations:
    @mutation(
        "Make or change a classification. What reads it must still make sense afterwards; the "
        "next refresh classifies everybody by it.",
        needs=POLICIES_WRITE,
    )
    async def save_classification(
        self,
        info: Info,
        input: Annotated[SaveClassificationInput, strawberry.argument(description="What to save.")],
    ) -> SaveClassificationPayload | None:
        context = info.context
        document: Any = input.document

        def save(connection: Connection) -> int:
            saved = save_classification(
                connection,
                document,
                given_or_none(input.expected_version),
                context.business.fields,
                context.exponent,
                change_by(info, given_or_none(input.reason)),
                given_or_none(input.effective_from),
            )
            require_fields(_made(connection, document, context), context, "document")
            return saved

        done = await attempt(
            info, "input", save, lambda _version: [f"Classification:{document['key']}"]
        )
        if done.value is None:
            return SaveClassificationPayload(user_errors=done.errors)
        rows = await context.loaders.classifications.all()
        row = next((row for row in rows if row.key == document["key"]), None)
        return SaveClassificationPayload(
            version=done.value,
            classification=None if row is None else classification(row, context),
        )

    @mutation(
        "Give a classification up: nobody is classified by it any more, its history stays.",
        needs=POLICIES_WRITE,
    )
    async def delete_classification(
        self,
        info: Info,
        input: Annotated[DeleteClassificationInput, strawberry.argument(description="Which one.")],
    ) -> DeleteClassificationPayload | None:
        context = info.context

        def give_up(connection: Connection) -> str:
            give_up_classification(
                connection,
                input.key,
                input.expected_version,
                context.business.fields,
                context.exponent,
                change_by(info, given_or_none(input.reason)),
            )
            return input.key

        done = await attempt(info, "input", give_up, of("Classification"))
        return DeleteClassificationPayload(deleted_key=done.value, user_errors=done.errors)
