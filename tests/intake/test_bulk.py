"""Staged rows look like rows SQLAlchemy wrote, and a merge writes only what differs."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow as pa
import pytest
from sqlalchemy import Engine, insert, select

from api.db.bulk import MergeCounts, bulk_connection, execute, fetch, merge, stage, stream
from api.db.models import (
    AttributeDefinition,
    Customer,
    CustomerAttribute,
    ImportBatch,
    Segment,
    Strategy,
)

MOMENT = dt.datetime(2017, 3, 26, 1, 30, 15, 250_000, tzinfo=dt.UTC)


def write_batch(engine: Engine) -> int:
    with engine.begin() as connection:
        return int(
            connection.execute(
                insert(ImportBatch)
                .values(kind="customers", source="test", arrived_at=MOMENT, status="done")
                .returning(ImportBatch.id)
            ).scalar_one()
        )


def customers(batch_id: int, *rows: tuple[str, str | None]) -> pa.Table:
    return pa.table(
        {
            "external_id": [row[0] for row in rows],
            "kind": ["b2c"] * len(rows),
            "known_at": pa.array([MOMENT] * len(rows), pa.timestamp("us", "UTC")),
            "region": pa.array([row[1] for row in rows], pa.string()),
            "email_hash": pa.array([b"h" * 32] * len(rows), pa.binary()),
            "batch_id": [batch_id] * len(rows),
        }
    )


def merge_customers(url: str, dialect: str, data: pa.Table) -> MergeCounts:
    with bulk_connection(url) as connection:
        stage(connection, dialect, "staged", Customer.__table__, data)
        counts = merge(connection, dialect, "staged", Customer.__table__, ["external_id"])
        connection.commit()
    return counts


def test_values_come_back_as_sqlalchemy_would_have_stored_them(
    engine: Engine, database_url: str
) -> None:
    batch = write_batch(engine)
    merge_customers(database_url, engine.dialect.name, customers(batch, ("a", None)))
    with engine.begin() as connection:
        connection.execute(
            insert(Customer).values(
                external_id="b", kind="b2c", known_at=MOMENT, email_hash=b"h" * 32, batch_id=batch
            )
        )
        columns = [Customer.known_at, Customer.kind, Customer.email_hash, Customer.region]
        written = connection.execute(select(*columns).order_by(Customer.external_id)).all()
    assert written[0] == written[1]
    with bulk_connection(database_url) as connection:
        raw = fetch(connection, "SELECT known_at FROM customers ORDER BY external_id").column(0)
    assert raw[0] == raw[1]


def test_merge_counts_added_and_changed_and_leaves_equal_rows_alone(
    engine: Engine, database_url: str
) -> None:
    first, second = write_batch(engine), write_batch(engine)
    dialect = engine.dialect.name
    before = merge_customers(database_url, dialect, customers(first, ("a", None), ("b", "north")))
    data = customers(second, ("a", None), ("b", "south"), ("c", None))
    after = merge_customers(database_url, dialect, data)
    assert (before, after) == (MergeCounts(2, 0), MergeCounts(1, 1))
    with engine.connect() as connection:
        stored = connection.execute(
            select(Customer.external_id, Customer.region, Customer.batch_id).order_by("external_id")
        ).all()
    assert [tuple(row) for row in stored] == [
        ("a", None, first),
        ("b", "south", second),
        ("c", None, second),
    ]


def test_compare_and_insert_only_columns(engine: Engine, database_url: str) -> None:
    batch = write_batch(engine)
    dialect = engine.dialect.name
    merge_customers(database_url, dialect, customers(batch, ("a", "north")))
    with bulk_connection(database_url) as connection:
        stage(connection, dialect, "staged", Customer.__table__, customers(batch, ("a", "south")))
        table = Customer.__table__
        ignored = merge(connection, dialect, "staged", table, ["external_id"], ["kind"])
        kept = merge(connection, dialect, "staged", table, ["external_id"], None, ["region"])
        changed = merge(connection, dialect, "staged", table, ["external_id"], ["region"])
        connection.commit()
    assert (ignored, kept, changed) == (MergeCounts(0, 0), MergeCounts(0, 0), MergeCounts(0, 1))


def test_json_booleans_and_compound_keys(engine: Engine, database_url: str) -> None:
    dialect = engine.dialect.name
    document = {"名": [1, None, {"x": 0.5}]}
    strategies = pa.table(
        {
            "key": ["call"],
            "document": [json.dumps(document)],
            "version": [1],
            "active": pa.array([True]),
        }
    )
    segment = {name: ["x"] for name in ("key", "name_en", "name_zh", "description_en")}
    segments = pa.table(
        segment
        | {"description_zh": ["x"], "kind": ["manual"], "version": [1]}
        | {"rule": pa.array([None], pa.string())}
    )
    with bulk_connection(database_url) as connection:
        stage(connection, dialect, "staged", Strategy.__table__, strategies)
        assert merge(connection, dialect, "staged", Strategy.__table__, ["key"]).added == 1
        assert merge(connection, dialect, "staged", Strategy.__table__, ["key"]).changed == 0
        stage(connection, dialect, "staged", Segment.__table__, segments)
        assert merge(connection, dialect, "staged", Segment.__table__, ["key"]).added == 1
        connection.commit()
    with engine.connect() as connection:
        stored = connection.execute(select(Strategy.document, Strategy.active)).one()
        assert connection.execute(select(Segment.rule)).scalar_one() is None
    assert tuple(stored) == (document, True)


def test_rows_of_a_key_of_three_columns(engine: Engine, database_url: str) -> None:
    batch = write_batch(engine)
    dialect = engine.dialect.name
    merge_customers(database_url, dialect, customers(batch, ("a", None)))
    with engine.begin() as connection:
        customer = connection.execute(select(Customer.id)).scalar_one()
        connection.execute(
            insert(AttributeDefinition).values(
                name="size", value_type="number", sensitive=False, label_en="Size", label_zh="Size"
            )
        )
    data = pa.table(
        {
            "customer_id": [customer, customer],
            "name": ["size", "size"],
            "valid_from": pa.array([MOMENT, MOMENT + dt.timedelta(1)], pa.timestamp("us", "UTC")),
            "number_value": [1.5, None],
            "batch_id": [batch, batch],
        }
    )
    key = ["customer_id", "name", "valid_from"]
    with bulk_connection(database_url) as connection:
        table = CustomerAttribute.__table__
        stage(connection, dialect, "staged", table, data.to_reader())
        assert merge(connection, dialect, "staged", table, key) == MergeCounts(2, 0)
        assert merge(connection, dialect, "staged", table, key) == MergeCounts(0, 0)


def test_naive_moments_are_refused(engine: Engine, database_url: str) -> None:
    naive = pa.table({"known_at": pa.array([dt.datetime(2017, 1, 1)], pa.timestamp("us"))})
    with (
        bulk_connection(database_url) as connection,
        pytest.raises(TypeError, match="time zone"),
    ):
        stage(connection, engine.dialect.name, "staged", Customer.__table__, naive)


def test_statements_count_rows_take_parameters_and_roll_back(
    engine: Engine, database_url: str
) -> None:
    batch = write_batch(engine)
    with bulk_connection(database_url) as connection:
        sql = "UPDATE import_batches SET rows_added = ? WHERE id = ?"
        assert execute(connection, sql, (7, batch)) == 1
        assert execute(connection, sql, (7, batch + 1)) == 0
        connection.rollback()
    with engine.connect() as connection:
        assert connection.execute(select(ImportBatch.rows_added)).scalar_one() == 0


def test_a_late_first_value_keeps_its_type(engine: Engine, database_url: str) -> None:
    batch = write_batch(engine)
    rows = [(f"c{number}", None) for number in range(2_000)]
    data = customers(batch, *rows, ("last", "north"))
    merge_customers(database_url, engine.dialect.name, data)
    with bulk_connection(database_url) as connection:
        regions = fetch(connection, "SELECT region FROM customers ORDER BY id").column(0)
        sql = "SELECT COALESCE(region, '') AS region FROM customers ORDER BY id"
        batches = list(stream(connection, sql, batch_rows=500))
    assert regions[-1].as_py() == "north"
    assert sum(part.num_rows for part in batches) == 2_001
    if engine.dialect.name == "sqlite":
        assert len(batches) == 5


def test_a_merge_does_not_even_lock_what_does_not_differ(engine: Engine, database_url: str) -> None:
    batch, dialect = write_batch(engine), engine.dialect.name
    rows = customers(batch, ("C1", "north"), ("C2", None))
    merge_customers(database_url, dialect, rows)

    counts = merge_customers(database_url, dialect, rows)

    assert counts == MergeCounts(added=0, changed=0)
    # PostgreSQL marks a locked row with who locked it; SQLite locks no rows.
    locked_by = "CAST(xmax AS TEXT)" if dialect == "postgresql" else "'0'"
    with bulk_connection(database_url) as connection:
        marks = fetch(connection, f"SELECT {locked_by} AS mark FROM customers")
    assert set(marks["mark"].to_pylist()) == {"0"}
