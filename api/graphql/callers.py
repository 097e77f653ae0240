"""Whose key a request carries: looked up in one database, remembered for half a second."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Collection, Mapping
from itertools import islice

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.typing import FilteringBoundLogger

from api.background import beside
from api.db.callers import TOUCH_EVERY, find_callers, touch_key
from api.domain.keys import Caller, RealmName, key_hash

REMEMBERED_SECONDS = 0.5
"""A revoked key works no longer than this."""
MOST_REMEMBERED = 1_000
MOST_AT_ONCE = 100
"""Keys in one look."""


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
        self._used: set[bytes] = set()
        """Remembered keys that came again since they were looked up."""
        self._looking: dict[bytes, asyncio.Task[Mapping[bytes, Caller]]] = {}
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
        if self._seconds() - seen >= REMEMBERED_SECONDS:
            return None
        self._used.add(hashed)
        return caller

    async def _looked_up(self, hashed: bytes) -> Caller | None:
        """All who come with a key meanwhile share one look, and keys in use are looked up together.

        Who leaves takes nothing from the others.
        """
        looking = self._looking.get(hashed)
        if looking is None:
            wanted = {hashed, *islice(self._used - self._looking.keys(), MOST_AT_ONCE - 1)}
            self._used -= wanted
            looking = asyncio.create_task(self._look_up(wanted))
            self._looking |= dict.fromkeys(wanted, looking)
            looking.add_done_callback(lambda _: self._found(wanted))
        return (await asyncio.shield(looking)).get(hashed)

    def _found(self, wanted: Collection[bytes]) -> None:
        for hashed in wanted:
            del self._looking[hashed]

    async def _look_up(self, wanted: Collection[bytes]) -> Mapping[bytes, Caller]:
        async with self._engine.connect() as connection:
            # Counted from here: waiting for a connection makes no answer older.
            asked = self._seconds()
            found = await find_callers(connection, wanted, self._realm, self._clock())
        for hashed in wanted:
            self._remembered.pop(hashed, None)
        if len(self._remembered) + len(found) > MOST_REMEMBERED:
            self._remembered.clear()
            self._used.clear()
        for hashed, caller in found.items():
            self._remembered[hashed] = asked, caller
        return found

    def _touch(self, caller: Caller) -> None:
        """Note the use of a key beside the request, which need not wait for a writer's lock."""
        now = self._clock()
        if caller.key_id is None:
            return
        last = self._touched.get(caller.key_id)
        if last is None or now - last >= TOUCH_EVERY:
            self._touched[caller.key_id] = now
            task = beside(self._write(caller.key_id, now))
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
