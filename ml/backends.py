"""connect(): the only file that names DuckDB; everything else hands it SQL and takes Arrow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.contracts import FACT_TABLES
from ml.errors import BadFacts
from ml.facts import FactStore, arrow_schema


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
        """Fill the relation `cutoffs` that features and labels read."""
        self.register("cutoffs", pa.table({"cutoff": pa.array(cutoffs, pa.int64())}))

    def query(self, sql: str) -> pa.Table:
        return self._connection.sql(sql).to_arrow_table()


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
