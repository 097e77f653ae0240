"""Changes that people make: one transaction each, one after the other.

So what a change checks (a version, a date, a name that is free) still holds when it is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.failures import cut_short

Result = TypeVar("Result")
LOCK = zlib.crc32(b"echelon/documents")


def take_turn(connection: Connection) -> None:
    """Begin a transaction that no other change runs beside.

    Raises:
        Busy: something else has been writing for longer than this connection waits.
    """
    with short_of_patience():
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        else:
            # Python's driver begins a transaction only before a write, which would be too late.
            connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def short_of_patience() -> Iterator[None]:
    """Names what the database gives up because it waited or worked too long."""
    try:
        yield
    except DBAPIError as error:
        raise cut_short(error) or error from None


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A change made by a command: what happens inside becomes visible at once, or not at all."""
    with engine.begin() as connection:
        take_turn(connection)
        yield connection


async def write(engine: AsyncEngine, work: Callable[[Connection], Result]) -> Result:
    """The same for the web process, whose connections are asynchronous."""

    def change(connection: Connection) -> Result:
        take_turn(connection)
        with short_of_patience():
            return work(connection)

    async with engine.begin() as connection:
        return await connection.run_sync(change)
