"""API keys in the database: made, changed and revoked by commands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    and_,
    insert,
    or_,
    select,
    text,
    update,
)

from api.db.models import ApiKey
from api.db.writes import take_turn
from api.domain.keys import (
    SHOWN_LENGTH,
    DocumentsMode,
    RealmName,
    check_documents_mode,
    check_name,
    check_scopes,
    key_hash,
    new_key,
    realm_of,
    starts_a_key,
)
from api.errors import Conflict, InvalidInput, NotFound

Clock = Callable[[], dt.datetime]
MOST_ACTIVE = 2
"""Keys of one client at a time: the one in use and the one it changes to."""
OWNER_LENGTH = 100


@dataclass(frozen=True)
class KeyListing:
    """A key as its owner sees it later: `prefix` is all that is left to recognise it by."""

    name: str
    prefix: str
    scopes: tuple[str, ...]
    owner: str | None
    documents: DocumentsMode
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


@dataclass(frozen=True)
class Rotation:
    """The new key, and until when the old one works beside it."""

    key: str
    expires_at: dt.datetime | None
    old_prefix: str
    old_ends_at: dt.datetime


@dataclass(frozen=True)
class RevokedKey:
    name: str
    prefix: str


def create_key(
    engine: Engine,
    name: str,
    scopes: Iterable[str],
    expires_at: dt.datetime | None,
    clock: Clock,
    *,
    owner: str | None = None,
    documents: str = "allow",
    realm: RealmName = "live",
) -> str:
    """Make a client's first key and return it; it can't be read again.

    Raises:
        InvalidInput: an unknown scope or mode, an unusable name, a moment that is past.
        Conflict: the client has a key already.
    """
    now = clock()
    row = {
        "name": check_name(name),
        "scopes": check_scopes(scopes),
        "owner": _checked_owner(owner),
        "documents": check_documents_mode(documents),
        "created_at": now,
        "expires_at": expires_at,
    }
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(f"The key would have expired already, at {expires_at.isoformat()}.")
    with _in_turn(engine) as connection:
        if _active(connection, name, now):
            raise Conflict(
                f"There is a key named {name!r} already; choose another name, or give this one a "
                f"second key: echelon keys rotate {name!r}"
            )
        return _insert(connection, row, realm)


def rotate_key(
    engine: Engine, name: str, overlap: dt.timedelta, clock: Clock, *, realm: RealmName = "live"
) -> Rotation:
    """Give a client a second key like its first, which ends after `overlap`.

    A first key with an expiry gives the second the same time to live, counted from now.

    Raises:
        NotFound: the client has no key that works.
        Conflict: it has two.
    """
    now = clock()
    with _in_turn(engine) as connection:
        active = _active(connection, name, now)
        if not active:
            raise NotFound(
                f"No key named {name!r} works; see `echelon keys list`, or make one with "
                "`echelon keys create`."
            )
        old = active[0]
        if len(active) >= MOST_ACTIVE:
            until = f" until {old.expires_at:%Y-%m-%d %H:%M} UTC" if old.expires_at else ""
            raise Conflict(
                f"{name!r} has two keys already: {old.prefix}…{until}, and {active[-1].prefix}…. "
                f"Once nobody uses the old one, end it: echelon keys revoke {old.prefix}"
            )
        ends = now + overlap if old.expires_at is None else min(now + overlap, old.expires_at)
        expires = None if old.expires_at is None else now + (old.expires_at - old.created_at)
        like = {each: getattr(old, each) for each in ("name", "scopes", "owner", "documents")}
        key = _insert(connection, like | {"created_at": now, "expires_at": expires}, realm)
        connection.execute(update(ApiKey).where(ApiKey.id == old.id).values(expires_at=ends))
    return Rotation(key, expires, old.prefix, ends)


def list_keys(engine: Engine) -> list[KeyListing]:
    columns = [getattr(ApiKey, name) for name in KeyListing.__dataclass_fields__]
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(ApiKey.id)).all()
    return [KeyListing(**{**row._mapping, "scopes": tuple(row.scopes)}) for row in rows]


def revoke_keys(engine: Engine, which: str, clock: Clock) -> list[RevokedKey]:
    """Take rights away for good from all keys of a client, or from the one that begins so.

    Doing it twice is harmless. Waits for no other change: whoever revokes is in a hurry.

    Returns:
        The keys meant, revoked now or earlier.

    Raises:
        NotFound: there is none.
        Conflict: more than one key begins so.
    """
    meant = ApiKey.name == which
    if starts_a_key(which):
        meant = ApiKey.prefix == which[:SHOWN_LENGTH]
        if realm_of(which):  # a whole key, perhaps found where it should not be
            meant = ApiKey.key_hash == key_hash(which)
    with engine.begin() as connection:
        found = connection.execute(select(ApiKey.id, ApiKey.name, ApiKey.prefix).where(meant)).all()
        shown = which[:SHOWN_LENGTH] if starts_a_key(which) else repr(which)
        if not found:
            raise NotFound(f"There is no key {shown}. See: echelon keys list")
        if starts_a_key(which) and len(found) > 1:
            raise Conflict(f"Two keys begin with {shown}; revoke the one meant by its name.")
        connection.execute(
            update(ApiKey)
            .where(ApiKey.id.in_([row.id for row in found]), ApiKey.revoked_at.is_(None))
            .values(revoked_at=clock())
        )
    return [RevokedKey(row.name, row.prefix) for row in found]


@contextmanager
def _in_turn(engine: Engine) -> Iterator[Connection]:
    """One change of keys after another, so that what it counts still holds when it writes.

    Not the turn of documents: a key need not wait for a refresh that publishes.
    """
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE"))
        else:
            take_turn(connection)
        yield connection


def _active(connection: Connection, name: str, now: dt.datetime) -> Sequence[Row[Any]]:
    """A client's keys that work, the oldest first."""
    columns = ApiKey.__table__.c
    statement = select(*columns).where(and_(columns.name == name, still_works(now)))
    return connection.execute(statement.order_by(columns.id)).all()


def still_works(now: dt.datetime) -> ColumnElement[bool]:
    return and_(
        ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
    )


def _insert(connection: Connection, row: Mapping[str, Any], realm: RealmName) -> str:
    key = new_key(realm)
    made = {"prefix": key[:SHOWN_LENGTH], "key_hash": key_hash(key)}
    connection.execute(insert(ApiKey).values({**row, **made}))
    return key


def _checked_owner(owner: str | None) -> str | None:
    if owner is not None and (not owner.strip() or len(owner) > OWNER_LENGTH):
        raise InvalidInput(f"An owner has 1 to {OWNER_LENGTH} characters.")
    return owner


def working_key(engine: Engine, name: str, now: dt.datetime) -> int:
    """The row of a key of this name that works.

    Raises:
        NotFound: there is none.
    """
    with engine.connect() as connection:
        works = (ApiKey.name == name, still_works(now))
        found = connection.scalar(select(ApiKey.id).where(*works).order_by(ApiKey.id.desc()))
    if found is None:
        raise NotFound(f"There is no key named {name!r} that works. See: echelon keys list")
    return int(found)
