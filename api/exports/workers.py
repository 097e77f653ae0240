"""Processes that export: they take a core and open the database anew, beside the web process.

What reads a million rows as Arrow holds Python's lock and another copy of SQLite, which no process
that serves may do (see ADR 34). A process that has ended its work well waits for the next export,
because starting one takes longer than many exports; one that was broken off is killed, which ends
its statement.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from api.errors import EchelonError

WORKER = "api.exports.worker"
"""Not imported here, but run: the web process stays without what it needs."""
HEAD = struct.Struct(">cI")
BUFFER = 4_000_000


class ExportFailed(RuntimeError):
    """The process broke down; the message is of our own words, and may be logged."""


class ExportsBusy(EchelonError):
    """All places for exports are taken."""

    code = "EXPORTS_BUSY"


class ExportRefused(EchelonError):
    """The process found that this export can't be made; `code` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Worker:
    process: asyncio.subprocess.Process

    async def begin(self, request: dict[str, Any]) -> dict[str, Any]:
        """What is known before the first row.

        Raises:
            ExportRefused: this export can't be made.
            ExportFailed: the process broke down.
        """
        if self.process.stdin is None:
            raise ExportFailed("no input")
        # The database's URL may hold a password, so it goes by the input, not by an argument.
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        kind, content = await self._frame()
        if kind == b"H":
            found: dict[str, Any] = json.loads(content)
            return found
        if kind == b"X":
            problem = json.loads(content)
            raise ExportRefused(problem["code"], problem["message"])
        raise ExportFailed("unexpected frame")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The export's bytes as they come.

        Raises:
            ExportFailed: there will be no more, though it has not ended.
        """
        while True:
            kind, content = await self._frame()
            if kind == b"E":
                return
            if kind != b"D":
                raise ExportFailed("the export broke off")
            yield content

    async def _frame(self) -> tuple[bytes, bytes]:
        if self.process.stdout is None:
            raise ExportFailed("no output")
        try:
            kind, size = HEAD.unpack(await self.process.stdout.readexactly(HEAD.size))
            content = await self.process.stdout.readexactly(size)
        except asyncio.IncompleteReadError:
            raise ExportFailed("the process ended") from None
        if kind == b"F":
            raise ExportFailed(f"the process failed: {content.decode()}")
        return kind, content

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@dataclass
class Workers:
    """At most `most` exports at a time; whoever comes then is told to come back.

    Nobody has all places: who reads slowly would keep everybody else out for as long.
    """

    most: int
    _busy: int = 0
    _held: Counter[str] = field(default_factory=Counter)
    """Places by who holds them."""
    _idle: list[Worker] = field(default_factory=list)

    @asynccontextmanager
    async def hire(self, holder: str) -> AsyncIterator[Worker]:
        """A process for one export; unless that ends well, the process ends with it.

        Raises:
            ExportsBusy: all places are taken, or all that one holder may have.
        """
        if self._busy >= self.most:
            raise ExportsBusy(f"{self.most} exports are under way already; come back soon.")
        if self._held[holder] >= max(self.most - 1, 1):
            raise ExportsBusy("An export of yours is under way already; come back soon.")
        self._busy += 1
        self._held[holder] += 1
        worker: Worker | None = None
        try:
            worker = self._waiting() or await _start()
            yield worker
            self._idle.append(worker)
            worker = None
        except ExportRefused:
            if worker is not None:
                self._idle.append(worker)
                worker = None
            raise
        finally:
            self._busy -= 1
            self._held -= Counter([holder])  # which forgets who holds none
            if worker is not None:
                await asyncio.shield(worker.end())

    def _waiting(self) -> Worker | None:
        while self._idle:
            worker = self._idle.pop()
            if worker.process.returncode is None:
                return worker
        return None

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().end()


async def _start() -> Worker:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        WORKER,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=BUFFER,
    )
    return Worker(process)
