"""What happens on a connection before, or instead of, a request to the application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from api import wire

HEAD = b"GET / HTTP/1.1\r\nHost: echelon\r\n"


async def here(scope: Scope, receive: Receive, send: Send) -> None:
    await Request(scope, receive).body()
    await PlainTextResponse("here")(scope, receive, send)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that answers every request with `here`."""
    config = uvicorn.Config(here, http=wire.Protocol, server_header=False)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: wire.Protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    await asyncio.sleep(0.05)  # connections close a moment after their clients


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Sends the pieces one after another; everything that comes until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\r\n\r\n",
        b"NONSENSE / HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_so_with_safe_headers(port: int, sent: bytes) -> None:
    answer = await exchange(port, sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-content-type-options: nosniff" in head
    assert b"cache-control: no-store" in head
    assert b"server:" not in head
    assert body == b"Invalid HTTP request received."


async def test_a_request_in_pieces_is_answered(port: int) -> None:
    answer = await exchange(port, HEAD[:9], HEAD[9:], b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"here")


async def test_a_head_that_does_not_arrive_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 0.2)
    assert await exchange(port) == b""
    assert await exchange(port, HEAD) == b""
    answer = await exchange(port, HEAD + b"\r\n", HEAD)
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_head_has_a_largest_size(port: int) -> None:
    most = HEAD + b"X: " + b"x" * (wire.LARGEST_HEAD - 100)
    assert b"too large" in await exchange(port, most, b"x" * 100)
    body = b"Connection: close\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000
    assert (await exchange(port, HEAD + body)).endswith(b"here")
