"""Exports of a million scores over HTTP: rows a second, bytes a second, CPU and memory.

    python -m bench.exports [--rows N] [--repeats N] [--port N] [--url postgresql://...] [--check]

The scores are published to a PostgreSQL of its own (unless the URL of a filled database is given),
served by `echelon serve`, and read and thrown away by a process that does nothing else. CPU is
seconds a million rows: of the server with its export process, and of PostgreSQL, from /proc; on a
busy machine it says more than the clock does. The first pull finds no parts and makes them; the
others are answered from them. Memory is what the peaks of the server and the export process have
grown by. Before that, the time to prepare the parts as a refresh does, and a comparison of all rows
from parts with those of the database. `--check` (at most some 100,000 rows are quick)
compares every row of the three formats with `riskScores`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, insert, make_url, text

from api.db.bulk import bulk_connection, execute
from api.db.champions import ModelRecord, list_known, record_model
from api.db.engine import make_engine
from api.db.filling import fill
from api.db.keys import create_key
from api.db.models import Customer, ImportBatch
from api.db.publish import Publisher, RunRecord
from api.db.schema import upgrade
from api.deciding.predictions import publishable_predictions
from api.documents import install_shipped_documents
from api.settings import Settings
from bench.clock import in_a_process
from bench.decisions import (
    AS_OF,
    CUTOFF,
    HORIZON_DAYS,
    NOW,
    SEED,
    new_database,
    occasion_of,
    people,
    postgresql,
)
from bench.export_parts import prepared
from bench.export_reading import compared, read_all
from bench.population import PROSPECTS, invent

FORMATS = ("ndjson", "arrow", "parquet")
SECRET = "a secret of this bench, of no use to anyone"  # noqa: S105
WAIT_SECONDS = 60.0


def prepare(url: str, rows: int) -> dict[str, str]:
    """Publish at least so many scores, as a refresh does; a key to read them with."""
    engine = make_engine(url)
    upgrade(engine, Settings(database_url=url))
    install_shipped_documents(engine, NOW)
    for name in ("churn", "clv"):
        record = ModelRecord(name, 1, "run", HORIZON_DAYS, AS_OF, NOW, {"model": "0" * 64}, {})
        record_model(engine, record, champion=True)
    models = {model.name: model.row_id for model in list_known(engine)}
    with engine.begin() as connection:
        batch = {"kind": "customers", "source": "bench", "arrived_at": NOW, "status": "done"}
        connection.execute(insert(ImportBatch).values(id=1, **batch))
        policy = int(
            connection.execute(text("SELECT MIN(id) FROM tier_policy_versions")).scalar_one()
        )
    key = create_key(engine, "bench", ["scores:read"], None, lambda: NOW)
    occasion = occasion_of(url)
    engine.dispose()
    customers = int(rows / (1 - PROSPECTS) * 1.01) + 10
    invented = invent(customers, CUTOFF, SEED).predictions.slice(0, rows)
    with bulk_connection(url) as bulk:
        fill(bulk, "postgresql", Customer, people(customers))
        run = RunRecord(AS_OF, NOW, "bench", models["churn"], models["clv"], policy)
        publisher = Publisher(bulk, "postgresql", run)
        publisher.publish_scores(publishable_predictions(invented, occasion))
        bulk.commit()
        execute(bulk, "ANALYZE predictions")
        bulk.commit()
    vacuum(url)
    return {"key": key}


def vacuum(url: str) -> None:
    """What a database does by itself some time after so many rows came."""
    admin = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text("VACUUM predictions"))
    admin.dispose()


@contextmanager
def served(url: str, port: int) -> Iterator[tuple[int, Path]]:
    """`echelon serve` in a process of its own; its process id, and where it keeps parts."""
    with tempfile.TemporaryDirectory(prefix="echelon-bench-") as folder:
        environment = os.environ | {
            "ECHELON_DATABASE_URL": url,
            "ECHELON_DATA_DIR": folder,
            "ECHELON_PORT": str(port),
            "ECHELON_SECRET_KEY": SECRET,
        }
        command = [sys.executable, "-m", "api.cli", "serve"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)  # noqa: S603
        try:
            wait_for(port)
            yield process.pid, Path(folder) / "exports"
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The server did not begin to listen.")


def family(pid: int) -> list[int]:
    """A process and all that it has started, and so on."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and (fields := stat(int(folder.name))):
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found


def stat(pid: int) -> list[str]:
    """What /proc says of a process from its state on; nothing once it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu(pid: int) -> float:
    """Seconds that a process and its children have worked, those that ended among them."""
    ticks = 0
    for each in family(pid):
        fields = stat(each)
        ticks += (
            sum(map(int, fields[11:15])) if each == pid else sum(map(int, fields[11:13] or [0]))
        )
    return ticks / os.sysconf("SC_CLK_TCK")


def peaks(pid: int) -> dict[int, float]:
    """The most memory each process of a family has held, in megabytes."""
    found = {}
    for each in family(pid):
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        if "VmHWM:" in status:
            found[each] = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    return found


def postmaster(url: str) -> int:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        pid = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        parent = int(stat(pid)[1])
    engine.dispose()
    return parent


def measure(url: str, key: str, port: int, repeats: int) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    with served(url, port) as (server, folder):
        for kind in FORMATS:
            # Starts the export process and loads what it needs, on hardly any rows.
            in_a_process(read_all, port, key, kind, "?minChurnProbability=0.9999")
            shutil.rmtree(folder, ignore_errors=True)
            for name, times in (("first", 1), ("from parts", repeats)):
                before = peaks(server)
                runs = [pull(url, server, port, key, kind) for _ in range(times)]
                after = peaks(server)
                growth = sum(after[each] - before.get(each, 0) for each in after)
                result = summary(kind, runs) | {"pull": name, "peak_growth_mb": growth}
                results.append(result | {"peak_mb": sum(after.values())})
                show(results[-1])
    return results


def pull(url: str, server: int, port: int, key: str, kind: str) -> dict[str, Any]:
    database = postmaster(url)
    work, theirs, load = cpu(server), cpu(database), os.getloadavg()[0]
    found = in_a_process(read_all, port, key, kind, "")
    used = {"server_cpu": cpu(server) - work, "database_cpu": cpu(database) - theirs}
    return dict(found) | used | {"load": load}


def summary(kind: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    def median(name: str) -> float:
        return statistics.median(run[name] for run in runs)

    rows, size, seconds = runs[0]["rows"], runs[0]["bytes"], median("seconds")
    millions = rows / 1e6
    return {
        "format": kind,
        "rows": rows,
        "seconds": seconds,
        "rows_a_second": rows / seconds,
        "best_rows_a_second": rows / min(run["seconds"] for run in runs),
        "mb_a_second": size / 1e6 / seconds,
        "first_byte_seconds": median("first_byte"),
        "server_cpu_a_million": median("server_cpu") / millions,
        "database_cpu_a_million": median("database_cpu") / millions,
        "reader_cpu_a_million": median("reader_cpu") / millions,
        "load_average": median("load"),
    }


def show(result: dict[str, Any]) -> None:
    table = Table(title=f"{result['format']}, {result['rows']:,} rows, {result['pull']}")
    names = [name for name in result if name not in ("format", "rows", "pull")]
    for name in names:
        table.add_column(name.replace("_", " "))
    table.add_row(*(f"{result[name]:,.2f}" for name in names))
    Console(width=200).print(table)


def check(url: str, key: str, port: int) -> None:
    """The three formats hold the rows of the feed, value for value."""
    with served(url, port):
        rows = in_a_process(compared, port, key)["rows"]
    Console().print(f"{rows:,} rows are equal in riskScores, NDJSON, Arrow and Parquet.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--port", type=int, default=8149)
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    with postgresql() as server:
        url = new_database(server, "bench_exports")
        key = in_a_process(prepare, url, chosen.rows)["key"]
        parts = in_a_process(prepared, url)
        Console().print(parts)
        results = measure(url, key, chosen.port, chosen.repeats)
        if chosen.check:
            check(url, key, chosen.port)
    print(json.dumps({"pyarrow": pa.__version__, "parts": parts, "exports": results}, indent=2))


if __name__ == "__main__":
    main()
