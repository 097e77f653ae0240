"""Arrow in, Arrow out: temporary tables, merges that write only what differs, plain statements.

All of it runs on an ADBC connection, inside the caller's transaction. SQL written by callers uses
`?` for parameters on both databases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import dbapi as adbc

from api.db.arrow_columns import column_types, is_jsonb, stored_batches
from api.db.sqlite_turns import turn

PROVENANCE = ("batch_id", "run_id")
"""Who wrote a row is not part of what it says: written along, never compared unless asked."""

WHOLE_RESULT = "1000000000"
"""ADBC guesses SQLite's column types from the first batch of a result, so there is only one."""


BULK_PRAGMAS = (
    "foreign_keys = ON",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "busy_timeout = 10000",
    "temp_store = MEMORY",
    "cache_size = -131072",
)


@contextmanager
def bulk_connection(url: str) -> Iterator[adbc.Connection]:
    """An ADBC connection for Arrow in and out; one transaction, committed by the caller.

    On SQLite no connection of SQLAlchemy's may be open in this process: see `sqlite_turns`.
    """
    parsed = sa.make_url(url)
    with ExitStack() as stack:
        if parsed.get_backend_name() == "sqlite":
            stack.enter_context(turn(str(parsed.database), "adbc"))
            connection = _connect_sqlite(str(parsed.database))
        else:
            from adbc_driver_postgresql import dbapi as driver

            connection = driver.connect(
                parsed.set(drivername="postgresql").render_as_string(hide_password=False)
            )
        stack.enter_context(closing(connection))
        yield connection


def _connect_sqlite(database: str) -> adbc.Connection:
    from adbc_driver_sqlite import dbapi as driver

    connection: adbc.Connection = driver.connect(f"file:{database}")
    # SQLite ignores or refuses these inside a transaction, and ADBC always is in one.
    connection.adbc_connection.set_autocommit(True)
    with connection.cursor() as cursor:
        for pragma in BULK_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
    connection.adbc_connection.set_autocommit(False)
    return connection


@dataclass(frozen=True)
class MergeCounts:
    added: int
    changed: int


def stage(
    connection: adbc.Connection,
    dialect: str,
    name: str,
    table: sa.FromClause,
    data: pa.Table | pa.RecordBatchReader,
    extra: Mapping[str, pa.DataType] | None = None,
) -> None:
    """Fill the temporary table `name`, replacing one of that name, as SQLAlchemy would store it.

    Columns are those of `table`, or of `extra`, which are kept in the type given there. A JSON
    column comes as JSON text, a moment as a timestamp with a time zone.
    """
    execute(connection, f"DROP TABLE IF EXISTS {name}")
    converted = stored_batches(data, table, dialect, extra)
    names = converted.schema.names
    with connection.cursor() as cursor:
        if dialect == "postgresql" and any(is_jsonb(column, table) for column in names):
            types = column_types(names, table, extra or {})
            listed = ", ".join(f"{column} {kind}" for column, kind in types.items())
            cursor.execute(f"CREATE TEMPORARY TABLE {name} ({listed})")
            cursor.adbc_ingest(name, converted, mode="append", temporary=True)
        else:
            cursor.adbc_ingest(name, converted, mode="create", temporary=True)


def merge(
    connection: adbc.Connection,
    dialect: str,
    staged: str,
    table: sa.FromClause,
    key: Sequence[str],
    compare: Sequence[str] | None = None,
    insert_only_columns: Sequence[str] = (),
) -> MergeCounts:
    """Add the rows whose key is new and change those that differ; all others stay untouched.

    Writes the columns of `table` that `staged` has. `key` is a unique key of `table` and unique in
    `staged`. `compare` names the columns that make a difference; by default all but the key,
    `insert_only_columns` (written for new rows only) and `PROVENANCE`.
    """
    columns = [name for name in column_names(connection, staged) if name in table.c]
    updated = [name for name in columns if name not in (*key, *insert_only_columns)]
    if compare is None:
        compare = [name for name in updated if name not in PROVENANCE]
    listed = ", ".join(columns)
    insert = (
        f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {staged} "
        f"WHERE {_news(str(table), staged, key, compare)} "
        f"ON CONFLICT ({', '.join(key)}) DO {_update(str(table), updated, compare)}"
    )
    if dialect == "postgresql":
        # xmax tells an insert from an update of a row that was there.
        fresh = f"{insert} RETURNING CASE WHEN xmax = 0 THEN 1 ELSE 0 END AS fresh"
        counted = f"WITH merged AS ({fresh}) SELECT COALESCE(SUM(fresh), 0), COUNT(*) FROM merged"
        added, written = _one_row(connection, counted)
        return MergeCounts(added, written - added)
    added = _count_new(connection, staged, str(table), key)
    return MergeCounts(added, execute(connection, insert) - added)


def execute(connection: adbc.Connection, sql: str, params: Sequence[Any] = ()) -> int:
    """Run a statement; the number of rows it inserted, updated or deleted."""
    with connection.cursor() as cursor:
        if _is_postgres(connection):
            if params:  # `execute` with parameters doesn't count
                cursor.executemany(_numbered(sql), [tuple(params)])
            else:
                cursor.execute(sql)
            return max(cursor.rowcount, 0)
        cursor.execute(sql, params or None)
    return int(_one_row(connection, "SELECT changes()")[0])


def fetch(connection: adbc.Connection, sql: str) -> pa.Table:
    """The whole result. On SQLite a column without any value comes as int64."""
    with connection.cursor() as cursor:
        if not _is_postgres(connection):
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": WHOLE_RESULT})
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def stream(
    connection: adbc.Connection, sql: str, batch_rows: int = 65_536
) -> Iterator[pa.RecordBatch]:
    """The result in batches, as they come.

    On SQLite each column needs a value in the first batch: write COALESCE around those that may
    lack one.
    """
    with connection.cursor() as cursor:
        if not _is_postgres(connection):
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(batch_rows)})
        cursor.execute(sql)
        yield from cursor.fetch_record_batch()


def _is_postgres(connection: adbc.Connection) -> bool:
    return "Postgre" in str(connection.adbc_get_info()["vendor_name"])


def _numbered(sql: str) -> str:
    """`?` as PostgreSQL's `$1`, `$2`, ..."""
    first, *rest = sql.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


def _one_row(connection: adbc.Connection, sql: str) -> tuple[int, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return tuple(int(value) for value in cursor.fetchall()[0])


def column_names(connection: adbc.Connection, relation: str) -> list[str]:
    return list(fetch(connection, f"SELECT * FROM {relation} LIMIT 0").schema.names)


def _news(table: str, staged: str, key: Sequence[str], compare: Sequence[str]) -> str:
    """Which staged rows are worth merging; each one of a conflict is locked, changed or not."""
    same = " AND ".join(f"t.{name} = {staged}.{name}" for name in key)
    old = ", ".join(f"t.{name}" for name in compare)
    new = ", ".join(f"{staged}.{name}" for name in compare)
    alike = f" AND ({old}) IS NOT DISTINCT FROM ({new})" if compare else ""
    return f"NOT EXISTS (SELECT 1 FROM {table} t WHERE {same}{alike})"


def _update(table: str, updated: Sequence[str], compare: Sequence[str]) -> str:
    if not updated or not compare:
        return "NOTHING"
    assignments = ", ".join(f"{name} = excluded.{name}" for name in updated)
    old = ", ".join(f"{table}.{name}" for name in compare)
    new = ", ".join(f"excluded.{name}" for name in compare)
    return f"UPDATE SET {assignments} WHERE ({old}) IS DISTINCT FROM ({new})"


def _count_new(connection: adbc.Connection, staged: str, table: str, key: Sequence[str]) -> int:
    same = " AND ".join(f"t.{name} = s.{name}" for name in key)
    sql = f"SELECT COUNT(*) FROM {staged} s WHERE NOT EXISTS (SELECT 1 FROM {table} t WHERE {same})"
    return _one_row(connection, sql)[0]
