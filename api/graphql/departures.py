"""Clients that leave before their answer is there: what was begun for them is broken off."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

Result = TypeVar("Result")
CLIENT_LEFT = 499
"""A status for the log: nobody reads this answer."""
UNWATCHED_SECONDS = 0.05
"""Most answers are there sooner, and are not worth watching for."""


class ClientLeft(Exception):
    """Nobody waits for this answer any more."""


async def while_connected(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` returns, unless the client leaves, which cancels it.

    The body has to be read before: what the client sends next is nothing but its leaving.

    Raises:
        ClientLeft: it did.
    """
    working = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({working}, timeout=UNWATCHED_SECONDS)
        if not done:
            leaving = asyncio.ensure_future(_left(request))
            try:
                await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                leaving.cancel()
    finally:
        if not working.done():
            working.cancel()
            await asyncio.wait({working})
    if working.cancelled():
        raise ClientLeft
    return working.result()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
