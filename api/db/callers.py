"""Whose key it is and when it was last used: what the web process asks of the keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.db.keys import still_works
from api.db.models import ApiKey
from api.domain.keys import Caller, RealmName

TOUCH_EVERY = dt.timedelta(minutes=1)
COLUMNS = (
    ApiKey.key_hash,
    ApiKey.id,
    ApiKey.name,
    ApiKey.scopes,
    ApiKey.owner,
    ApiKey.documents,
)


async def find_callers(
    connection: AsyncConnection, hashes: Collection[bytes], realm: RealmName, now: dt.datetime
) -> dict[bytes, Caller]:
    """Whose keys these are, by their hashes; without those unknown, revoked or expired."""
    return await _found(connection, ApiKey.key_hash.in_(hashes), realm, now)


async def caller_of_key(
    engine: AsyncEngine, key_id: int, realm: RealmName, now: dt.datetime
) -> Caller | None:
    """Who holds a key that is known by its row; none once it is revoked or expired."""
    async with engine.connect() as connection:
        found = await _found(connection, ApiKey.id == key_id, realm, now)
    return next(iter(found.values()), None)


async def _found(
    connection: AsyncConnection, which: ColumnElement[bool], realm: RealmName, now: dt.datetime
) -> dict[bytes, Caller]:
    rows = await connection.execute(select(*COLUMNS).where(which, still_works(now)))
    return {
        row.key_hash: Caller(
            row.id, row.name, frozenset(row.scopes), row.owner, row.documents, realm
        )
        for row in rows
    }


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
