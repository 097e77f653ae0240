"""What an import asks of the database: batches in order, ids for external ids, corrections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import MergeCounts, column_names, execute, fetch, merge, stage
from api.db.models import (
    AttributeDefinition,
    Customer,
    CustomerNameToken,
    ImportBatch,
)
from api.db.secret_in_use import CHANGED
from api.errors import Conflict, NotReady

SOURCE_LENGTH = 200
UNKNOWN = -1


@dataclass(frozen=True)
class Definition:
    """A custom attribute as the database knows it."""

    name: str
    value_type: str
    sensitive: bool
    label_en: str
    label_zh: str


@dataclass
class BatchWriter:
    """One transaction of an import: its connection, its batch, and whether it wrote anything."""

    connection: adbc.Connection
    dialect: str
    batch_id: int = 0
    touched: bool = False

    def begin(self, kind: str, source: str, now: dt.datetime) -> None:
        """Take the writers' lock, so that batches become visible in the order of their ids.

        Raises:
            Conflict: SQLite's other writer did not end in time.
        """
        try:
            if self.dialect == "sqlite":
                execute(self.connection, "UPDATE installation SET id = id")
            else:
                fetch(self.connection, "SELECT id FROM installation FOR UPDATE")
        except adbc.Error as error:
            if "locked" in str(error):
                raise Conflict(
                    "Another import or a refresh is writing to this database; try again after it."
                ) from None
            raise
        row = {
            "kind": [kind],
            "source": [source[:SOURCE_LENGTH]],
            "arrived_at": pa.array([now], pa.timestamp("us", "UTC")),
            "status": ["done"],
            "rows_added": [0],
            "rows_changed": [0],
        }
        self.stage("new_batch", ImportBatch.__table__, pa.table(row))
        listed = ", ".join(row)
        execute(
            self.connection,
            f"INSERT INTO import_batches ({listed}) SELECT {listed} FROM new_batch",
        )
        self.batch_id = self._number("SELECT MAX(id) FROM import_batches")
        self.touched = False

    def require_secret(self, key_id: str) -> None:
        """Raises:
        NotReady: the root secret was changed while this import ran.
        """
        found = fetch(self.connection, "SELECT secret_id FROM installation")
        if found.column("secret_id")[0].as_py() != key_id:
            raise NotReady(CHANGED)

    def end(self, added: int, changed: int) -> None:
        """Commit the batch; one that changed nothing leaves no trace."""
        if not (added or changed or self.touched):
            self.connection.rollback()
            return
        execute(
            self.connection,
            "UPDATE import_batches SET rows_added = ?, rows_changed = ? WHERE id = ?",
            (added, changed, self.batch_id),
        )
        self.connection.commit()

    def stage(
        self,
        name: str,
        table: sa.FromClause,
        data: pa.Table,
        extra: Mapping[str, pa.DataType] | None = None,
    ) -> None:
        stage(self.connection, self.dialect, name, table, data, extra)

    def merge(
        self,
        staged: str,
        table: sa.FromClause,
        key: Sequence[str],
        fact_columns: Sequence[str] = (),
        compare: Sequence[str] | None = None,
    ) -> MergeCounts:
        """Merge a staged table; a change of what the fact store holds is a correction of it."""
        staged_columns = column_names(self.connection, staged)
        facts = [name for name in fact_columns if name in staged_columns]
        if facts and self.differing(staged, table, key, facts):
            self.correct_history()
        counts = merge(self.connection, self.dialect, staged, table, key, compare, ("batch_id",))
        self.touched |= bool(counts.added or counts.changed)
        return counts

    def differing(
        self, staged: str, table: sa.FromClause, key: Sequence[str], columns: Sequence[str]
    ) -> int:
        """Staged rows whose stored counterpart has other values in these columns."""
        same = " AND ".join(f"t.{name} = s.{name}" for name in key)
        old = ", ".join(f"t.{name}" for name in columns)
        new = ", ".join(f"s.{name}" for name in columns)
        return self._number(
            f"SELECT COUNT(*) FROM {staged} s JOIN {table} t ON {same} "
            f"WHERE ({old}) IS DISTINCT FROM ({new})"
        )

    def correct_history(self) -> None:
        """A stored fact changes: the fact store must be rebuilt."""
        execute(self.connection, "UPDATE installation SET facts_epoch = facts_epoch + 1")
        self.touched = True

    def resolve(self, table: sa.FromClause, external_ids: pa.Array) -> np.ndarray:
        """The internal id of each external id, `UNKNOWN` where there is none."""
        ids = np.full(len(external_ids), UNKNOWN, dtype=np.int64)
        if not len(external_ids):
            return ids
        wanted = pa.table({"place": np.arange(len(external_ids)), "external_id": external_ids})
        self.stage("wanted", table, wanted, {"place": pa.int64()})
        found = fetch(
            self.connection,
            f"SELECT w.place, t.id FROM wanted w JOIN {table} t ON t.external_id = w.external_id",
        )
        ids[found["place"].to_numpy()] = found["id"].to_numpy()
        return ids

    def add_missing(self, table: sa.FromClause, rows: pa.Table) -> None:
        """Insert rows for external ids that are not there."""
        if not rows.num_rows:
            return
        data = rows.append_column("batch_id", pa.array([self.batch_id] * rows.num_rows))
        self.stage("missing", table, data)
        self.merge("missing", table, ["external_id"], compare=())

    def know_earlier(self, known_at: pa.Table) -> None:
        """A customer is known from the first order on at the latest; columns: id, known_at."""
        self.stage("first_orders", Customer.__table__, known_at)
        lowered = execute(
            self.connection,
            "UPDATE customers SET known_at = f.known_at FROM first_orders f "
            "WHERE customers.id = f.id AND f.known_at < customers.known_at",
        )
        if lowered:
            self.correct_history()

    def keep_earliest(self, staged: str) -> None:
        """Staged customers keep the earliest moment at which the business is known to know them."""
        execute(
            self.connection,
            f"UPDATE {staged} SET known_at = c.known_at FROM customers c "
            f"WHERE c.external_id = {staged}.external_id AND c.known_at < {staged}.known_at",
        )

    def definitions(self) -> dict[str, Definition]:
        names = list(Definition.__dataclass_fields__)
        rows = fetch(self.connection, f"SELECT {', '.join(names)} FROM attribute_definitions")
        return {
            row["name"]: Definition(**row | {"sensitive": bool(row["sensitive"])})
            for row in rows.to_pylist()
        }

    def define(self, definitions: Iterable[Definition]) -> None:
        if rows := [vars(definition) for definition in definitions]:
            self.stage("defined", AttributeDefinition.__table__, pa.Table.from_pylist(rows))
            self.merge("defined", AttributeDefinition.__table__, ["name"])

    def sealed(
        self, table: sa.FromClause, keys: pa.Table, columns: Sequence[str]
    ) -> dict[int, dict[str, object]]:
        """Stored ciphertexts with the customer (`owner`) they are bound to, by place in `keys`."""
        places = pa.array(np.arange(keys.num_rows))
        self.stage("wanted", table, keys.append_column("place", places), {"place": pa.int64()})
        same = " AND ".join(f"t.{name} = w.{name}" for name in keys.column_names)
        listed = ", ".join(f"t.{name}" for name in columns)
        owner = "external_id" if table is Customer.__table__ else "customer_id"
        on = f"c.{'external_id' if owner == 'external_id' else 'id'} = t.{owner}"
        found = fetch(
            self.connection,
            f"SELECT w.place, c.external_id AS owner, {listed} FROM wanted w "
            f"JOIN {table} t ON {same} JOIN customers c ON {on}",
        )
        return {row["place"]: row for row in found.to_pylist()}

    def replace_name_tokens(self, customer_ids: np.ndarray, tokens: pa.Table) -> None:
        """Set the searchable words of these customers' names; columns as in the table."""
        table = CustomerNameToken.__table__
        ids = pa.table({"customer_id": pa.array(customer_ids)})
        self.stage("renamed", table, ids)
        execute(
            self.connection,
            "DELETE FROM customer_name_tokens WHERE customer_id IN "
            "(SELECT customer_id FROM renamed)",
        )
        self.stage("tokens", table, tokens)
        self.merge("tokens", table, ["token_hash", "customer_id"])

    def raise_versions(self, columns: Sequence[str]) -> int:
        """Give a new version to stored customers that a staged row or attribute changes.

        Returns their number; `columns` are those in which a row can differ.
        """
        old = ", ".join(f"t.{name}" for name in columns)
        new = ", ".join(f"s.{name}" for name in columns)
        return execute(
            self.connection,
            "UPDATE customers SET version = version + 1 WHERE id IN ("
            f"SELECT t.id FROM staged s JOIN customers t ON t.external_id = s.external_id "
            f"WHERE ({old}) IS DISTINCT FROM ({new}) UNION "
            "SELECT x.customer_id FROM staged_attributes x LEFT JOIN customer_attributes a "
            "ON a.customer_id = x.customer_id AND a.name = x.name AND a.valid_from = x.valid_from "
            "WHERE a.customer_id IS NULL OR (a.text_value, a.number_value) "
            "IS DISTINCT FROM (x.text_value, x.number_value))",
        )

    def _number(self, sql: str) -> int:
        return int(fetch(self.connection, sql).column(0)[0].as_py())


def read_rates(connection: adbc.Connection) -> list[tuple[str, dt.date, str]]:
    rows = fetch(connection, "SELECT currency, CAST(day AS TEXT) AS day, rate FROM exchange_rates")
    connection.rollback()
    return [
        (row["currency"], dt.date.fromisoformat(row["day"]), row["rate"])
        for row in rows.to_pylist()
    ]
