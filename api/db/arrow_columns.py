"""Arrow columns as the databases store them: types, JSON, moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from api.db.models.base import UtcDateTime

BATCH_ROWS = 65_536
"""Rows converted at a time, so that no copy of a whole table is made."""
JSONB_VERSION = "\x01"
"""What PostgreSQL wants before the text of a JSONB value that is copied in binary."""


def stored_batches(
    data: pa.Table | pa.RecordBatchReader,
    table: sa.FromClause,
    dialect: str,
    extra: Mapping[str, pa.DataType] | None = None,
) -> pa.RecordBatchReader:
    """The rows as they are copied into `table`, or into one with columns typed like its own.

    Columns are those of `table`, or of `extra`, which are kept in the type given there. A JSON
    column comes as JSON text, a moment as a timestamp with a time zone.
    """
    targets = [_arrow_type(column, table, extra or {}) for column in data.schema.names]
    for field, target in zip(data.schema, targets, strict=True):
        if pa.types.is_timestamp(field.type) and pa.types.is_timestamp(target):
            _require_zone(field.name, field.type, target)
    binary = [dialect == "postgresql" and is_jsonb(name, table) for name in data.schema.names]
    schema = pa.schema(
        [
            (name, _stored_type(target, dialect))
            for name, target in zip(data.schema.names, targets, strict=True)
        ]
    )
    batches = data.to_batches(BATCH_ROWS) if isinstance(data, pa.Table) else data

    def converted() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            columns = [
                _convert(column, target, dialect, jsonb=jsonb)
                for column, target, jsonb in zip(batch.columns, targets, binary, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    return pa.RecordBatchReader.from_batches(schema, converted())


def by_customer(rows: pa.Table) -> pa.Table:
    """One row a customer, in order; copied only where they are not in order yet."""
    ids = rows["customer_id"].to_numpy()
    return rows if bool((ids[1:] > ids[:-1]).all()) else rows.sort_by("customer_id")


def is_jsonb(column: str, table: sa.FromClause) -> bool:
    """Whether PostgreSQL keeps this column as JSONB."""
    if column not in table.c:
        return False
    stored = table.c[column].type.dialect_impl(postgresql.dialect())  # type: ignore[no-untyped-call]
    return isinstance(stored, postgresql.JSONB)


def column_types(
    names: list[str], table: sa.FromClause, extra: Mapping[str, pa.DataType]
) -> dict[str, str]:
    """PostgreSQL's types of a temporary table for such rows."""
    types = {}
    for name in names:
        if name in extra:
            types[name] = _POSTGRESQL_TYPES[extra[name]]
        elif isinstance(kind := table.c[name].type, sa.String):
            types[name] = "TEXT"
        else:
            types[name] = kind.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    return types


_POSTGRESQL_TYPES = {
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE PRECISION",
    pa.string(): "TEXT",
    pa.bool_(): "BOOLEAN",
}


def _arrow_type(column: str, table: sa.FromClause, extra: Mapping[str, pa.DataType]) -> pa.DataType:
    """The Arrow type that goes into a column of this kind."""
    if column in extra:
        return extra[column]
    kind = table.c[column].type
    if isinstance(kind, UtcDateTime):
        return pa.timestamp("us", "UTC")
    for sql_type, arrow_type in _ARROW_TYPES:
        if isinstance(kind, sql_type):
            return arrow_type
    raise TypeError(f"{table}.{column}: no Arrow type for {kind!r}")


_ARROW_TYPES: tuple[tuple[type[sa.types.TypeEngine[Any]], pa.DataType], ...] = (
    (sa.BigInteger, pa.int64()),
    (sa.Integer, pa.int32()),
    (sa.Float, pa.float64()),
    (sa.Boolean, pa.bool_()),
    (sa.Date, pa.date32()),
    (sa.LargeBinary, pa.binary()),
    (sa.JSON, pa.string()),
    (sa.String, pa.string()),
)


def _require_zone(name: str, given: pa.DataType, target: pa.DataType) -> None:
    if target.tz and not given.tz:
        raise TypeError(f"{name}: a moment needs a time zone")


def _stored_type(target: pa.DataType, dialect: str) -> pa.DataType:
    if dialect == "postgresql":
        return target
    if pa.types.is_temporal(target):
        return pa.string()
    return pa.int64() if pa.types.is_boolean(target) else target


def _convert(column: pa.Array, target: pa.DataType, dialect: str, *, jsonb: bool) -> pa.Array:
    column = pc.cast(column, target)
    if jsonb:
        return pc.binary_join_element_wise(JSONB_VERSION, column, "")
    if dialect == "postgresql" or _stored_type(target, dialect) == target:
        return column
    if pa.types.is_timestamp(target) and target.tz:
        # SQLAlchemy's text: no offset, always six digits of a second.
        column = pc.cast(column, pa.timestamp("us"))
    return pc.cast(column, _stored_type(target, dialect))
