"""Rows straight into a table that has none: nothing staged, nothing merged, indexes built once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import dbapi as adbc

from api.db.arrow_columns import stored_batches
from api.db.bulk import execute, fetch
from api.db.models import Base

MANY_ROWS = 20_000
"""From here on PostgreSQL is quicker when it builds indexes and checks references afterwards."""


def is_empty(connection: adbc.Connection, model: type[Base], scope: str = "TRUE") -> bool:
    """Whether there are no rows, or none in `scope`."""
    table = model.__tablename__
    found = fetch(
        connection, f"SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE {scope} LIMIT 1) t"
    )
    return not int(found.column(0)[0].as_py())


def fill(connection: adbc.Connection, dialect: str, model: type[Base], data: pa.Table) -> int:
    """Append rows whose keys are new, inside the caller's transaction; how many they are.

    Columns are named and given as in `bulk.stage`. On PostgreSQL the indexes and references of the
    table are set aside for many rows, and put back as they were: readers of it wait until the
    caller's transaction ends.
    """
    if not data.num_rows:
        return 0
    table = Base.metadata.tables[model.__tablename__]
    if dialect == "postgresql" and data.num_rows >= MANY_ROWS and _is_ours(connection, table):
        with _set_aside(connection, table):
            _append(connection, dialect, table, data)
        analyze(connection, str(table), key_columns(table))
    else:
        _append(connection, dialect, table, data)
    return int(data.num_rows)


def key_columns(table: sa.Table) -> list[str]:
    """The columns that rows are looked up by."""
    indexed = {column.name for index in table.indexes for column in index.columns}
    keys = {column.name for column in table.primary_key}
    return [column.name for column in table.columns if column.name in keys | indexed]


def analyze(connection: adbc.Connection, table: str, columns: Sequence[str]) -> None:
    """Statistics for PostgreSQL's planner; those of wide JSON would take longer than copying it."""
    execute(connection, f"ANALYZE {table} ({', '.join(columns)})")


def _append(connection: adbc.Connection, dialect: str, table: sa.Table, data: pa.Table) -> None:
    with connection.cursor() as cursor:
        cursor.adbc_ingest(str(table), stored_batches(data, table, dialect), mode="append")


def _is_ours(connection: adbc.Connection, table: sa.Table) -> bool:
    """Whether this database role may change the table."""
    owner = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = "
    return bool(fetch(connection, f"{owner}'{table}'::regclass").column(0)[0].as_py())


@contextmanager
def _set_aside(connection: adbc.Connection, table: sa.Table) -> Iterator[None]:
    """Without indexes and references, which come back in the order primary key, indexes, others.

    A constraint that another table's reference needs stays.
    """
    constraints = fetch(
        connection,
        "SELECT quote_ident(conname)::text AS name, pg_get_constraintdef(oid)::text AS text "
        f"FROM pg_constraint c WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u', 'f') "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint r WHERE r.contype = 'f' "
        "AND r.conindid = c.conindid AND r.oid <> c.oid AND c.contype <> 'f') "
        "ORDER BY contype = 'f', contype, conname",
    ).to_pylist()
    indexes = fetch(
        connection,
        "SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid)::text AS text "
        f"FROM pg_index i WHERE indrelid = '{table}'::regclass "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid "
        "AND c.contype IN ('p', 'u', 'x')) ORDER BY 1",
    ).to_pylist()
    for each in reversed(constraints):
        execute(connection, f"ALTER TABLE {table} DROP CONSTRAINT {each['name']}")
    for each in indexes:
        execute(connection, f"DROP INDEX {each['name']}")
    yield
    execute(connection, "SET LOCAL maintenance_work_mem = '256MB'")
    for each in indexes:
        execute(connection, each["text"])
    for each in constraints:
        execute(connection, f"ALTER TABLE {table} ADD CONSTRAINT {each['name']} {each['text']}")
