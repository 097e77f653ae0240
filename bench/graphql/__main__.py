"""What Echelon's answers cost beside PostGraphile 5's, on the same PostgreSQL in the same run.

    python -m bench.graphql [--customers N] [--rounds N] [--json]

Three standard queries: a customer with everything nested, a filtered page of 50 by lifetime value,
a page of 1,000 risk scores. Each is asked with many different variables, so that no cache of
answers helps either side. First the answers are compared: they must be equal JSON, but for cursors.
Then blocks of requests are sent to one server at a time, in rounds whose order is drawn under a
seed. Processor time comes from /proc: the server's processes with all below them, and PostgreSQL
with its backends, those that have ended included.

Both sides run as in production. Echelon: `echelon serve`, one process, with key, limits and log.
PostGraphile: production mode, no GraphiQL, no watching, no subscriptions, one process, a pool of 8,
its own prepared statements; and a schema of its own that suits it (`peer.sql`): tables keyed for
each question, sentences of reasons stored instead of rendered, totals of orders stored instead of
summed, no rights to check. `plan_cache_mode` is the same for both. It is a hard comparison on
purpose: what Echelon does more is in its numbers, and not in PostGraphile's.

PostGraphile is installed from npm into `--folder` the first time (Node comes with the development
requirements). Throughput is that of one process each with `--connections` requests under way, with
the client on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

from api.db.engine import make_engine
from api.graphql.ids import global_id
from bench.decisions import new_database, postgresql
from bench.graphql.client import Client, drive
from bench.graphql.data import fill
from bench.graphql.queries import (
    CUSTOMER,
    LEAST,
    PAGE,
    SCORES,
    TITLES,
    Query,
    body,
    comparable,
    first_difference,
)
from bench.graphql.servers import Server, cpu_seconds, echelon, install_postgraphile, postgraphile

SEED = 20261130
BLOCKS = {"customer": 200, "page": 40, "scores": 20}
"""Requests in a block: long enough for a clock of hundredths of a second."""
COMPARED = 25
Bodies = Mapping[str, Mapping[str, Sequence[bytes]]]
Measurement = dict[str, Any]


async def questions(servers: Sequence[Server], customers: int, seed: int) -> Bodies:
    """The bodies to send, by query and server; the n-th of one asks what the n-th of other asks."""
    chance = random.Random(seed)  # noqa: S311 - a seeded one is meant
    ids = [str(global_id("Customer", chance.randint(1, customers))) for _ in range(500)]
    shared: dict[Query, list[dict[str, Any]]] = {
        CUSTOMER: [{"id": each} for each in ids],
        PAGE: [{"least": least} for least in chance.sample(LEAST, len(LEAST))],
    }
    found: dict[str, dict[str, Sequence[bytes]]] = {query.name: {} for query in (*shared, SCORES)}
    for server in servers:
        for query, variables in shared.items():
            document = query.document(server.name)
            found[query.name][server.name] = [body(document, each) for each in variables]
        found[SCORES.name][server.name] = await _feed(server, customers)
    return found


async def _feed(server: Server, customers: int) -> list[bytes]:
    """Pages of the feed, each from the cursor of the one before."""
    client, document = Client(server), SCORES.document(server.name)
    bodies, after = [], None
    for _ in range(min(10, customers // 2_000)):
        bodies.append(body(document, {"after": after}))
        after = (await client.data(bodies[-1]))["riskScores"]["pageInfo"]["endCursor"]
    client.close()
    return bodies


async def compare(servers: Sequence[Server], bodies: Bodies) -> Measurement:
    """Assert that both answer the same; the sizes of answers in bytes."""
    clients = {server.name: Client(server) for server in servers}
    sizes: Measurement = {}
    for query, by_server in bodies.items():
        for place in range(min(COMPARED, len(by_server["echelon"]))):
            answers = [await clients[name].data(by_server[name][place]) for name in clients]
            if difference := first_difference(*map(comparable, answers)):
                raise SystemExit(f"The answers to {query} differ. {difference}")
            sizes[query] = len(json.dumps(answers[0], separators=(",", ":")))
    for client in clients.values():
        client.close()
    return sizes


def block(server: Server, database: int, bodies: Sequence[bytes], connections: int) -> Measurement:
    before = cpu_seconds(server.process), cpu_seconds(database)
    seconds = asyncio.run(drive(server, bodies, connections))
    count = len(bodies)
    return {
        "server_ms": 1_000 * (cpu_seconds(server.process) - before[0]) / count,
        "database_ms": 1_000 * (cpu_seconds(database) - before[1]) / count,
        "per_second": count / seconds,
    }


def measure(
    servers: Sequence[Server], database: int, bodies: Bodies, chosen: argparse.Namespace
) -> list[Measurement]:
    """Blocks in random order: every query on every server once a round."""
    chance = random.Random(chosen.seed)  # noqa: S311 - a seeded one is meant
    found: dict[tuple[str, str], list[Measurement]] = {}
    for number in range(chosen.rounds + 1):
        jobs = [(query, server) for query in bodies for server in servers]
        chance.shuffle(jobs)
        for query, server in jobs:
            asked = bodies[query][server.name]
            size = max(1, round(BLOCKS[query] * chosen.scale))
            picked = [asked[(number * size + place) % len(asked)] for place in range(size)]
            took = block(server, database, picked, chosen.connections)
            if number:  # the first round warms both up
                found.setdefault((query, server.name), []).append(took)
    return [
        {"query": query, "server": server}
        | {name: statistics.median(each[name] for each in rows) for name in rows[0]}
        for (query, server), rows in sorted(found.items())
    ]


def ratios(rows: Sequence[Measurement]) -> dict[str, dict[str, float]]:
    """Echelon's numbers by PostGraphile's: less processor time is better, and more requests."""
    by_place = {(row["query"], row["server"]): row for row in rows}
    found = {}
    for query in sorted({row["query"] for row in rows}):
        ours, theirs = by_place[query, "echelon"], by_place[query, "postgraphile"]
        found[query] = {
            "cpu": _cpu(ours) / _cpu(theirs),
            "throughput": ours["per_second"] / theirs["per_second"],
        }
    return found


def _cpu(row: Measurement) -> float:
    return float(row["server_ms"] + row["database_ms"])


def run(chosen: argparse.Namespace) -> Measurement:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="echelon-bench-")))
        server_url = stack.enter_context(postgresql())
        url = new_database(server_url, "bench")
        _set(url, f"ALTER DATABASE bench SET plan_cache_mode = {chosen.plan_cache_mode}")
        key = fill(url, chosen.customers)
        folder = install_postgraphile(chosen.folder)
        servers = [
            stack.enter_context(echelon(url, key, place)),
            stack.enter_context(postgraphile(url, folder)),
        ]
        database = _postmaster(url)
        bodies = asyncio.run(questions(servers, chosen.customers, chosen.seed))
        sizes = asyncio.run(compare(servers, bodies))
        load = os.getloadavg()[0]
        rows = measure(servers, database, bodies, chosen)
    said = {"customers": chosen.customers, "plan_cache_mode": chosen.plan_cache_mode}
    return said | {
        "load_average": [load, os.getloadavg()[0]],
        "answer_bytes": sizes,
        "measurements": rows,
        "ratios": ratios(rows),
    }


def _set(url: str, statement: str) -> None:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _postmaster(url: str) -> int:
    """The process that all backends come from."""
    with make_engine(url).connect() as connection:
        backend = connection.scalar(text("SELECT pg_backend_pid()"))
        stat = Path(f"/proc/{backend}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


def show(found: Measurement) -> None:
    table = Table("query", "server", "server ms", "database ms", "requests/s", "CPU", "throughput")
    for row in found["measurements"]:
        ratio = found["ratios"][row["query"]] if row["server"] == "echelon" else None
        compared = [f"{ratio[name]:.2f}x" for name in ("cpu", "throughput")] if ratio else ["", ""]
        numbers = [f"{row['server_ms']:.2f}", f"{row['database_ms']:.2f}"]
        rate = f"{row['per_second']:.0f}"
        table.add_row(TITLES[row["query"]], row["server"], *numbers, rate, *compared)
    Console().print(table, f"load {found['load_average']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of requests")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seed", type=int, default=SEED)
    modes = ("auto", "force_generic_plan", "force_custom_plan")
    parser.add_argument("--plan-cache-mode", choices=modes, default="auto")
    parser.add_argument("--folder", type=Path, default=Path("var/bench-graphql"))
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    found = run(parser.parse_args())
    if parser.parse_args().json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
