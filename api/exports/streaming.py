"""An export as an HTTP answer: as fast as its reader takes it, while somebody reads."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from api.exports.workers import ExportFailed, Worker, Workers

SLOWEST_SECONDS = 30.0
"""A reader who takes not even one chunk in this time gives its place up."""
LONGEST_SECONDS = 900.0
BEGIN_SECONDS = 120.0
"""For counting the rows, and for making parts of the feed anew, before the first byte."""


class ExportBroken(RuntimeError):
    """Raised after the answer has begun, so that the connection breaks off and nobody takes what
    came for the whole."""


class ExportResponse(Response):
    """Its worker is hired before it begins, so that what can fail does so with a proper answer."""

    def __init__(
        self, workers: Workers, logger: FilteringBoundLogger, media_type: str, coding: str
    ) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self.headers["Vary"] = "Accept-Encoding"
        if coding:
            self.headers["Content-Encoding"] = coding
        self._workers = workers
        self._logger = logger
        self._stack = AsyncExitStack()
        self._worker: Worker | None = None
        self.rows: int | None = None
        """How many come, once that is known: counted when all of them are out."""

    async def begin(self, request: dict[str, Any], holder: str) -> dict[str, Any]:
        """What is known before the first row; on failure the worker is gone.

        Raises:
            ExportsBusy, ExportRefused, ExportFailed: as the worker says, or it says nothing.
        """
        async with AsyncExitStack() as stack:
            self._worker = await stack.enter_async_context(self._workers.hire(holder))
            try:
                async with asyncio.timeout(BEGIN_SECONDS):
                    found = await self._worker.begin(request)
            except TimeoutError:
                raise ExportFailed("nothing came") from None
            self.rows = found.get("rows")
            self._stack = stack.pop_all()
        return found

    async def end(self) -> None:
        """Send the worker back: there is no body."""
        await self._stack.aclose()

    async def abandon(self) -> None:
        """Break the export off before its answer begins."""
        await self._leave(ExportFailed("abandoned"))

    async def _leave(self, error: BaseException) -> None:
        try:
            await self._stack.__aexit__(type(error), error, error.__traceback__)
        except BaseException as raised:
            if raised is not error:
                raise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pumping = asyncio.ensure_future(self._pump(send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await asyncio.wait({pumping, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            self._logger.warning("export_too_slow", request_id=scope["state"]["request_id"])
        finally:
            left = leaving.done() and not pumping.done()
            leaving.cancel()
            pumping.cancel()
            await asyncio.wait({pumping, leaving})
        await self._settle(pumping, left, scope["state"])

    async def _settle(
        self, pumping: asyncio.Future[None], left: bool, state: dict[str, Any]
    ) -> None:
        error = None if pumping.cancelled() else pumping.exception()
        if error is None and not pumping.cancelled():
            await self.end()
            state["exported_rows"] = self.rows
            return
        await self._leave(error or ExportFailed("broken off"))
        if left:  # nobody is there to be told
            return
        if error is not None:
            kind = type(error).__name__
            reason = {"reason": str(error)} if isinstance(error, ExportFailed) else {}
            self._logger.error(
                "export_broken", request_id=state["request_id"], error=kind, **reason
            )
        raise ExportBroken from None

    async def _pump(self, send: Send) -> None:
        if self._worker is None:
            raise ExportFailed("not begun")
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(head)
        async for chunk in self._worker.chunks():
            async with asyncio.timeout(SLOWEST_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
