"""Two copies of SQLite in one process must take turns on a file: Python's driver and ADBC's.

Locks on a file belong to the whole process. When one copy closes the file, the locks of the other
are gone, and it takes itself for the last user: it removes the write-ahead log that the other is
still writing to, and the next crash leaves a malformed database. SQLite calls this "multiple copies
of SQLite linked into the same application" (sqlite.org/howtocorrupt.html).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Literal

Copy = Literal["python", "adbc"]

_lock = Lock()
_connections: Counter[tuple[str, Copy]] = Counter()


def require_turn(database: str, copy: Copy) -> None:
    """Refuse to open a file that the other copy holds open; ask before opening it.

    Raises:
        RuntimeError: a mistake in this program, never the user's.
    """
    other: Copy = "adbc" if copy == "python" else "python"
    with _lock:
        if _connections[os.path.realpath(database), other]:
            raise RuntimeError(f"{database} is open through {other}; close that connection first.")


def opened(database: str, copy: Copy) -> None:
    with _lock:
        _connections[os.path.realpath(database), copy] += 1


def closed(database: str, copy: Copy) -> None:
    with _lock:
        _connections[os.path.realpath(database), copy] -= 1


@contextmanager
def turn(database: str, copy: Copy) -> Iterator[None]:
    """Hold the file for one copy of SQLite."""
    require_turn(database, copy)
    opened(database, copy)
    try:
        yield
    finally:
        closed(database, copy)
