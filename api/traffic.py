"""What happens to every request: an id, safe headers, one line in the log, one count."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars
from structlog.typing import FilteringBoundLogger

from api.drain import is_draining
from api.metrics import Metrics
from api.request_ids import document_hash, operation_name, request_id
from api.tracing import Tracing

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""What an answer says unless its route says otherwise."""
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
EXPORTS = tuple(f"/exports/risk-scores.{kind}" for kind in ("ndjson", "arrow", "parquet"))
KNOWN_PATHS = ("/", "/graphql", "/health/live", "/health/ready", "/metrics", "/policy", *EXPORTS)


def make_logger() -> FilteringBoundLogger:
    """One JSON line an event on standard error; standard output belongs to commands."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    return logger


class Traffic:
    """Middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        logger: FilteringBoundLogger,
        metrics: Metrics,
        unexpected: Callable[[Request, Exception], Response],
        slow_seconds: float = 1.0,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._logger = logger
        self._metrics = metrics
        self._unexpected = unexpected
        self._slow_seconds = slow_seconds
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id(headers)
        with (
            bound_contextvars(request_id=state["request_id"]),
            self._metrics.running.track_inprogress(),
        ):
            if self._tracing is None:
                await self._answer(scope, receive, send)
                return
            with self._tracing.request(_method(scope), _path(scope), headers) as span:
                span.set_attribute("echelon.request_id", state["request_id"])
                span.set_attribute(
                    "http.response.status_code", await self._answer(scope, receive, send)
                )
                if name := operation_name(state.get("operation")):
                    span.set_attribute("graphql.operation.name", name)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        state = scope["state"]
        started = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                there = {name for name, _ in message["headers"]}
                message["headers"] += [each for each in RAW_HEADERS if each[0] not in there]
                headers["X-Request-Id"] = state["request_id"]
                if state.get("replayed"):
                    headers["Idempotent-Replayed"] = "true"
                headers.update(state.get("headers", {}))
                if is_draining(state):
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception as error:  # a bug, whatever it is: told to nobody but the log
            if status:  # the answer has begun, so the server can only break it off
                raise
            answer = self._unexpected(Request(scope), error)
            await answer(scope, receive, send_marked)
        finally:
            self._note(scope, status, time.perf_counter() - started)
        return status

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path, method = _path(scope), _method(scope)
        self._metrics.requests.labels(path, method, str(status)).inc()
        self._metrics.seconds.labels(path).observe(seconds)
        state = scope["state"]
        if "points" in state:
            self._metrics.points.observe(state["points"])
        if rows := state.get("exported_rows"):
            self._metrics.exported.labels(path.rpartition(".")[2]).inc(rows)
        caller = state.get("caller")
        line: dict[str, Any] = {"request_id": state["request_id"], "method": method, "path": path}
        line["status"] = status
        line["milliseconds"] = round(seconds * 1000, 2)
        line["key"] = None if caller is None else caller.name
        self._logger.info("request", **line)
        if seconds >= self._slow_seconds:
            query = state.get("query")
            self._logger.warning(
                "slow_request",
                **line,
                operation=operation_name(state.get("operation")),
                document=None if query is None else document_hash(query),
            )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path if path in KNOWN_PATHS else "other"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST") else "other"
