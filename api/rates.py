"""How much each caller may still ask for: one table of token buckets for all workers of a server.

A bucket is one moment: the one at which it will be full again (the generic cell rate algorithm).
Taking from it moves that moment on; time fills it by itself, so that nothing has to run for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RECORD = struct.Struct("<Qd")
"""A caller's hash, and the moment at which its bucket is full."""
PLACES = 65_536
PROBES = 8
"""Places that one caller may be in; where all are taken, the fullest bucket makes room."""


@dataclass(frozen=True)
class Allowance:
    """How much a bucket holds and how fast it fills, in points."""

    per_second: float
    burst: float

    @property
    def seconds(self) -> float:
        """How long an empty bucket takes to fill."""
        return self.burst / self.per_second


@dataclass(frozen=True)
class Level:
    """What came of asking a bucket: `wait` is 0 where it was enough."""

    remaining: int
    full_in: float
    wait: float = 0.0


class Buckets:
    """Without a path the table is this process's own; with one, all that open it share it."""

    def __init__(self, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._now = now
        size = PLACES * RECORD.size
        self._descriptor: int | None = None
        if path is None:
            self._table = mmap.mmap(-1, size)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._descriptor, size)
        self._table = mmap.mmap(self._descriptor, size)

    def take(self, caller: str, points: float, allowance: Allowance) -> Level:
        """Take so many points, all or none; negative ones are given back."""
        mark = _mark(caller)
        with self._alone():
            now = self._now()
            place, full_at = self._find(mark, now)
            # After a change of the clock or of the allowance, nobody waits longer than a whole
            # bucket takes.
            full_at = min(max(full_at, now), now + allowance.seconds)
            after = max(full_at + points / allowance.per_second, now)
            wait = after - now - allowance.seconds
            # Sums of fractions may miss by a little what they should be.
            if wait <= 1e-9:
                full_at, wait = after, 0.0
                RECORD.pack_into(self._table, place, mark, full_at)
        full_in = full_at - now
        remaining = max(allowance.burst - full_in * allowance.per_second, 0.0)
        return Level(int(remaining + 1e-6), full_in, wait)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Held for microseconds; the lock of a process that dies is free at once."""
        if self._descriptor is None:
            yield
            return
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _find(self, mark: int, now: float) -> tuple[int, float]:
        """Where a caller's record is or may be, and when its bucket is full."""
        best, best_full = 0, float("inf")
        for probe in range(PROBES):
            place = (mark + probe) % PLACES * RECORD.size
            found, full_at = RECORD.unpack_from(self._table, place)
            if found == mark:
                return place, full_at
            if full_at < best_full:
                best, best_full = place, full_at
        return best, now

    def close(self) -> None:
        self._table.close()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _mark(caller: str) -> int:
    return int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest()) or 1
