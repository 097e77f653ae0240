"""Changes that people make: one transaction each, one after the other.

So what a change checks (a version, a date, a name that is free) still holds when it is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.errors import Conflict

Result = TypeVar("Result")
LOCK = zlib.crc32(b"echelon/documents")


def take_turn(connection: Connection) -> None:
    """Begin a transaction that no other change runs beside.

    Raises:
        Conflict: on SQLite, a refresh or an import has been writing for ten seconds.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        return
    try:
        # Python's driver begins a transaction only before a write, which would be too late.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except OperationalError as error:
        if "locked" not in str(error.orig):
            raise
        raise Conflict("The database is being written, by a refresh perhaps. Try again.") from None


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
        return work(connection)

    async with engine.begin() as connection:
        return await connection.run_sync(change)
