"""How answers travel: compressed where that pays, marked with their language and what they vary by.

Compression beside secrets (BREACH): a page of another site can't make a browser send a key, which
is never a cookie, and each compressed answer has a random length on top, as Django's have, so that
sizes of answers with equal content differ.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.graphql.language import preferred_language
from api.graphql.transport import GRAPHQL_TYPE, JSON_TYPE

SMALLEST = 1_000
"""Below that the headers of compression eat what it saves."""
LEVEL = 4
ASIDE = 64_000
"""Larger bodies are compressed in a thread, beside the other requests."""
MOST_PADDING = 100
COMPRESSED = (JSON_TYPE, GRAPHQL_TYPE, "text/html")
ANSWERS = (JSON_TYPE, GRAPHQL_TYPE)
ANSWERS_VARY = "Accept, Accept-Encoding, Accept-Language"
MOST_CODINGS = 20


class Delivery:
    """Middleware around the routes; what is streamed passes as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        start: Message | None = None

        async def deliver(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                if message["type"] == "http.response.body":
                    mark(start, asked, scope["path"])
                    await compress(start, message, asked)
                await send(start)
                start = None
            await send(message)

        await self._app(scope, receive, deliver)


def mark(start: Message, asked: Headers, path: str) -> None:
    """Say which language an answer of GraphQL is in, and what else it depends on."""
    headers = MutableHeaders(scope=start)
    if path == "/graphql" and _kind(headers) in ANSWERS:
        headers["Content-Language"] = preferred_language(asked.get("accept-language")).value
        headers.add_vary_header(ANSWERS_VARY)


async def compress(start: Message, message: Message, asked: Headers) -> None:
    """Compress a body that is there as a whole, if its reader takes that and it is large enough."""
    headers = MutableHeaders(scope=start)
    body: bytes = message.get("body", b"")
    if _kind(headers) not in COMPRESSED or "content-encoding" in headers:
        return
    if "accept-encoding" not in headers.get("vary", "").lower():
        headers.add_vary_header("Accept-Encoding")
    whole = not message.get("more_body", False)
    if not whole or len(body) < SMALLEST or not takes_gzip(asked.get("accept-encoding", "")):
        return
    small = padded_gzip(body) if len(body) < ASIDE else await asyncio.to_thread(padded_gzip, body)
    message["body"] = small
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(small))
    if "etag" in headers:
        headers["ETag"] = f"W/{headers['etag'].removeprefix('W/')}"


def padded_gzip(body: bytes) -> bytes:
    """The body as gzip, with a file name of random length in its header."""
    name = "x" * (1 + secrets.randbelow(MOST_PADDING))
    buffer = io.BytesIO()
    with gzip.GzipFile(name, "wb", LEVEL, buffer, mtime=0) as file:
        file.write(body)
    return buffer.getvalue()


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header takes gzip: by its name, else by `*`."""
    taken: dict[str, bool] = {}
    for part in accepted.lower().split(",", MOST_CODINGS)[:MOST_CODINGS]:
        coding, _, parameter = (piece.strip() for piece in part.partition(";"))
        name, _, weight = (piece.strip() for piece in parameter.partition("="))
        refused = name == "q" and re.fullmatch(r"0(?:\.0{0,3})?", weight) is not None
        taken.setdefault(coding, not refused)
    return taken.get("gzip", taken.get("*", False))


def _kind(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()
