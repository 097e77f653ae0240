"""Storing and giving up segments, and putting customers into one by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import strawberry
from sqlalchemy import Connection
from strawberry.scalars import JSON

from api.db import segment_writes as stored
from api.db.segment_writes import Reading
from api.domain.rules import parse_rule
from api.graphql.access import INHERITED, MEMBERS_WRITE, SEGMENTS_WRITE
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
from api.graphql.segments import Segment, segment
from api.graphql.sensitivity import require_conditions

DOCUMENT = (
    "The segment: key, name and description in English and Chinese (`en`, `zh`), `when` as a rule "
    "or `kind: manual`, and `family` (value, risk, need ...)."
)


@strawberry.input(description="A segment to be made.")
class CreateSegmentInput:
    document: JSON = strawberry.field(description=DOCUMENT)


@strawberry.input(description="A segment to be changed.")
class UpdateSegmentInput:
    document: JSON = strawberry.field(description=DOCUMENT)
    expected_version: int = strawberry.field(
        description="The version that the change was made from."
    )


@strawberry.input(description="A segment to be given up.")
class DeleteSegmentInput:
    key: str = strawberry.field(description="Its key.")
    expected_version: int = strawberry.field(description="The version you have seen.")


@strawberry.input(description="Customers to be put into a segment or taken out of it by hand.")
class SegmentMembersInput:
    key: str = strawberry.field(description="Key of a segment of kind manual.")
    external_ids: list[str] = strawberry.field(
        description="The business's own customer numbers, up to 1,000."
    )
    reason: str = strawberry.field(
        description="Why, in 1 to 500 characters; no personal data, it is not encrypted."
    )
    expected_version: int | None = option(
        "The version of the segment you have seen; if it has another by now, nobody is moved."
    )


@strawberry.type(description="What changes of segments answer.", directives=[INHERITED])
class SegmentPayload(Payload):
    segment: Segment | None = strawberry.field(
        description="The segment as it is now.", default=None
    )


@strawberry.type(description="What `deleteSegment` answers.", directives=[INHERITED])
class DeleteSegmentPayload(Payload):
    deleted_key: str | None = strawberry.field(
        description="Key of the segment that was given up.", default=None
    )


CreateArgument = Annotated[CreateSegmentInput, strawberry.argument(description="What to make.")]
UpdateArgument = Annotated[UpdateSegmentInput, strawberry.argument(description="What to change.")]
DeleteArgument = Annotated[DeleteSegmentInput, strawberry.argument(description="Which one.")]
MembersArgument = Annotated[
    SegmentMembersInput, strawberry.argument(description="Who, where and why.")
]


def reading(context: Context) -> Reading:
    installation = context.business.installation
    return Reading(
        context.business.fields,
        context.exponent,
        installation.time_zone,
        installation.last_whole_day(context.now),
    )


async def _answer(info: Info, work: Callable[[Connection], int]) -> SegmentPayload:
    done = await attempt(info, "input", work, of("Segment"))
    if done.value is None:
        return SegmentPayload(user_errors=done.errors)
    rows = await info.context.loaders.segments.all()
    row = next(row for row in rows if row.id == done.value)
    return SegmentPayload(segment=segment(row, info.context))


@strawberry.type
class SegmentMutations:
    @mutation("Make a segment; who belongs to it is known at once.", needs=SEGMENTS_WRITE)
    async def create_segment(self, info: Info, input: CreateArgument) -> SegmentPayload | None:
        return await _answer(info, _saving(info, input.document, None))

    @mutation(
        "Change a segment; it and those that read it are evaluated at once.",
        needs=SEGMENTS_WRITE,
    )
    async def update_segment(self, info: Info, input: UpdateArgument) -> SegmentPayload | None:
        return await _answer(info, _saving(info, input.document, input.expected_version))

    @mutation(
        "Give a segment up: nobody is in it any more, its history stays.", needs=SEGMENTS_WRITE
    )
    async def delete_segment(
        self, info: Info, input: DeleteArgument
    ) -> DeleteSegmentPayload | None:
        def retire(connection: Connection) -> int:
            return stored.retire_segment(
                connection,
                input.key,
                input.expected_version,
                reading(info.context),
                change_by(info),
            )

        done = await attempt(info, "input", retire, of("Segment"))
        deleted = None if done.value is None else input.key
        return DeleteSegmentPayload(deleted_key=deleted, user_errors=done.errors)

    @mutation(
        "Put customers into a segment by hand; refreshes leave them there.",
        needs=MEMBERS_WRITE,
    )
    async def add_segment_members(
        self, info: Info, input: MembersArgument
    ) -> SegmentPayload | None:
        return await _answer(info, _moving(info, input, stored.add_members))

    @mutation("Take customers out of a segment by hand.", needs=MEMBERS_WRITE)
    async def remove_segment_members(
        self, info: Info, input: MembersArgument
    ) -> SegmentPayload | None:
        return await _answer(info, _moving(info, input, stored.remove_members))


def _saving(info: Info, document: Any, expected_version: int | None) -> Callable[[Connection], int]:
    context = info.context

    def save(connection: Connection) -> int:
        how, change = reading(context), change_by(info)
        saved = stored.save_segment(connection, document, expected_version, how, change)
        if "when" in document:
            # The rule is sound by now; who may not read what it rests on takes the change back.
            rule = parse_rule(document["when"], context.business.fields, context.exponent)
            require_conditions(rule.conditions(), context, "document.when")
        return saved

    return save


def _moving(
    info: Info, input: SegmentMembersInput, move: Callable[..., int]
) -> Callable[[Connection], int]:
    def work(connection: Connection) -> int:
        return move(
            connection,
            input.key,
            input.external_ids,
            input.reason,
            reading(info.context),
            change_by(info),
            given_or_none(input.expected_version),
        )

    return work
