"""What happens to every request: an id, safe headers, one line in the log, one count."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from api.drain import is_draining

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
KNOWN_PATHS = ("/", "/graphql", "/health/live", "/health/ready", "/metrics", "/policy")


def make_logger() -> FilteringBoundLogger:
    """One JSON line an event on standard error; standard output belongs to commands."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    return logger


class Metrics:
    """Counters of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "echelon_requests",
            "Requests answered.",
            ("path", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "echelon_request_seconds",
            "Time to the end of the answer.",
            ("path",),
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
        )
        self.errors = Counter(
            "echelon_graphql_errors", "GraphQL errors by code.", ("code",), registry=self.registry
        )

    def count_error(self, code: str) -> None:
        self.errors.labels(code).inc()


class Traffic:
    """Middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        logger: FilteringBoundLogger,
        metrics: Metrics,
        unexpected: Callable[[Request, Exception], Response],
    ) -> None:
        self._app = app
        self._logger = logger
        self._metrics = metrics
        self._unexpected = unexpected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        state["request_id"] = uuid4().hex
        started = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = state["request_id"]
                headers.update(state.get("headers", {}))
                if is_draining(state):
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception as error:
            if status:  # the answer has begun, so the server can only break it off
                raise
            answer = self._unexpected(Request(scope), error)
            await answer(scope, receive, send_marked)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"]
        label = path if path in KNOWN_PATHS else "other"
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
        self._metrics.requests.labels(label, method, str(status)).inc()
        self._metrics.seconds.labels(label).observe(seconds)
        state = scope["state"]
        caller = state.get("caller")
        self._logger.info(
            "request",
            request_id=state["request_id"],
            method=method,
            path=label,
            status=status,
            milliseconds=round(seconds * 1000, 2),
            key=None if caller is None else caller.name,
        )
