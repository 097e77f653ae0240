"""What is counted, for Prometheus; of several workers, whichever is asked adds up what all did."""

from __future__ import annotations

import os
from collections.abc import Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from api.metric_files import SHARED

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
POINTS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class Metrics:
    """The counters of one process; labels come from short lists of our own, never from requests."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "echelon_requests", "Requests answered.", "path", "method", "status"
        )
        self.seconds = Histogram(
            "echelon_request_seconds",
            "Time to the end of the answer.",
            ("path",),
            registry=self.registry,
            buckets=SECONDS,
        )
        self.errors = self._counter("echelon_graphql_errors", "GraphQL errors by code.", "code")
        self.refused = self._counter(
            "echelon_refused", "Requests that got no further than the transport, by code.", "code"
        )
        self.points = Histogram(
            "echelon_predicted_points",
            "What documents were predicted to cost.",
            registry=self.registry,
            buckets=POINTS,
        )
        self.exported = self._counter("echelon_exported_rows", "Rows sent by exports.", "format")
        self.running = self._gauge("echelon_requests_running", "Requests being worked on.")
        self.connections = self._gauge(
            "echelon_database_connections", "Connections to the database in use."
        )
        self.pool = self._gauge(
            "echelon_database_connections_limit", "Connections to the database at most."
        )

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _gauge(self, name: str, help_text: str) -> Gauge:
        return Gauge(name, help_text, registry=self.registry, multiprocess_mode="livesum")

    def count_error(self, code: str) -> None:
        self.errors.labels(code).inc()

    def count_refusal(self, code: str) -> None:
        self.refused.labels(code).inc()

    def exposition(self, told: Mapping[str, tuple[str, float]]) -> bytes:
        """All numbers of all workers, and those that are `told` at this moment: name to help text
        and value."""
        registry = self.registry
        if SHARED in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        now = CollectorRegistry()
        for name, (help_text, value) in told.items():
            _Told(now, name, help_text, value)
        return generate_latest(registry) + generate_latest(now)


class _Told:
    """A number that is looked up when somebody asks, so no process has to keep it."""

    def __init__(self, registry: CollectorRegistry, name: str, help_text: str, value: float):
        from prometheus_client.metrics_core import GaugeMetricFamily

        self._family = GaugeMetricFamily(name, help_text, value=value)
        registry.register(self)  # type: ignore[arg-type]

    def collect(self) -> list[object]:
        return [self._family]
