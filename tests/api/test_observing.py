"""What can be seen of requests from outside: ids, log lines, metrics, traces; never people."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from api.metrics import Metrics
from api.request_ids import request_id
from api.settings import Settings
from api.tracing import LAST_SECONDS, Tracing, otlp_tracing
from tests.api.conftest import Api, Seeded, running
from tests.api.mutation_samples import ACTION
from tests.api.seed_facts import external_id

GIVEN = "0b0e7bd2-6f4c-4c8e-9d4e-2f1f6d1f7c11"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
NAMES = 'query Look { customers(first: 2, filter: {name: "Smith"}) { edges { node { name } } } }'
SECRETS = ("Smith", "Anna", "c3@example.org", "c4@example.org", "+4420718", "4420718", "ech_live_")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-request-id": GIVEN}, GIVEN),
        ({"traceparent": f"00-{TRACE}-{PARENT}-01"}, TRACE),
        ({"x-request-id": GIVEN, "traceparent": f"00-{TRACE}-{PARENT}-01"}, GIVEN),
        ({"x-request-id": "short"}, None),
        ({"x-request-id": "anna@example.org-0001"}, None),
        ({"x-request-id": "ech_live_0123456789abcdef"}, None),
        ({"x-request-id": "a" * 65}, None),
        ({"x-request-id": 'x"; DROP TABLE orders'}, None),
        ({"traceparent": f"ff-{TRACE}-{PARENT}-01"}, None),
        ({"traceparent": f"00-{'0' * 32}-{PARENT}-01"}, None),
    ],
)
def test_a_well_formed_id_is_taken_up(headers: dict[str, str], expected: str | None) -> None:
    found = request_id(headers)
    assert found == expected if expected else len(found) == 32


async def test_every_line_of_a_request_has_its_id(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("Smith")

    monkeypatch.setattr("api.graphql.customer_search.customer_page", broken)
    answer = await api.send(NAMES, headers={"X-Request-Id": GIVEN})
    assert answer.headers["x-request-id"] == GIVEN
    events = [line["event"] for line in api.log.lines]
    assert events == ["unexpected_error", "request"]
    assert {line["request_id"] for line in api.log.lines} == {GIVEN}


async def test_requests_at_the_same_time_keep_their_ids_apart(api: Api) -> None:
    ids = [f"{number:032d}" for number in range(6)]
    await asyncio.gather(*(api.send("{ x }", headers={"X-Request-Id": each}) for each in ids))
    assert sorted(line["request_id"] for line in api.log.lines) == ids


async def test_a_slow_request_says_its_operation_and_document_only(seeded: Seeded) -> None:
    settings = Settings(
        database_url=seeded.url,
        data_dir=Path("unused"),
        secret_key="a secret for tests, of no use to anyone",
        slow_request_seconds=0,
    )
    from tests.api.conftest import Log, clock

    log = Log()
    app = create_app(settings, clock=clock, logger=log.logger)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://echelon") as client,
    ):
        body = {"query": NAMES, "operationName": "Look"}
        headers = {"Authorization": f"Bearer {seeded.keys['support']}"}
        await client.post("/graphql", json=body, headers=headers)
    (slow,) = [line for line in log.lines if line["event"] == "slow_request"]
    assert (slow["operation"], len(slow["document"]), slow["level"]) == ("Look", 16, "warning")
    assert "Smith" not in json.dumps(log.lines)


async def test_metrics_count_by_code_and_cost_and_tell_how_old_scores_are(api: Api) -> None:
    await api.send(NAMES, "support")
    await api.send("{ nothing }")
    await api.client.post("/graphql", json=[], headers={"Authorization": "Bearer x"})
    headers = {"Authorization": f"Bearer {api.keys['monitor']}"}
    text = (await api.client.get("/metrics", headers=headers)).text
    for line in (
        'echelon_graphql_errors_total{code="VALIDATION_FAILED"} 1.0',
        'echelon_refused_total{code="UNAUTHENTICATED"} 1.0',
        "echelon_predicted_points_count 1.0",
        "echelon_requests_running 1.0",
        "echelon_database_connections_limit ",
        "echelon_scores_age_seconds 21600.0",
        "echelon_publish_age_seconds 8640.0",
    ):
        assert line in text, (line, text)
    assert not any(secret in text for secret in SECRETS)


COUNT = """
import sys
from api.metrics import Metrics
metrics = Metrics()
metrics.requests.labels("/graphql", "POST", "200").inc(float(sys.argv[1]))
metrics.running.inc()
metrics.seconds.labels("/graphql").observe(0.2)
if len(sys.argv) > 2:
    print(metrics.exposition({"echelon_told": ("Told.", 7.0)}).decode())
"""


def test_workers_count_together(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    folder.mkdir()
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}

    def worker(*arguments: str) -> str:
        done = subprocess.run(  # noqa: S603 - our own words only
            [sys.executable, "-c", COUNT, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    worker("2")
    text = worker("3", "tell")
    assert 'echelon_requests_total{method="POST",path="/graphql",status="200"} 5.0' in text
    assert 'echelon_request_seconds_count{path="/graphql"} 2.0' in text
    assert "echelon_told 7.0" in text


def test_one_process_counts_by_itself() -> None:
    metrics = Metrics()
    metrics.count_refusal("OVERLOADED")
    assert b'echelon_refused_total{code="OVERLOADED"} 1.0' in metrics.exposition({})


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
async def traced(seeded: Seeded, spans: InMemorySpanExporter) -> AsyncIterator[Api]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with running(seeded.url, seeded.keys, tracing=Tracing(provider)) as api:
        yield api


async def test_a_request_is_a_trace_down_to_its_statements(
    traced: Api, spans: InMemorySpanExporter
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    answer = await traced.send(NAMES, "support", headers=headers)
    assert answer.headers["x-request-id"] == TRACE
    found = {span.name: span for span in spans.get_finished_spans()}
    root = found["POST /graphql"]
    assert format(root.context.trace_id, "032x") == TRACE
    assert root.parent is not None
    assert format(root.parent.span_id, "016x") == PARENT
    assert root.attributes is not None
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["echelon.request_id"] == TRACE
    parts = ("graphql.parse", "graphql.validate", "graphql.execute", "Query.customers")
    for name in parts:
        assert found[name].context.trace_id == root.context.trace_id, name
    field = found["Query.customers"]
    assert field.parent is not None
    assert field.parent.span_id == found["graphql.execute"].context.span_id
    statements = [span for span in spans.get_finished_spans() if span.name == "SELECT customers"]
    assert [span.parent.span_id for span in statements if span.parent] == [field.context.span_id]
    assert statements[0].attributes is not None
    assert "customers.external_id" in str(statements[0].attributes["db.query.text"])


async def everything(api: Api) -> list[httpx.Response]:
    """Requests that are answered, refused and broken, with personal data in each."""
    variables: dict[str, Any] = {"i": ACTION | {"note": "Anna Smith, c4@example.org"}}
    record = """mutation ($i: RecordStrategyActionInput!) {
        recordStrategyAction(input: $i) { action { note } userErrors { code } } }"""
    mail = 'query { customers(first: 1, filter: {email: "c3@example.org"}) { totalCount } }'
    one = f'{{ customer(externalId: "{external_id(3)}") {{ name email phone }} }}'
    answers = [
        await api.send(NAMES, "support"),
        await api.send(NAMES, "frontend"),
        await api.send(mail, "support"),
        await api.send(one, "support"),
        await api.send(record, variables=variables),
        await api.send(record, variables={"i": {**variables["i"], "strategy": "Anna Smith"}}),
        await api.send('{ customers(first: 1, filter: {email: "Anna Smith"}) { totalCount } }'),
        await api.send('{ customer(externalId: "Anna Smith'),
        await api.send("{ Smith }"),
        await api.send("query ($Smith: Int!) { __typename }", variables={"Smith": "Anna"}),
    ]
    key = api.keys["support"]
    wrong = {"Authorization": f"Bearer {key[:-1]}x", "X-Request-Id": key}
    answers.append(await api.client.post("/graphql?name=Smith", json={}, headers=wrong))
    answers.append(await api.client.get("/Smith/c3@example.org"))
    body = {"query": NAMES, "operationName": "Anna Smith c3@example.org"}
    given = {"Authorization": f"Bearer {key}"}
    answers.append(await api.client.post("/graphql", json=body, headers=given))
    return answers


async def test_no_person_and_no_key_is_in_logs_traces_and_metrics(
    own_api: Api,
    database_url: str,
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    async with running(database_url, own_api.keys, tracing=Tracing(provider)) as api:
        await everything(api)

        def broken(*_: object) -> None:
            raise RuntimeError("Anna Smith, c3@example.org, ech_live_0")

        monkeypatch.setattr("api.graphql.customer_search.customer_page", broken)
        monkeypatch.setattr("api.graphql.loaders.Loaders.__init__", broken)
        await everything(api)
        headers = {"Authorization": f"Bearer {api.keys['monitor']}"}
        metrics = (await api.client.get("/metrics", headers=headers)).text
    printed = capfd.readouterr()
    seen = {
        "spans": "".join(span.to_json() for span in spans.get_finished_spans()),
        "log": json.dumps(api.log.lines),
        "metrics": metrics,
        "printed": printed.out + printed.err,
    }
    assert len(spans.get_finished_spans()) > 50
    assert "unexpected_error" in seen["log"]
    for place, text in seen.items():
        assert [secret for secret in SECRETS if secret in text] == [], place


def test_without_traces_the_sdk_is_not_imported() -> None:
    listing = (
        "import sys, api.app; print(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    child = subprocess.run(  # noqa: S603 - our own words only
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == "False"


def test_a_collector_that_is_away_delays_no_end() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        tracing = otlp_tracing(f"http://127.0.0.1:{silent.getsockname()[1]}")
        with tracing.request("GET", "/", {}):
            pass
        began = time.monotonic()
        tracing.close()
        assert time.monotonic() - began < LAST_SECONDS + 1
