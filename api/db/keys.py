"""API keys in the database: made and revoked by commands, looked up by the web process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.models import ApiKey
from api.domain.keys import SHOWN_LENGTH, Caller, check_scopes, key_hash, new_key
from api.errors import Conflict, InvalidInput, NotFound

Clock = Callable[[], dt.datetime]
TOUCH_EVERY = dt.timedelta(minutes=1)
NAME_LENGTH = 100


@dataclass(frozen=True)
class KeyListing:
    """A key as its owner sees it later: `prefix` is all that is left to recognise it by."""

    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    revoked_at: dt.datetime | None


def create_key(
    engine: Engine, name: str, scopes: Iterable[str], expires_at: dt.datetime | None, clock: Clock
) -> str:
    """Make a key and return it; it can't be read again.

    Raises:
        InvalidInput: an unknown scope, an empty or long name, a moment that is past.
        Conflict: another key has that name.
    """
    now = clock()
    listed = check_scopes(scopes)
    if not name.strip() or len(name) > NAME_LENGTH:
        raise InvalidInput(f"A key's name has 1 to {NAME_LENGTH} characters.")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(f"The key would have expired already, at {expires_at.isoformat()}.")
    key = new_key()
    row = {
        "name": name,
        "prefix": key[:SHOWN_LENGTH],
        "key_hash": key_hash(key),
        "scopes": listed,
        "created_at": now,
        "expires_at": expires_at,
    }
    try:
        with engine.begin() as connection:
            connection.execute(insert(ApiKey).values(row))
    except IntegrityError:
        raise Conflict(f"There is a key named {name!r} already; choose another name.") from None
    return key


def list_keys(engine: Engine) -> list[KeyListing]:
    columns = [getattr(ApiKey, name) for name in KeyListing.__dataclass_fields__]
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(ApiKey.id)).all()
    return [KeyListing(**{**row._mapping, "scopes": tuple(row.scopes)}) for row in rows]


def revoke_key(engine: Engine, name: str, clock: Clock) -> None:
    """Take a key's rights away for good; doing it twice is harmless.

    Raises:
        NotFound: no key has that name.
    """
    with engine.begin() as connection:
        if connection.scalar(select(ApiKey.id).where(ApiKey.name == name)) is None:
            raise NotFound(f"There is no key named {name!r}. See: echelon keys list")
        connection.execute(
            update(ApiKey)
            .where(ApiKey.name == name, ApiKey.revoked_at.is_(None))
            .values(revoked_at=clock())
        )


async def find_caller(engine: AsyncEngine, hashed: bytes, now: dt.datetime) -> Caller | None:
    """Whose key this is; none if it is unknown, revoked or expired."""
    statement = select(ApiKey.id, ApiKey.name, ApiKey.scopes).where(
        ApiKey.key_hash == hashed,
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
    )
    async with engine.connect() as connection:
        row = (await connection.execute(statement)).first()
    return None if row is None else Caller(row.id, row.name, frozenset(row.scopes))


async def touch_key(engine: AsyncEngine, key_id: int, now: dt.datetime) -> None:
    """Note that a key was used, at most once a minute however many processes serve."""
    async with engine.begin() as connection:
        await connection.execute(
            update(ApiKey)
            .where(
                ApiKey.id == key_id,
                or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - TOUCH_EVERY),
            )
            .values(last_used_at=now)
        )
