"""What one request reads: one transaction on one connection, so no answer mixes two publishes.

It also knows whose customers the request may see. Every statement that could reach a customer by
another way than through one the request has found already says so with `visible`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from asyncpg import PostgresError
from sqlalchemy import ColumnElement, Dialect, Row, Select, select, true
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.db.failures import cut_short
from api.db.models import Customer

Query = Select[*tuple[Any, ...]]
Record = Row[*tuple[Any, ...]]
Values = tuple[Any, ...]
T = TypeVar("T")
INTERRUPT_SECONDS = 0.05
"""How often SQLite is told again: who tells it before the statement has begun tells nobody."""


class SnapshotClosed(Exception):
    """The request has its answer; whatever still read for it may stop."""


def visible_to(owner: str | None, customer: ColumnElement[int]) -> ColumnElement[bool]:
    """The customer is one of the owner's; true for whoever sees all, who has none."""
    if owner is None:
        return true()
    return customer.in_(select(Customer.id).where(Customer.owner == owner))


class Snapshot:
    """Opened by the first statement. Resolvers run concurrently; their statements take turns.

    With an `owner` it sees the customers of that owner only.
    """

    def __init__(self, engine: AsyncEngine, owner: str | None = None) -> None:
        self._engine = engine
        self.owner = owner
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._borrowed = False
        self._closed = False
        self._running: tuple[AsyncConnection, asyncio.Future[Any]] | None = None

    def within(self, connection: AsyncConnection) -> None:
        """Read from here on inside a transaction that changes something, to see its changes."""
        self._connection, self._borrowed = connection, True

    async def apart(self) -> None:
        """Leave that transaction, which is its owner's to end."""
        async with self._turn:
            if self._borrowed:
                self._connection, self._borrowed = None, False

    @property
    def dialect(self) -> str:
        return self._engine.dialect.name

    def visible(self, customer: ColumnElement[int]) -> ColumnElement[bool]:
        """The customer whose internal id this column holds may be seen."""
        return visible_to(self.owner, customer)

    @property
    def sql_dialect(self) -> Dialect:
        return self._engine.dialect

    async def rows(self, statement: Query) -> Sequence[Record]:
        async with self._turn:
            self._require_open()
            if self._connection is None:
                self._connection = await self._open()
            connection = self._connection
            found = await self._finished(connection, lambda: connection.execute(statement))
            return found.all()

    async def tuples(self, text: str, values: Values, *, alone: bool) -> Sequence[Sequence[Any]]:
        """Rows of a statement that was compiled before, as the driver gives them.

        One that reads all there is to read (`alone`) is a snapshot by itself and needs no
        transaction.
        """
        async with self._turn:
            self._require_open()
            if self._connection is None and not alone:
                self._connection = await self._open()
            if self._connection is not None:
                return await self._fetched(self._connection, text, values)
            async with self._engine.connect() as connection:
                if self.dialect == "sqlite" or self._watched:
                    return await self._fetched(connection, text, values)
                raw = cast(Any, (await connection.get_raw_connection()).driver_connection)
                # SQLAlchemy's cursors and results would cost as much as a short statement.
                try:
                    found: Sequence[Sequence[Any]] = await raw.fetch(text, *values)
                except PostgresError as error:
                    raise cut_short(error) or error from None
                return found

    async def _fetched(
        self, connection: AsyncConnection, text: str, values: Values
    ) -> Sequence[Sequence[Any]]:
        if self.dialect == "sqlite" and not self._watched:
            raw = cast(Any, (await connection.get_raw_connection()).driver_connection)
            # One visit to the connection's thread; SQLAlchemy's cursor would make four.
            return await self._finished(connection, lambda: raw.execute_fetchall(text, values))
        sending = partial(connection.exec_driver_sql, text, values)
        return (await self._finished(connection, sending)).all()

    @property
    def _watched(self) -> bool:
        """Whether somebody wants to see each statement, as traces do."""
        return bool(self._engine.sync_engine.dispatch.before_cursor_execute)

    async def _finished(self, connection: AsyncConnection, send: Callable[[], Awaitable[T]]) -> T:
        """Run a statement; if its caller is cancelled, stop it before anything else happens.

        Cancelled itself, SQLAlchemy would close the connection, and SQLite would first work on
        to the statement's end in its thread.
        """
        self._require_open()
        running = asyncio.ensure_future(send())
        self._running = connection, running
        try:
            return await asyncio.shield(running)
        except (DBAPIError, sqlite3.Error) as error:
            self._require_open()
            raise cut_short(error) or error from None
        except asyncio.CancelledError:
            await self._interrupt()
            task = asyncio.current_task()
            if task is None or not task.cancelling():  # `close` ended the statement, nobody this
                self._require_open()
            raise
        finally:
            self._running = None

    async def _interrupt(self) -> None:
        """Stop the statement that runs, and return once it has ended."""
        if self._running is None:
            return
        connection, running = self._running
        if self.dialect != "sqlite":
            running.cancel()
        while not running.done():
            if self.dialect == "sqlite":
                raw = await connection.get_raw_connection()
                if raw.driver_connection is not None:
                    await raw.driver_connection.interrupt()
            await asyncio.wait({running}, timeout=INTERRUPT_SECONDS)
        await asyncio.gather(running, return_exceptions=True)

    def _require_open(self) -> None:
        if self._closed:
            raise SnapshotClosed

    async def _open(self) -> AsyncConnection:
        connection = await self._engine.connect()
        try:
            if self.dialect != "sqlite":
                return await connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            # Python's driver begins a transaction only before a write, so reads must ask for one.
            await connection.exec_driver_sql("BEGIN")
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        return connection

    async def renew(self) -> None:
        """Let go of what was read: the next statement opens another snapshot."""
        async with self._turn:
            await self._let_go()

    async def close(self) -> None:
        """End it for good.

        Fields that failed leave others behind that still read, and loaders know of no client that
        left: their statement is stopped, and those that wait for their turn get none.
        """
        self._closed = True
        await self._interrupt()
        async with self._turn:
            await self._let_go()

    async def _let_go(self) -> None:
        if self._connection is not None and not self._borrowed:
            connection, self._connection = self._connection, None
            await connection.close()
