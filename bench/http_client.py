"""The least of HTTP that a load generator needs: it must not cost more than the server it asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    keeps: bool
    """Whether the connection may be used again."""


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**22))

    async def exchange(self, request: bytes) -> Reply:
        """One request and its whole answer, which must say how long it is."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        return Reply(int(head[9:12]), body, b"connection: close" not in head)

    def close(self) -> None:
        self._writer.close()
