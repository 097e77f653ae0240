"""One refresh at a time: a lock that ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, select

from api.errors import Conflict


@contextmanager
def exclusive(engine: Engine, task: str) -> Iterator[None]:
    """Hold the named task of this database.

    Raises:
        Conflict: another process holds it.
    """
    busy = Conflict(f"Another {task} is running on this database. Wait until it has ended.")
    if engine.dialect.name == "sqlite":
        path = Path(f"{engine.url.database}.{task}.lock")
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise busy from None
            yield
        return
    key = zlib.crc32(f"echelon/{task}".encode())
    with engine.connect() as connection:
        if not connection.scalar(select(func.pg_try_advisory_lock(key))):
            raise busy
        yield
        connection.execute(select(func.pg_advisory_unlock(key)))
