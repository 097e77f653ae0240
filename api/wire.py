"""HTTP on the wire: what uvicorn leaves open before a request has reached the application."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
LARGEST_HEAD = 64_000


class Protocol(HttpToolsProtocol):
    """A request's head has to arrive soon and be small; what is no HTTP is told so safely."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_arrived()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head_bytes += len(data)
        # Counted while the head is on its way only: bodies have a limit of their own.
        if self._head_timer is not None and self._head_bytes > LARGEST_HEAD:
            self.send_400_response("The head of the request is too large.")

    def send_400_response(self, msg: str) -> None:
        self._head_arrived()
        content = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(msg)}\r\n"
            "x-content-type-options: nosniff\r\n"
            "cache-control: no-store\r\n"
            "connection: close\r\n"
            f"\r\n{msg}"
        )
        self.transport.write(content.encode("ascii"))
        self.transport.close()

    def _await_head(self) -> None:
        self._head_arrived()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _head_arrived(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        self.transport.close()
