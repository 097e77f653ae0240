"""Reads of personal data, recorded before their answers leave.

Each process has a chain of its own, so that reads wait neither for other processes nor for
changes; what requests hand in at the same time becomes one transaction. The chain of changes names
the end of each chain of reads from time to time (`api.db.audit_seals`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.background import beside
from api.db.models import AuditEntry
from api.db.snapshots import Snapshot
from api.domain.audit import READS, Entry, Event, Head, Seals, head_of
from api.errors import EchelonError

WAIT_SECONDS = 5.0
LARGEST_BATCH = 500
Waiting = tuple[Event, "asyncio.Future[None]"]


class AuditUnavailable(EchelonError):
    """What may not be answered without being recorded could not be recorded."""

    code = "AUDIT_UNAVAILABLE"


class ReadLog:
    """One process's chain of reads.

    `engine` is of its own, so that requests can't starve it; `beside` is to read entries with,
    where they don't lie in the database itself.
    """

    def __init__(
        self, engine: AsyncEngine, seals: Seals, beside: AsyncEngine | None = None
    ) -> None:
        self._engine = engine
        self.beside = beside
        self._seals = seals
        self._waiting: list[Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._head = self._fresh()

    @staticmethod
    def _fresh() -> Head:
        return Head(f"{READS}{uuid4().hex}")

    def snapshot(self, database: Snapshot) -> Snapshot:
        """To read entries with: the request's own snapshot, where they lie in that database."""
        return database if self.beside is None else Snapshot(self.beside)

    @property
    def head(self) -> Head:
        """Where the chain ends, of what is written for sure."""
        return self._head

    async def record(self, event: Event) -> None:
        """Return once the event is written.

        Raises:
            AuditUnavailable: it could not be, so nobody may see what it tells of.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((event, done))
        if self._writer is None or self._writer.done():
            self._writer = beside(self._write())
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await done
        except TimeoutError:
            raise _unavailable() from None

    async def _write(self) -> None:
        # Requests of the same turn of the loop get in before the first transaction begins.
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            entries = self._sealed([event for event, _ in batch])
            try:
                async with self._engine.begin() as connection:
                    await connection.execute(insert(AuditEntry), [asdict(each) for each in entries])
            except (SQLAlchemyError, OSError):
                # Whether the end of this chain was written is not known: begin another.
                self._head = self._fresh()
                self._settle(batch, _unavailable())
            else:
                self._head = head_of(entries[-1])
                self._settle(batch, None)

    def _sealed(self, events: Sequence[Event]) -> list[Entry]:
        head, entries = self._head, []
        for event in events:
            entries.append(self._seals.seal(event, head))
            head = head_of(entries[-1])
        return entries

    @staticmethod
    def _settle(batch: Sequence[Waiting], problem: Exception | None) -> None:
        for _, done in batch:
            if done.done():  # nobody waits any more
                continue
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(problem)

    async def close(self) -> None:
        if self._writer is not None:
            await self._writer
        await self._engine.dispose()
        if self.beside is not None:
            await self.beside.dispose()


def _unavailable() -> AuditUnavailable:
    return AuditUnavailable(
        "This answer holds personal data, and that it was read can't be recorded now. Try again."
    )
