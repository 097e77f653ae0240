"""A purchase log as a fact store, so that one set of features and models serves both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import ATTRIBUTES, CUSTOMERS, ORDER_LINES, AttributeField, FactTable
from ml.dataset import MOST_CHOICES
from ml.errors import BadLog
from ml.facts import FactStoreWriter, Manifest, arrow_schema
from ml.logs.purchase_log import PurchaseLog, read_ids
from ml.tables.care import read_table
from ml.tables.columns import Column

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NO_CURRENCY = "XXX"
"""ISO 4217's code for no currency: a log doesn't say which it is in."""
OTHERS = "other"
_BATCH_ROWS = 1 << 17


def write_log_store(
    log: PurchaseLog,
    folder: Path,
    *,
    attributes: pa.Table | None = None,
    attribute_customer: str = "",
    allow_sensitive: bool = False,
) -> tuple[str, ...]:
    """Write a store with the log's rows, and say what became of the attributes.

    Customers get their place in the log plus 1 as their number. All rows of a customer at one
    moment are one order. Amounts of a log without any are 0. `attributes` holds a row for each
    customer, named in the column `attribute_customer`; what it says is taken to have been so from
    the start, as it doesn't tell since when. Identifiers, names and, unless allowed, sensitive
    attributes are left out.

    Raises:
        BadLog: `attributes` lacks its column of customers, or knows none of them.
        BadTable: no attribute is left to be used.
    """
    notes: tuple[str, ...] = ()
    fields: tuple[AttributeField, ...] = ()
    rows = arrow_schema(ATTRIBUTES.columns).empty_table()
    if attributes is not None:
        rows, fields, notes = _attributes(log, attributes, attribute_customer, allow_sensitive)
    _write(folder, log, rows, fields)
    return notes


def _write(
    folder: Path, log: PurchaseLog, attributes: pa.Table, fields: tuple[AttributeField, ...]
) -> Manifest:
    writer = FactStoreWriter(
        folder,
        epoch=1,
        watermark=1,
        base_currency=NO_CURRENCY,
        currency_exponent=log.exponent,
        time_zone=log.time_zone,
        attributes=fields,
        keep=None,
    )
    writer.append(CUSTOMERS, _batches(_customers(log)))
    writer.append(ORDER_LINES, _batches(_order_lines(log)))
    writer.append(ATTRIBUTES, _batches(attributes))
    return writer.commit()


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches(max_chunksize=_BATCH_ROWS)


def _customers(log: PurchaseLog) -> pa.Table:
    """Everyone with a row left, known since the first."""
    places, first = np.unique(log.customer, return_index=True)
    columns = {
        "customer_id": places + 1,
        "kind": pa.array(["b2c"] * len(places)),
        "known_at": log.moment[first],
    }
    return _table(CUSTOMERS, columns, len(places))


def _order_lines(log: PurchaseLog) -> pa.Table:
    rows = len(log)
    customer_changes = np.diff(log.customer, prepend=-1) != 0
    changes = customer_changes | (np.diff(log.moment, prepend=-1) != 0)
    order = np.cumsum(changes)
    starts = np.flatnonzero(changes)
    amount = np.zeros(rows, np.int64) if log.amount_minor is None else log.amount_minor
    columns = {
        "order_id": order,
        "line_no": np.arange(rows) - starts[order - 1] + 1,
        "customer_id": log.customer + 1,
        "ordered_at": log.moment,
        "quantity_milli": np.where(log.bought, 1000, -1000),
        "amount_minor": amount,
        "discount_minor": np.zeros(rows, np.int64),
    }
    return _table(ORDER_LINES, columns, rows)


def _table(kind: FactTable, columns: dict[str, Ints | pa.Array], rows: int) -> pa.Table:
    schema = arrow_schema(kind.columns)
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _attributes(
    log: PurchaseLog, table: pa.Table, customer: str, allow_sensitive: bool
) -> tuple[pa.Table, tuple[AttributeField, ...], tuple[str, ...]]:
    if customer not in table.column_names:
        raise BadLog(
            f"The attributes have no column {customer!r}; theirs are "
            f"{', '.join(table.column_names)}. It must be named as in the log."
        )
    places, ours, notes = _owners(log, read_ids(table[customer], customer))
    table = table.drop_columns([customer]).take(pa.array(ours))
    found = read_table(table, label=None, allow_sensitive=allow_sensitive)
    fields, parts = [], []
    for column, values in zip(found.columns, found.values.T, strict=True):
        field, texts, numbers = _stated(column, values)
        fields.append(field)
        said = np.flatnonzero(~np.isnan(values))
        columns = {
            "customer_id": places[said] + 1,
            "name": pa.array([field.name] * len(said)),
            "valid_from": np.zeros(len(said), np.int64),
            "text_value": texts.take(pa.array(said)),
            "number_value": numbers.take(pa.array(said)),
        }
        parts.append(_table(ATTRIBUTES, columns, len(said)))
    return pa.concat_tables(parts), tuple(fields), (*notes, *found.notes)


def _owners(log: PurchaseLog, ids: pa.Array) -> tuple[Ints, Ints, list[str]]:
    """Customers of the log and the row each has among the attributes, the first if it has more."""
    known = np.asarray(
        pc.fill_null(pc.index_in(ids, log.customers), -1).to_numpy(zero_copy_only=False)
    )
    rows = np.flatnonzero((known >= 0) & np.asarray(ids.is_valid()))
    if not len(rows):
        raise BadLog("The attributes are of none of the log's customers: are the ids the same?")
    places, first = np.unique(known[rows], return_index=True)
    notes = []
    if len(rows) > len(places):
        notes.append(
            f"{len(rows) - len(places):,} rows of attributes repeat a customer; the first counts."
        )
    if len(places) < len(log.customers):
        notes.append(f"{len(log.customers) - len(places):,} customers have no attributes.")
    return places.astype(np.int64), rows[first], notes


def _stated(column: Column, values: Floats) -> tuple[AttributeField, pa.Array, pa.Array]:
    """A field, and its values as texts or as numbers."""
    if column.kind != "choice":
        numbers = pa.array(values, mask=np.isnan(values))
        return AttributeField(column.name, "number"), pa.nulls(len(values), pa.string()), numbers
    codes = np.where(np.isnan(values), -1, values).astype(np.int64)
    counts = Counter(codes[codes >= 0].tolist())
    common = [code for code, _ in counts.most_common(MOST_CHOICES)]
    if len(counts) > MOST_CHOICES:
        common = common[:-1]
    words = {code: column.choices[code] for code in common} | {-1: None}
    texts = pa.array([words.get(code, OTHERS) for code in codes.tolist()], pa.string())
    choices = tuple(sorted({words.get(code, OTHERS) or OTHERS for code in counts}))
    field = AttributeField(column.name, "choice", choices)
    return field, texts, pa.nulls(len(values), pa.float64())
