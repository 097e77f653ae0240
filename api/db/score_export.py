"""What an export reads, as SQL texts for a process of its own, and that process's one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import bulk_connection, execute, fetch, stream
from api.db.score_parts import NOTHING, Tally, moved_since, tallies_of

SESSION = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
    # One export takes one core of the server, and no more memory than any other statement.
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL jit = off",
    # A reader who leaves ends the statement even while it sorts.
    "SET LOCAL client_connection_check_interval = '2s'",
)
RUNS = (
    "SELECT r.id, r.as_of, r.published_at, r.fingerprint, "
    "c.version AS churn_version, v.version AS clv_version "
    "FROM refresh_runs r JOIN model_versions c ON c.id = r.churn_model_id "
    "JOIN model_versions v ON v.id = r.clv_model_id ORDER BY r.id"
)


@dataclass(frozen=True)
class Snapshot:
    """One transaction that only reads; every answer of it is of the same moment."""

    connection: adbc.Connection

    def state(self) -> tuple[int, int]:
        """The feed's newest revision, and up to where its tombstones are gone."""
        row = fetch(self.connection, "SELECT last_revision, feed_floor FROM installation")
        return row.column(0)[0].as_py(), row.column(1)[0].as_py()

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = fetch(self.connection, RUNS).to_pylist()
        return found

    def count(self, sql: str) -> int:
        return int(fetch(self.connection, sql).column(0)[0].as_py())

    def tallies(self, bounds: Sequence[int]) -> list[Tally]:
        """Of the stretches that end at each bound; the last bound is above every revision."""
        return self._tallies(tallies_of(bounds), len(bounds))

    def moved_since(self, revision: int) -> list[Tally]:
        """Of all rows above a revision: those shown, and those that ended."""
        return self._tallies(moved_since(revision), 2)

    def _tallies(self, sql: str, places: int) -> list[Tally]:
        found = [NOTHING] * places
        columns = fetch(self.connection, sql).columns
        for place, *sums in zip(*(column.to_pylist() for column in columns), strict=True):
            found[place] = Tally(*sums)
        return found

    def rows(self, sql: str) -> Iterator[pa.RecordBatch]:
        return stream(self.connection, sql)


@contextmanager
def export_snapshot(url: str) -> Iterator[Snapshot]:
    with bulk_connection(url) as connection:
        if not url.startswith("sqlite"):
            for each in SESSION:
                execute(connection, each)
        yield Snapshot(connection)
