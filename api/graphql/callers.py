"""Whose key a request carries: looked up in one database, remembered for half a second."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.typing import FilteringBoundLogger

from api.db.callers import TOUCH_EVERY, find_caller, touch_key
from api.domain.keys import Caller, RealmName, key_hash

REMEMBERED_SECONDS = 0.5
"""A revoked key works no longer than this."""
MOST_REMEMBERED = 1_000


class Callers:
    """The holders of one database's keys."""

    def __init__(
        self,
        engine: AsyncEngine,
        realm: RealmName,
        clock: Callable[[], dt.datetime],
        logger: FilteringBoundLogger,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._realm: RealmName = realm
        self._clock = clock
        self._logger = logger
        self._seconds = seconds
        self._remembered: dict[bytes, tuple[float, Caller]] = {}
        self._looking: dict[bytes, asyncio.Task[Caller | None]] = {}
        self._touched: dict[int, dt.datetime] = {}
        self._touches: set[asyncio.Task[None]] = set()

    async def holder(self, key: str) -> Caller | None:
        """Who holds this key of this realm; none if it opens nothing."""
        hashed = key_hash(key)
        caller = self._recall(hashed) or await self._looked_up(hashed)
        if caller is not None:
            self._touch(caller)
        return caller

    def _recall(self, hashed: bytes) -> Caller | None:
        seen, caller = self._remembered.get(hashed, (0.0, None))
        return caller if self._seconds() - seen < REMEMBERED_SECONDS else None

    async def _looked_up(self, hashed: bytes) -> Caller | None:
        """All who come with a key meanwhile share one look: a crowd would only delay it.

        Who leaves takes nothing from the others.
        """
        looking = self._looking.get(hashed)
        if looking is None:
            looking = self._looking[hashed] = asyncio.create_task(self._look_up(hashed))
            looking.add_done_callback(lambda _: self._looking.pop(hashed, None))
        return await asyncio.shield(looking)

    async def _look_up(self, hashed: bytes) -> Caller | None:
        async with self._engine.connect() as connection:
            # Counted from here: waiting for a connection makes no answer older.
            asked = self._seconds()
            caller = await find_caller(connection, hashed, self._realm, self._clock())
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        if caller is not None:
            self._remembered[hashed] = (asked, caller)
        return caller

    def _touch(self, caller: Caller) -> None:
        """Note the use of a key beside the request, which need not wait for a writer's lock."""
        now = self._clock()
        if caller.key_id is None:
            return
        last = self._touched.get(caller.key_id)
        if last is None or now - last >= TOUCH_EVERY:
            self._touched[caller.key_id] = now
            task = asyncio.create_task(self._write(caller.key_id, now))
            self._touches.add(task)
            task.add_done_callback(self._touches.discard)

    async def _write(self, key_id: int, now: dt.datetime) -> None:
        try:
            await touch_key(self._engine, key_id, now)
        except SQLAlchemyError as error:
            # Only when the key was last used gets lost, and the next minute brings it again.
            self._logger.warning("key_not_touched", key_id=key_id, error=type(error).__name__)

    async def close(self) -> None:
        await asyncio.gather(*self._touches)
        await asyncio.gather(*self._looking.values(), return_exceptions=True)
