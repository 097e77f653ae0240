"""What keeps the audit log in order while the server runs, one for each realm and process."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.typing import FilteringBoundLogger

from api.background import beside
from api.db.audit import last
from api.db.audit_reads import ReadLog
from api.db.audit_seals import seal_reads
from api.db.idempotency import forget_replies
from api.db.secret_in_use import require_secret_in_use
from api.db.writes import write
from api.domain.audit import Head, Seals
from api.domain.checkpoints import checkpoint_of
from api.domain.personal_data import PersonalDataCipher
from api.errors import Conflict, NotReady

EVERY_SECONDS = 60.0
PURGE_EVERY = 60
"""Rounds between two looks for replies that are too old."""


@dataclass
class AuditKeeper:
    """Names the end of this process's chain of reads in the chain of changes once a minute, writes
    a checkpoint to the log when there is something new, and purges old replies."""

    engine: AsyncEngine
    reads: ReadLog
    seals: Seals
    cipher: PersonalDataCipher
    clock: Callable[[], dt.datetime]
    logger: FilteringBoundLogger
    _sealed: Head | None = None
    _logged: int = 0
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    def start(self, seconds: float = EVERY_SECONDS) -> None:
        self._task = beside(self._keep(seconds))

    async def _keep(self, seconds: float) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(seconds)
            await self.tidy()
            if rounds % PURGE_EVERY == 0:
                await self._try(self._purge)
            rounds += 1

    async def tidy(self) -> None:
        """Seal what is new and log where the chain ends."""
        await self._try(self._seal)
        await self._try(self._checkpoint)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (SQLAlchemyError, OSError, Conflict, NotReady) as error:
            # Nothing is lost: the next round, the next start or `audit checkpoint` does it.
            self.logger.warning("audit_postponed", error=type(error).__name__)

    async def _seal(self) -> None:
        head = self.reads.head
        if head.number == 0 or head == self._sealed:
            return
        await write(self.engine, partial(self._named, head))
        self._sealed = head

    def _named(self, head: Head, connection: Connection) -> None:
        require_secret_in_use(connection, self.cipher)
        seal_reads(connection, self.seals, [head], self.clock())

    async def _checkpoint(self) -> None:
        async with self.engine.connect() as connection:
            end = await connection.run_sync(last)
        if end is not None and end.number > self._logged:
            found = checkpoint_of(end, self.seals, self.clock())
            self.logger.info("audit_checkpoint", **asdict(found))
            self._logged = end.number

    async def _purge(self) -> None:
        await write(self.engine, lambda connection: forget_replies(connection, self.clock()))

    async def close(self) -> None:
        """Seal the end of the chain and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._try(self._seal)
        await self.reads.close()
