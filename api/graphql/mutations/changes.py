"""One change: its transaction, its entry in the audit log, its reply for a request sent twice.

Without a key a change is committed before its payload is read. With one, the transaction stays open
until the payload is complete, so that the reply is stored with the change: whoever sends the
request again, at the same moment even, waits for its turn and gets that very reply.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from graphql import GraphQLError, GraphQLResolveInfo, print_ast
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry import UNSET

from api.db.audit import append
from api.db.idempotency import KeptReply, find_reply, keep_reply
from api.db.secret_in_use import require_secret_in_use
from api.db.writes import take_turn, write
from api.domain.audit import Event
from api.errors import EchelonError, InvalidInput
from api.graphql.trail import actor_of

if TYPE_CHECKING:
    from api.graphql.context import Context

Value = TypeVar("Value")
Objects = Callable[[Any], Sequence[str]]
LONGEST_KEY = 200
SEALED_AS = "idempotent_reply"


class IdempotencyKeyReused(EchelonError):
    """The key came with another request before."""

    code = "IDEMPOTENCY_KEY_REUSED"


class Repeated(EchelonError):
    """An error inside a reply that is given again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Reply:
    """What a mutation field answered the first time, as JSON."""

    data: Any
    errors: Sequence[Mapping[str, Any]]

    def located(self, path: list[str | int]) -> list[GraphQLError]:
        """Its errors, at the place where the field stands in this request."""
        return [
            GraphQLError(
                each["message"],
                path=[path[0], *each["path"][1:]],
                original_error=Repeated(each["code"], each["message"]),
            )
            for each in self.errors
        ]


class Replayed(Exception):
    """Ends a resolver: its reply is known already."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class Change:
    """What one mutation field changes."""

    def __init__(
        self, context: Context, info: GraphQLResolveInfo, arguments: str, key: str | None
    ) -> None:
        self._context = context
        self._field = info.field_name
        self._digests = context.seals.digests(f"{self._field}({arguments})")
        self._key = key
        self._asked = [] if key is None else [_asked(info, each, context) for each in self._digests]
        self._connection: AsyncConnection | None = None
        self._objects: Sequence[str] = ()

    async def make(self, work: Callable[[Connection], Value], objects: Objects) -> Value:
        """Run a change and record it; what it raises leaves nothing behind.

        Raises:
            Replayed: this request has been answered before.
            IdempotencyKeyReused, InvalidInput: the key belongs to another request, or is none.
        """
        if self._key is not None:
            return await self._begin(self._key, work, objects)

        def recorded(connection: Connection) -> Value:
            require_secret_in_use(connection, self._context.cipher)
            value = work(connection)
            self._objects = objects(value)
            self._record(connection)
            return value

        return await write(self._context.engine, recorded)

    async def _begin(
        self, key: str, work: Callable[[Connection], Value], objects: Objects
    ) -> Value:
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise InvalidInput(
                f"idempotencyKey: takes 1 to {LONGEST_KEY} printable characters, such as a UUID."
            )
        connection = self._connection = await self._context.engine.connect()
        try:
            await connection.run_sync(take_turn)
            await connection.run_sync(require_secret_in_use, self._context.cipher)
            kept = await connection.run_sync(self._find, key)
            if kept is not None:
                raise Replayed(self._opened(kept))
            value = await connection.run_sync(work)
        except BaseException:
            await self.release()
            raise
        self._objects = objects(value)
        self._context.snapshot.within(connection)
        return value

    def _find(self, connection: Connection, key: str) -> KeptReply | None:
        """The reply may be from before the root secret was changed."""
        for key_hash, asked in zip(self._key_hashes(key), self._asked, strict=True):
            kept = find_reply(connection, self._owner, key_hash, self._context.now)
            if kept is not None:
                _require_same(kept.fingerprint, asked)
                return kept
        return None

    @property
    def _owner(self) -> str:
        return self._context.caller.identity

    def _key_hashes(self, key: str) -> list[bytes]:
        digests = self._context.seals.digests(f"idempotency-key {key}")
        return [bytes.fromhex(each) for each in digests]

    def _opened(self, kept: KeptReply) -> Reply:
        text = self._context.cipher.decrypt(SEALED_AS, self._owner, kept.reply)
        content = json.loads(text)
        for place in content["personal"]["fields"]:
            self._context.personal.note(place, content["personal"]["customers"])
        self._context.replayed = True
        return Reply(content["data"], content["errors"])

    async def finish(self, data: Any, errors: Sequence[GraphQLError]) -> None:
        """Commit a change that has a key, with its reply."""
        connection = self._connection
        if connection is None or self._key is None:
            return
        content = {
            "data": data,
            "errors": [_plain_error(each) for each in errors],
            "personal": self._context.personal.to_json(),
        }
        text = json.dumps(content, ensure_ascii=False)
        sealed = self._context.cipher.encrypt(SEALED_AS, self._owner, text)
        kept = KeptReply(self._asked[0], sealed)
        await self._context.snapshot.apart()  # fields that failed may have left others reading
        await connection.run_sync(self._keep, self._key, kept)
        await connection.commit()
        await self.release()

    def _keep(self, connection: Connection, key: str, kept: KeptReply) -> None:
        key_hash = self._key_hashes(key)[0]
        keep_reply(connection, self._owner, key_hash, kept, self._context.now)
        self._record(connection)

    def _record(self, connection: Connection) -> None:
        context = self._context
        details = {"objects": list(self._objects), "arguments": self._digests[0]}
        actor = actor_of(context.caller)
        event = Event(context.now, actor, self._field, context.request_id, details)
        append(connection, context.seals, event)

    async def release(self) -> None:
        """Let go of the transaction; what is not committed is gone."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await self._context.snapshot.apart()
            finally:
                await connection.close()


def _require_same(fingerprint: str, asked: str) -> None:
    if fingerprint != asked:
        raise IdempotencyKeyReused(
            "idempotencyKey: this key was used for another request in the last 24 hours: "
            "another mutation, other arguments, another selection or other rights. "
            "Use a new key for a new change."
        )


def _asked(info: GraphQLResolveInfo, digest: str, context: Context) -> str:
    """Equal for the same request by a caller with the same rights."""
    nodes = [*info.field_nodes, *(info.fragments[name] for name in sorted(info.fragments))]
    parts = [digest, *map(print_ast, nodes), argument_text(info.variable_values)]
    parts += [*sorted(context.caller.scopes), f"owner {context.caller.owner!r}"]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def argument_text(arguments: Mapping[str, Any]) -> str:
    """Arguments as a text that is equal for equal ones and only for those."""
    return json.dumps(_plain(arguments), sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items() if each is not UNSET}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(vars(value))
    return value


def _plain_error(error: GraphQLError) -> dict[str, Any]:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    expected = isinstance(cause, EchelonError)
    return {
        "message": error.message if expected else "This part of the answer failed.",
        "code": cause.code if isinstance(cause, EchelonError) else "INTERNAL",
        "path": list(error.path or ()),
    }
