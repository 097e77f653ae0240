"""Whose key it is and when it was last used: what the web process asks of the keys."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.db.keys import still_works
from api.db.models import ApiKey
from api.domain.keys import Caller, RealmName

TOUCH_EVERY = dt.timedelta(minutes=1)


async def find_caller(
    connection: AsyncConnection, hashed: bytes, realm: RealmName, now: dt.datetime
) -> Caller | None:
    """Whose key this is; none if it is unknown, revoked or expired."""
    return await _found(connection, ApiKey.key_hash == hashed, realm, now)


async def caller_of_key(
    engine: AsyncEngine, key_id: int, realm: RealmName, now: dt.datetime
) -> Caller | None:
    """Who holds a key that is known by its row; none once it is revoked or expired."""
    async with engine.connect() as connection:
        return await _found(connection, ApiKey.id == key_id, realm, now)


async def _found(
    connection: AsyncConnection, which: ColumnElement[bool], realm: RealmName, now: dt.datetime
) -> Caller | None:
    statement = select(ApiKey.id, ApiKey.name, ApiKey.scopes, ApiKey.owner, ApiKey.documents).where(
        which, still_works(now)
    )
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    return Caller(row.id, row.name, frozenset(row.scopes), row.owner, row.documents, realm)


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
