"""A client that costs little itself: bytes over connections that are kept."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

from bench.graphql.servers import Server


class Client:
    """One connection."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, body: bytes) -> bytes:
        """The body of the answer.

        Raises:
            SystemExit: it isn't 200.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._server.port, limit=1 << 24
            )
        reader, writer = self._streams
        writer.write(
            f"POST {self._server.path} HTTP/1.1\r\nHost: bench\r\n{self._server.headers}"
            "Content-Type: application/json\r\n"
            "Accept: application/graphql-response+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        answer = await reader.readexactly(length)
        if " 200 " not in head.partition("\r\n")[0]:
            raise SystemExit(f"{self._server.name}: {head}{answer[:500]!r}")
        return answer

    async def data(self, body: bytes) -> Any:
        answer = json.loads(await self.ask(body))
        if answer.get("errors"):
            raise SystemExit(f"{self._server.name}: {str(answer['errors'])[:1000]}")
        return answer["data"]

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def drive(server: Server, bodies: Sequence[bytes], connections: int) -> float:
    """Ask everything once over some connections at a time; the seconds it took."""
    waiting = iter(bodies)

    async def work(client: Client) -> None:
        for body in waiting:
            await client.ask(body)

    clients = [Client(server) for _ in range(connections)]
    started = time.perf_counter()
    await asyncio.gather(*(work(client) for client in clients))
    seconds = time.perf_counter() - started
    for client in clients:
        client.close()
    return seconds
