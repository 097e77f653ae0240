"""Spans of a request: its parts, its root fields, its statements; nothing at all when off.

Spans hold names, codes and the text of statements, never variables, bound values or keys, and no
exception's message. The SDK is imported only where traces are wanted.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

Attributes = Mapping[str, str | int | float | bool]
OPERATED = re.compile(r"\s*(\w+)(?:.*?\b(?:FROM|INTO|UPDATE)\s+\"?(\w+))?", re.DOTALL)
LONGEST_STATEMENT = 10_000
SPAN = "echelon_span"
LAST_SECONDS = 2.0
"""For the spans that are left when a process ends, as a collector may be away."""

_active: ContextVar[Tracing | None] = ContextVar("tracing", default=None)


def span(name: str, **attributes: str | int | float | bool) -> AbstractContextManager[Any]:
    """A part of the request at work; does nothing where it isn't traced."""
    tracing = _active.get()
    return nullcontext() if tracing is None else tracing.span(name, attributes)


def traced() -> bool:
    """Whether the request at work is traced."""
    return _active.get() is not None


class Tracing:
    """Traces requests with a provider of OpenTelemetry's."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("echelon")
        self._incoming = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """The whole request, as part of the caller's trace where it names one (W3C)."""
        from opentelemetry.trace import SpanKind

        token = _active.set(self)
        parent = self._incoming.extract(
            {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        )
        attributes = {"http.request.method": method, "url.path": path}
        try:
            with self._tracer.start_as_current_span(
                f"{method} {path}",
                context=parent,
                kind=SpanKind.SERVER,
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as started:
                yield started
        finally:
            _active.reset(token)

    @contextmanager
    def span(self, name: str, attributes: Attributes) -> Iterator[Any]:
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as started:
            try:
                yield started
            except BaseException as error:
                # Its message may quote what somebody sent; its kind can't.
                started.set_attribute("error.type", type(error).__qualname__)
                raise

    def follow_statements(self) -> Callable[[], None]:
        """From here on, each statement is a span; returns how to stop it."""
        listeners: list[tuple[str, Callable[..., Any]]] = [
            ("before_cursor_execute", self._begin),
            ("after_cursor_execute", self._end),
            ("handle_error", self._failed),
        ]
        for name, listener in listeners:
            event.listen(Engine, name, listener)

        def stop() -> None:
            for name, listener in listeners:
                event.remove(Engine, name, listener)

        return stop

    def _begin(
        self, connection: Any, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool
    ) -> None:
        if _active.get() is not self or context is None:
            return
        from opentelemetry.trace import SpanKind

        found = OPERATED.match(statement)
        words = [word for word in (found.groups() if found else ()) if word]
        attributes = {
            "db.system.name": connection.dialect.name,
            "db.query.text": statement[:LONGEST_STATEMENT],
        }
        started = self._tracer.start_span(
            " ".join(words) or "statement", kind=SpanKind.CLIENT, attributes=attributes
        )
        setattr(context, SPAN, started)

    def _end(
        self,
        _connection: Any,
        _cursor: Any,
        _statement: str,
        _values: Any,
        context: Any,
        _many: bool,
    ) -> None:
        started = getattr(context, SPAN, None)
        if started is not None:
            started.end()

    def _failed(self, failure: Any) -> None:
        started = getattr(failure.execution_context, SPAN, None)
        if started is not None:
            started.set_attribute("error.type", type(failure.original_exception).__qualname__)
            started.end()

    def close(self) -> None:
        """Send what is left, unless the collector takes too long.

        A thread that nobody waits for does it: Python's exit would wait for the loop's own.
        """
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(LAST_SECONDS)


@asynccontextmanager
async def following(tracing: Tracing | None) -> AsyncIterator[None]:
    """Statements are traced inside; what is left is sent at the end."""
    if tracing is None:
        yield
        return
    stop = tracing.follow_statements()
    try:
        yield
    finally:
        stop()
        await asyncio.to_thread(tracing.close)


def otlp_tracing(endpoint: str) -> Tracing:
    """Traces sent to a collector, as OTLP over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": "echelon"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)
