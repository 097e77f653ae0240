"""connect(): the only file that names DuckDB; everything else hands it SQL and takes Arrow."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.contracts import FACT_TABLES, cutoff_of, day_of
from ml.errors import BadFacts
from ml.facts import FactStore, arrow_schema

EPOCH = dt.date(1970, 1, 1)
ONE_DAY = dt.timedelta(days=1)


class Backend:
    """An engine with a fact store's tables as relations; answers queries as Arrow tables."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.time_zone = "UTC"
        """The business's, for days in messages."""

    def open(self, store: FactStore) -> None:
        """Make the store's tables visible under their names; absent ones are empty."""
        self.time_zone = store.manifest.time_zone
        for table in FACT_TABLES:
            paths = store.paths(table.name)
            if missing := [path.name for path in paths if not path.exists()]:
                raise BadFacts(
                    f"The fact store lacks {table.name}/{missing[0]}, which its manifest names: "
                    "rebuild it."
                )
            if paths:
                self._view_files(table.name, paths)
            else:
                self.register(table.name, arrow_schema(table.columns).empty_table())

    def _view_files(self, name: str, paths: Sequence[Path]) -> None:
        relation = self._connection.read_parquet([str(path) for path in paths])
        relation.create_view(name, replace=True)

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table visible as a relation, in place of one of that name."""
        self._connection.register(name, table)

    def cut(self, cutoffs: Sequence[int]) -> None:
        """Fill the relation `cutoffs` that features, measures and labels read.

        Beside the moment it says the last business day before it (`today`), the second at which
        that day's month began, and the last complete calendar month: its first day and the day
        after it; days are counted from 1970-01-01.
        """
        rows = [(cutoff, *_days_of(cutoff, self.time_zone)) for cutoff in cutoffs]
        names = ("cutoff", "today", "month_begins", "month_first", "month_after")
        columns = [
            pa.array([row[place] for row in rows], pa.int64()) for place in range(len(names))
        ]
        self.register("cutoffs", pa.table(columns, names=list(names)))

    def query(self, sql: str) -> pa.Table:
        return self._connection.sql(sql).to_arrow_table()


def _days_of(cutoff: int, time_zone: str) -> tuple[int, int, int, int]:
    today = day_of(cutoff - 1, time_zone)
    month_begins = cutoff_of(today.replace(day=1) - ONE_DAY, time_zone)
    month_after = (today + ONE_DAY).replace(day=1)
    month_first = (month_after - ONE_DAY).replace(day=1)
    first, after = ((day - EPOCH).days for day in (month_first, month_after))
    return (today - EPOCH).days, month_begins, first, after


@contextmanager
def connect(threads: int, memory: str = "2GB") -> Iterator[Backend]:
    """An engine in this process, closed at the end. It spills to disk above `memory`."""
    connection = duckdb.connect(
        config={"threads": threads, "memory_limit": memory, "preserve_insertion_order": False}
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield Backend(connection)
    finally:
        connection.close()
