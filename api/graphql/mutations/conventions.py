"""How a mutation answers: the changed object, or what the caller has to mend.

A mutation is a field with `needs=` and a payload derived from `Payload`:

    @mutation("Set ...", needs=POLICIES_WRITE)
    async def set_thing(self, info: Info, input: ThingInput) -> SetThingPayload | None:
        done = await attempt(info, "input", lambda change: things.save(change, ...), of("Thing"))
        return SetThingPayload(thing=..., user_errors=done.errors)

It takes an `idempotencyKey` beside its own arguments, and leaves an entry in the audit log.

What the caller can mend (`InvalidInput`, `NotFound`, `Conflict` and their subclasses) is returned
as `userErrors`, with nothing written. A missing right, a limit or a bug is a top-level error.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

import strawberry
from sqlalchemy import Connection
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from api.db import document_versions as documents
from api.db.document_versions import check_reason
from api.errors import Conflict, EchelonError, InUse, InvalidInput, NotFound
from api.graphql.access import INHERITED, Requires
from api.graphql.context import Info
from api.graphql.described import Method, choice, field
from api.graphql.language import Language, message_in
from api.graphql.mutations.changes import (
    Change,
    IdempotencyKeyReused,
    Objects,
    Replayed,
    argument_text,
)

Value = TypeVar("Value")
PATH = re.compile(r"([A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*): ")
STEP = re.compile(r"[\w-]+")
BESIDE = ("expectedVersion", "idempotencyKey")
"""Arguments that stand beside a document, not in it."""
IDEMPOTENCY_KEY = (
    "A text of your choice, 1 to 200 characters, best a UUID: sent again with the same request, it "
    "gets the same reply and changes nothing twice. Kept for 24 hours."
)


@strawberry.enum(description="What kind of thing the caller has to mend.")
class UserErrorCode(Enum):
    INVALID = choice("INVALID", "A value that can't be used; the message says what would do.")
    NOT_FOUND = choice("NOT_FOUND", "It names something that does not exist.")
    CONFLICT = choice(
        "CONFLICT",
        "Somebody else was quicker, or it does not fit what is there: read it again.",
    )
    IN_USE = choice("IN_USE", "Something else still needs it.")
    IDEMPOTENCY_KEY_REUSED = choice(
        "IDEMPOTENCY_KEY_REUSED",
        "The `idempotencyKey` came with another request in the last 24 hours: use a new one.",
    )


@strawberry.type(
    description="Something the caller has to mend before the change can be made.",
    directives=[INHERITED],
)
class UserError:
    code: UserErrorCode = strawberry.field(description="What kind of thing.")
    field: list[str] = strawberry.field(
        description="Where: the argument, then the way into it; list places count from 0. Empty "
        "where no single entry is at fault."
    )
    message: str = strawberry.field(description="What is wrong, and the way out.")


@strawberry.type(description="What every mutation answers.", directives=[INHERITED])
class Payload:
    user_errors: list[UserError] = strawberry.field(
        description="What the caller has to mend; empty where the change was made.",
        default_factory=list,
    )


@dataclass(frozen=True)
class Actor:
    """Who changes something, and when: kept with what is written."""

    author: str
    now: dt.datetime
    owner: str | None
    """Whose customers they may name; all if there is none."""


@dataclass(frozen=True)
class Attempt(Generic[Value]):
    """What a change returned, or why it was not made."""

    value: Value | None
    errors: list[UserError]


def mutation(
    description: str, *, needs: Requires, name: str | None = None
) -> Callable[[Method], Method]:
    """A field of the mutation type; unlike a query's, it can't do without a scope."""
    return field(description, needs=needs, name=name, extensions=[Changing()])


class Changing(FieldExtension):
    """Gives a mutation its `idempotencyKey`, and its resolver the `Change` that it makes."""

    def apply(self, field: StrawberryField) -> None:
        key = StrawberryArgument(
            "idempotency_key",
            None,
            StrawberryAnnotation(str | None),
            default=None,
            description=IDEMPOTENCY_KEY,
        )
        field.arguments = [*field.arguments, key]

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **arguments: Any
    ) -> Any:
        key = arguments.pop("idempotency_key", None)
        text = argument_text(arguments)
        info.context.change = Change(info.context, info._raw_info, text, key)
        try:
            return await next_(source, info, **arguments)
        except Replayed as known:
            return known.reply


def actor(info: Info) -> Actor:
    caller = info.context.caller
    return Actor(caller.name, info.context.now, caller.owner)


async def attempt(
    info: Info, root: str, work: Callable[[Connection], Value], objects: Objects
) -> Attempt[Value]:
    """Run a change in one transaction, its entry in the audit log among it.

    `root` is the argument that paths in messages lie in; `objects` names what was changed, given
    what `work` returned, as `Type:row` or `Type:key`, never by personal data.
    """
    context = info.context
    if context.change is None:
        raise LookupError(f"{info.field_name} changes something without being a mutation")
    # What has been read so far may not be so any more, and a second connection is not held.
    await context.forget()
    try:
        return Attempt(await context.change.make(work, objects), [])
    except (InvalidInput, NotFound, Conflict, IdempotencyKeyReused) as error:
        return Attempt(None, [user_error(error, root, info.context.language)])


def of(*kinds: str) -> Objects:
    """Names for what a change returned: one of each kind, or a list of one kind."""

    def named(value: Any) -> list[str]:
        values = value if isinstance(value, list | tuple) else [value]
        each_kind = kinds if len(kinds) > 1 else kinds * len(values)
        return [f"{kind}:{each}" for kind, each in zip(each_kind, values, strict=True)]

    return named


def change_by(info: Info, reason: str | None = None) -> documents.Change:
    """Who changes a document, when and why: kept with what is stored.

    Raises:
        InvalidInput: the reason is empty or too long.
    """
    check_reason(reason)
    caller = info.context.caller
    return documents.Change(caller.name, info.context.now, reason, caller.owner)


def given_or_none(value: Value | None) -> Value | None:
    """An entry of an input that may be left out."""
    return None if value is UNSET else value


def user_error(error: EchelonError, root: str, language: Language) -> UserError:
    """The failure as the caller sees it; its path is taken from the message, where it begins so."""
    found = PATH.match(str(error))
    path = STEP.findall(found[1]) if found else []
    if path and path[0] not in (root, *BESIDE):
        path = [root, *path]
    message = message_in(str(error), language)
    return UserError(code=_code(error), field=path, message=message)


def _code(error: EchelonError) -> UserErrorCode:
    if isinstance(error, IdempotencyKeyReused):
        return UserErrorCode.IDEMPOTENCY_KEY_REUSED
    if isinstance(error, NotFound):
        return UserErrorCode.NOT_FOUND
    if isinstance(error, InUse):
        return UserErrorCode.IN_USE
    return UserErrorCode.CONFLICT if isinstance(error, Conflict) else UserErrorCode.INVALID
