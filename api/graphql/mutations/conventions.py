"""How a mutation answers: the changed object, or what the caller has to mend.

A mutation is a field with `needs=` and a payload derived from `Payload`:

    @mutation("Set ...", needs=POLICIES_WRITE)
    async def set_thing(self, info: Info, input: ThingInput) -> SetThingPayload | None:
        done = await attempt(info, "input", lambda change: things.save(change, input, ...))
        return SetThingPayload(thing=..., user_errors=done.errors)

What the caller can mend (`InvalidInput`, `NotFound`, `Conflict` and their subclasses) is returned
as `userErrors`, with nothing written. A missing right, a limit or a bug is a top-level error.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

import strawberry
from sqlalchemy import Connection
from strawberry import UNSET

from api.db.document_versions import Change, check_reason
from api.db.writes import write
from api.errors import Conflict, EchelonError, InUse, InvalidInput, NotFound
from api.graphql.access import Requires
from api.graphql.context import Info
from api.graphql.described import Method, choice, field

Value = TypeVar("Value")
PATH = re.compile(r"([A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*): ")
STEP = re.compile(r"[\w-]+")
BESIDE = ("expectedVersion",)
"""Arguments that stand beside a document, not in it."""


@strawberry.enum(description="What kind of thing the caller has to mend.")
class UserErrorCode(Enum):
    INVALID = choice("INVALID", "A value that can't be used; the message says what would do.")
    NOT_FOUND = choice("NOT_FOUND", "It names something that does not exist.")
    CONFLICT = choice(
        "CONFLICT",
        "Somebody else was quicker, or it does not fit what is there: read it again.",
    )
    IN_USE = choice("IN_USE", "Something else still needs it.")


@strawberry.type(description="Something the caller has to mend before the change can be made.")
class UserError:
    code: UserErrorCode = strawberry.field(description="What kind of thing.")
    field: list[str] = strawberry.field(
        description="Where: the argument, then the way into it; list places count from 0. Empty "
        "where no single entry is at fault."
    )
    message: str = strawberry.field(description="What is wrong, and the way out.")


@strawberry.type(description="What every mutation answers.")
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


@dataclass(frozen=True)
class Attempt(Generic[Value]):
    """What a change returned, or why it was not made."""

    value: Value | None
    errors: list[UserError]


def mutation(
    description: str, *, needs: Requires, name: str | None = None
) -> Callable[[Method], Method]:
    """A field of the mutation type; unlike a query's, it can't do without a scope."""
    return field(description, needs=needs, name=name)


def actor(info: Info) -> Actor:
    return Actor(info.context.caller.name, info.context.now)


async def attempt(info: Info, root: str, work: Callable[[Connection], Value]) -> Attempt[Value]:
    """Run a change in one transaction; `root` is the argument that paths in messages lie in."""
    context = info.context
    # What has been read so far may not be so any more, and a second connection is not held.
    await context.forget()
    try:
        return Attempt(await write(context.engine, work), [])
    except (InvalidInput, NotFound, Conflict) as error:
        return Attempt(None, [user_error(error, root)])


def change_by(info: Info, reason: str | None = None) -> Change:
    """Who changes a document, when and why: kept with what is stored.

    Raises:
        InvalidInput: the reason is empty or too long.
    """
    check_reason(reason)
    return Change(info.context.caller.name, info.context.now, reason)


def given_or_none(value: Value | None) -> Value | None:
    """An entry of an input that may be left out."""
    return None if value is UNSET else value


def user_error(error: EchelonError, root: str) -> UserError:
    """The failure as the caller sees it; its path is taken from the message, where it begins so."""
    found = PATH.match(str(error))
    path = STEP.findall(found[1]) if found else []
    if path and path[0] not in (root, *BESIDE):
        path = [root, *path]
    return UserError(code=_code(error), field=path, message=str(error))


def _code(error: EchelonError) -> UserErrorCode:
    if isinstance(error, NotFound):
        return UserErrorCode.NOT_FOUND
    if isinstance(error, InUse):
        return UserErrorCode.IN_USE
    return UserErrorCode.CONFLICT if isinstance(error, Conflict) else UserErrorCode.INVALID
