"""Time and memory of the whole path on the sample: import, train, refresh, serve.

    python -m bench.sample [--out FILE.json] [--requests N]

Works in a folder of its own that is removed afterwards, on SQLite, with the demo's horizons.
Each step runs in a process of its own, so that its memory peak is its own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from api import demo
from api.db.engine import make_engine
from api.db.installation import pin_today
from api.db.keys import create_key
from api.db.schema import upgrade
from api.settings import Settings, load_settings

Measurement = dict[str, Any]

NESTED_CUSTOMER = """query ($id: ID!) { customer(id: $id) { externalId attributes { name value }
  tier { tier since reasons { code text } } prediction { churnProbability clv clvLow clvHigh
  modelVersion asOf reasons { code text } } segments { key name }
  recommendedStrategies(first: 5) { strategy { key name } priority reasons { code text } }
  tierHistory(first: 10) { edges { node { tier since } } }
  orders(first: 10) { edges { node { externalId orderedAt total } } } } }"""
FILTERED_PAGE = """{ customers(first: 50, filter: {churnProbability: {gte: 0.2}},
  orderBy: [{field: CLV, direction: DESC}]) { edges { node { id externalId
  tier { tier since reasons { code text } }
  prediction { churnProbability clv clvLow clvHigh modelVersion asOf reasons { code text } }
  segments { key } recommendedStrategies(first: 3) { strategy { key } priority
  reasons { code text } } } } pageInfo { hasNextPage endCursor } } }"""
RISK_PAGE = """{ riskScores(first: 1000) { edges { node { customerId externalId churnProbability
  churnPercentile riskBand clv horizonDays asOf scoredAt validUntil modelVersion revision deleted
  } } pageInfo { hasNextPage endCursor } } }"""


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def settings() -> Settings:
    return demo.demo_settings(load_settings())


def import_sample() -> Measurement:
    from api.intake import import_facts
    from api.intake.sample import sample_tables

    here = settings()
    url = here.resolved_database_url
    engine = make_engine(url)
    rows = 0
    for kind, tables in sample_tables():
        report = import_facts(
            engine,
            url,
            here,
            kind=kind,
            source=tables,
            mapping={},
            quarantine=None,
            origin=demo.ORIGIN,
            clock=now,
            progress=lambda *_: None,
        )
        rows += report.rows_read
    return {"rows": rows}


def export_facts() -> Measurement:
    from api.db.facts import sync_facts

    here = settings()
    url = here.resolved_database_url
    synced = sync_facts(make_engine(url), url, here.fact_store)
    return {"rows": sum(synced.appended.values())}


def compute_features() -> Measurement:
    from ml.contracts import cutoff_of
    from ml.dataset import feature_table
    from ml.facts import FactStore

    here = settings()
    cutoff = cutoff_of(demo.AS_OF, here.time_zone)
    table = feature_table(FactStore(here.fact_store), cutoff, threads=here.max_threads)
    return {"rows": table.num_rows, "columns": table.num_columns}


def train(name: str) -> Measurement:
    from api.champions import train_model

    here = settings()
    report = train_model(
        make_engine(here.resolved_database_url),
        here,
        name,
        as_of=demo.AS_OF,
        horizon_days=None,
        seed=0,
        clock=now,
        progress=lambda _step, _share: None,
    )
    return {"metrics": report.metrics}


def run_refresh() -> Measurement:
    from api.champions import load_champions
    from api.documents import install_shipped_documents
    from api.refresh import refresh

    here = settings()
    url = here.resolved_database_url
    engine = make_engine(url)
    install_shipped_documents(engine, now())
    marks: list[tuple[str, float]] = [("Loading the champions", time.perf_counter())]
    report = refresh(
        engine,
        url,
        here.fact_store,
        load_champions(engine, here),
        as_of=demo.AS_OF,
        clock=now,
        progress=lambda step: marks.append((step, time.perf_counter())),
    )
    marks.append(("", time.perf_counter()))
    parts = {step: end - start for (step, start), (_, end) in pairwise(marks)}
    return {"customers": report.customers, "parts": parts}


def measured(step: str, work: Callable[..., Measurement], *arguments: Any) -> Measurement:
    """Run one step in a fresh process; seconds and memory peak are that process's."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, work, arguments))
    process.start()
    sender.close()
    result: Measurement = receiver.recv()
    process.join()
    return {"step": step, **result}


def _work(sender: Any, work: Callable[..., Measurement], arguments: tuple[Any, ...]) -> None:
    started = time.perf_counter()
    result = work(*arguments)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sender.send({"seconds": seconds, "peak_mb": peak, **result})


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "api.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - our own words
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{url}/health/live").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def time_queries(requests: int) -> list[Measurement]:
    scopes = ["customers:read", "scores:read"]
    key = create_key(make_engine(settings().resolved_database_url), "bench", scopes, None, now)
    headers = {"Authorization": f"Bearer {key}"}
    with server() as url, httpx.Client(base_url=url, headers=headers, timeout=60) as client:

        def ask(query: str, variables: dict[str, Any]) -> dict[str, Any]:
            answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
            if "errors" in answer:
                raise SystemExit(f"A query failed: {answer['errors']}")
            data: dict[str, Any] = answer["data"]
            return data

        first = ask(FILTERED_PAGE, {})["customers"]["edges"][0]["node"]["id"]
        queries = (
            ("customer by id, everything nested", NESTED_CUSTOMER, {"id": first}),
            ("50 customers, filtered, by CLV", FILTERED_PAGE, {}),
            ("1,000 risk scores", RISK_PAGE, {}),
        )
        return [
            {"step": f"query: {name}", **_timings(lambda q=q, v=v: ask(q, v), requests)}
            for name, q, v in queries
        ]


def _timings(ask: Callable[[], object], requests: int) -> Measurement:
    for _ in range(5):
        ask()
    seconds = []
    for _ in range(requests):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    seconds.sort()
    return {"seconds": statistics.median(seconds), "p95_seconds": seconds[int(requests * 0.95)]}


def run(requests: int) -> list[Measurement]:
    here = settings()
    engine = make_engine(here.resolved_database_url)
    upgrade(engine, here)
    pin_today(engine, demo.AS_OF)
    return [
        measured("import", import_sample),
        measured("facts to Parquet", export_facts),
        measured("features", compute_features),
        measured("train churn", train, "churn"),
        measured("train clv", train, "clv"),
        measured("refresh", run_refresh),
        *time_queries(requests),
    ]


def show(measurements: list[Measurement]) -> None:
    table = Table("step", "seconds", "peak MB", "of which")
    for row in measurements:
        parts = "; ".join(f"{name} {part:.2f} s" for name, part in row.get("parts", {}).items())
        peak = f"{row['peak_mb']:.0f}" if "peak_mb" in row else ""
        note = parts or (f"p95 {row['p95_seconds']:.4f} s" if "p95_seconds" in row else "")
        table.add_row(row["step"], f"{row['seconds']:.4f}", peak, note)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, help="write the measurements to this file as JSON")
    parser.add_argument("--requests", type=int, default=100, help="timed requests a query")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echelon-bench-") as folder:
        os.environ["ECHELON_DATA_DIR"] = folder
        measurements = run(arguments.requests)
    show(measurements)
    text = json.dumps(measurements, indent=2)
    if arguments.out:
        arguments.out.write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
