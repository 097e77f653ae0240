"""New facts from the database into the Parquet fact store, and a proof that the two are equal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Engine

from api.db.bulk import bulk_connection, execute, fetch, stream
from api.db.fact_digest import digest
from api.db.fact_sources import (
    HASHED_COLUMNS,
    PRODUCT_COLUMNS,
    ends_of_days,
    numbers_of,
    source,
)
from api.domain.money import exponent_of
from ml.contracts import FACT_TABLES, ORDER_LINES, AttributeField, FactTable
from ml.errors import BadFacts, NoFacts
from ml.facts import FactStore, FactStoreWriter, Manifest, arrow_schema

NO_NUMBER = -(2**63)
NO_FRACTION = -1.5e308
NO_TEXT = ""
"""Stand for null on the way out of SQLite, which guesses a column's type from its first rows."""


@dataclass(frozen=True)
class FactSync:
    appended: dict[str, int]
    """Rows written, by fact table."""
    rebuilt: bool
    fingerprint: str


@dataclass(frozen=True)
class _State:
    epoch: int
    watermark: int
    base_currency: str
    time_zone: str


def sync_facts(engine: Engine, url: str, store: Path) -> FactSync:
    """Append what arrived since the last time; write all anew after a correction.

    A store that was damaged or is missing is written anew too: the database is the truth.
    """
    dialect = engine.dialect.name
    with bulk_connection(url) as connection:
        if dialect == "postgresql":
            execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        state = _read_state(connection)
        attributes = _attribute_fields(connection)
        kept = _kept(store, state)
        if kept is not None and kept.watermark == state.watermark:
            return FactSync({}, rebuilt=False, fingerprint=FactStore(store).fingerprint())
        writer = FactStoreWriter(
            store,
            epoch=state.epoch,
            watermark=state.watermark,
            base_currency=state.base_currency,
            currency_exponent=exponent_of(state.base_currency),
            time_zone=state.time_zone,
            attributes=attributes,
            keep=kept,
        )
        after = kept.watermark if kept is not None else 0
        reader = _Reader(connection, dialect, state.time_zone)
        appended = {
            table.name: writer.append(table, reader.rows(table, after, state.watermark))
            for table in FACT_TABLES
        }
        writer.commit()
    return FactSync(appended, rebuilt=kept is None, fingerprint=FactStore(store).fingerprint())


def _read_state(connection: adbc.Connection) -> _State:
    row = fetch(
        connection,
        "SELECT facts_epoch, (SELECT COALESCE(MAX(id), 0) FROM import_batches "
        "WHERE status = 'done') AS watermark, base_currency, time_zone FROM installation",
    ).to_pylist()[0]
    return _State(row["facts_epoch"], row["watermark"], row["base_currency"], row["time_zone"])


def _kept(store: Path, state: _State) -> Manifest | None:
    """The store's manifest if its files may stay."""
    try:
        manifest = FactStore(store).manifest
    except (NoFacts, BadFacts):
        return None
    current = manifest.epoch == state.epoch and manifest.watermark <= state.watermark
    return manifest if current and _is_whole(store, manifest) else None


def _is_whole(store: Path, manifest: Manifest) -> bool:
    """Whether every file is what was written: Parquet itself doesn't notice altered bytes."""
    return all(
        (store / file.path).is_file() and _sha256(store / file.path) == file.sha256
        for files in manifest.files.values()
        for file in files
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _paths(store: Path, table: FactTable) -> list[Path]:
    return FactStore(store).paths(table.name)


def _attribute_fields(connection: adbc.Connection) -> list[AttributeField]:
    """The attributes that models may read: none that is sensitive, no dates.

    What values a text has is left to the cut-off at which a model looks.
    """
    rows = fetch(
        connection,
        "SELECT name, CASE value_type WHEN 'text' THEN 'choice' ELSE value_type END AS value_type "
        "FROM attribute_definitions WHERE NOT sensitive AND value_type <> 'date'",
    ).to_pylist()
    return [
        AttributeField(row["name"], row["value_type"])
        for row in sorted(rows, key=lambda row: str(row["name"]))
    ]


@dataclass(frozen=True)
class _Reader:
    connection: adbc.Connection
    dialect: str
    time_zone: str

    def rows(self, table: FactTable, after: int, up_to: int) -> Iterator[pa.RecordBatch]:
        """The rows of batches after `after`, up to and with `up_to`, as the contract says."""
        products = _Products(self.connection) if table is ORDER_LINES else None
        columns = [name for name in table.columns if not products or name not in PRODUCT_COLUMNS]
        listed = ", ".join(_never_null(name, table) for name in columns)
        named = ", ".join((*columns, "batch_id"))
        sql = (
            f"WITH facts({named}) AS ({source(table, self.dialect)}) SELECT {listed} FROM facts "
            f"WHERE batch_id > {after} AND batch_id <= {up_to}"
        )
        schema = arrow_schema(table.columns)
        for batch in stream(self.connection, sql):
            restored = {
                name: numbers_of(column)
                if name in HASHED_COLUMNS
                else _restored(column, schema.field(name).type)
                for name, column in zip(columns, batch.columns, strict=True)
            }
            if products:
                restored |= products.of(restored["product_id"])
            if table.day:
                restored[table.moment] = ends_of_days(restored[table.day], self.time_zone)
            yield pa.RecordBatch.from_arrays(
                [restored[name] for name in schema.names], schema=schema
            )


class _Products:
    """Department and brand by product; the one table that is held in memory."""

    def __init__(self, connection: adbc.Connection) -> None:
        listed = ", ".join(_never_null(name, ORDER_LINES) for name in PRODUCT_COLUMNS)
        rows = fetch(connection, f"SELECT id, {listed} FROM products ORDER BY id").combine_chunks()
        self._ids = rows["id"].to_numpy().astype(np.int64)
        self._columns = {
            name: _restored(pc.cast(rows[name], pa.string()).combine_chunks(), pa.string())
            for name in PRODUCT_COLUMNS
        }

    def of(self, product_ids: pa.Array) -> dict[str, pa.Array]:
        known = pc.is_valid(product_ids).to_numpy(zero_copy_only=False)
        wanted = pc.fill_null(product_ids, 0).to_numpy(zero_copy_only=False)
        places = pa.array(np.searchsorted(self._ids, wanted), mask=~known)
        return {name: column.take(places) for name, column in self._columns.items()}


def _never_null(name: str, table: FactTable) -> str:
    if name in HASHED_COLUMNS:
        return name
    stand_in = {"string": f"'{NO_TEXT}'", "float64": NO_FRACTION}.get(
        table.columns[name], NO_NUMBER
    )
    return f"COALESCE({name}, {stand_in}) AS {name}"


def _restored(column: pa.Array, target: pa.DataType) -> pa.Array:
    """The nulls that had to travel as something else."""
    column = pc.cast(column, target)
    if pa.types.is_string(target):
        stand_in = pa.scalar(NO_TEXT)
    else:
        stand_in = pa.scalar(NO_FRACTION if pa.types.is_floating(target) else NO_NUMBER, target)
    return pc.if_else(pc.equal(column, stand_in), pa.scalar(None, target), column)


def verify_facts(engine: Engine, url: str, store: Path) -> list[str]:
    """What the store holds otherwise than the database does; empty where the two are equal.

    Compares the number of rows and a hash of all their values, whatever their order, up to the
    store's watermark.
    """
    manifest = FactStore(store).manifest
    differences = []
    with bulk_connection(url) as connection:
        if engine.dialect.name == "postgresql":
            execute(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if _read_state(connection).epoch != manifest.epoch:
            differences.append("a fact was corrected since the store was written")
        reader = _Reader(connection, engine.dialect.name, manifest.time_zone)
        for table in FACT_TABLES:
            rows = reader.rows(table, 0, manifest.watermark)
            here, there = digest(rows), digest(_stored_rows(store, table))
            if here != there:
                differences.append(
                    f"{table.name}: {here.rows} rows in the database, {there.rows} in the store"
                    + (", with other values" if here.rows == there.rows else "")
                )
    return differences


def _stored_rows(store: Path, table: FactTable) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(table.columns)
    for path in _paths(store, table):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield batch.cast(schema)
