"""Order lines: their numbers and their order's header, kept straight across a file's batches."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_sqlite import dbapi as sqlite

from api.db.bulk import execute, fetch
from api.intake.conversion import Batch

NEVER = np.iinfo(np.int64).min


@dataclass
class Orders:
    """The orders of a batch: `codes` says for each row which of `ids` it belongs to (-1: none)."""

    codes: np.ndarray
    ids: pa.Array
    lines: np.ndarray
    """Rows of each order up to and with this batch, bad ones too."""
    row_number: np.ndarray
    """The row that gave the order its customer and time; 0: none yet."""
    customer: np.ndarray
    ordered_at: np.ndarray


class SeenOrders:
    """Orders of earlier batches, in SQLite's temporary storage, which spills to disk."""

    def __init__(self) -> None:
        self._connection = sqlite.connect(":memory:")
        execute(
            self._connection,
            "CREATE TEMPORARY TABLE seen (order_id TEXT PRIMARY KEY, lines INTEGER, "
            "row_number INTEGER, customer TEXT, ordered_at INTEGER) WITHOUT ROWID",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def recall(self, codes: np.ndarray, ids: pa.Array) -> Orders:
        """What is known of these orders from earlier batches."""
        orders = Orders(
            codes,
            ids,
            np.zeros(len(ids), np.int64),
            np.zeros(len(ids), np.int64),
            np.full(len(ids), None, dtype=object),
            np.full(len(ids), NEVER),
        )
        self._stage(pa.table({"place": np.arange(len(ids)), "order_id": ids}))
        found = fetch(
            self._connection,
            "SELECT i.place, s.lines, s.row_number, s.customer, s.ordered_at "
            "FROM incoming i JOIN seen s ON s.order_id = i.order_id",
        )
        if found.num_rows:
            places = found["place"].to_numpy()
            for name in ("lines", "row_number", "ordered_at"):
                getattr(orders, name)[places] = found[name].to_numpy()
            orders.customer[places] = found["customer"].to_numpy(zero_copy_only=False)
        return orders

    def remember(self, orders: Orders) -> None:
        self._stage(
            pa.table(
                {
                    "order_id": orders.ids,
                    "lines": orders.lines,
                    "row_number": orders.row_number,
                    "customer": pa.array(orders.customer, pa.string()),
                    "ordered_at": orders.ordered_at,
                }
            )
        )
        execute(
            self._connection,
            "INSERT OR REPLACE INTO seen "
            "SELECT order_id, lines, row_number, COALESCE(customer, ''), ordered_at FROM incoming",
        )

    def _stage(self, table: pa.Table) -> None:
        execute(self._connection, "DROP TABLE IF EXISTS incoming")
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest("incoming", table, mode="create", temporary=True)


def arrange(batch: Batch, seen: SeenOrders) -> Orders:
    """Number the lines that have no number, and hold each order to one customer and one time."""
    encoded = batch.columns["order_id"].dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    orders = seen.recall(codes, encoded.dictionary)
    places = pd.Series(codes).groupby(codes).cumcount().to_numpy()
    if "line_no" not in batch.columns:
        # Bad rows count too: once mended, they don't move the others.
        before = np.append(orders.lines, 0)
        batch.columns["line_no"] = pa.array(before[codes] + places + 1)
    orders.lines += np.bincount(codes[codes >= 0], minlength=len(orders.ids))
    _take_headers(batch, orders)
    _check_headers(batch, orders)
    return orders


def _moments(batch: Batch) -> np.ndarray:
    values = pc.fill_null(batch.columns["ordered_at"].cast(pa.int64()), NEVER)
    return np.asarray(values.to_numpy(zero_copy_only=False))


def _take_headers(batch: Batch, orders: Orders) -> None:
    """The first good row of an order says whose it is and when it was placed."""
    rows = np.flatnonzero(batch.good)
    codes, first = np.unique(orders.codes[rows], return_index=True)
    fresh = orders.row_number[codes] == 0
    codes, first = codes[fresh], rows[first[fresh]]
    orders.row_number[codes] = batch.raw.row_numbers[first]
    customers = batch.columns["customer_id"].take(pa.array(first))
    orders.customer[codes] = customers.to_numpy(zero_copy_only=False)
    orders.ordered_at[codes] = _moments(batch)[first]


def _check_headers(batch: Batch, orders: Orders) -> None:
    good = batch.good
    codes = np.where(good, orders.codes, 0)
    if not good.any():
        return
    expected = pa.array(orders.customer, pa.string()).take(pa.array(codes))
    stranger = good & pc.fill_null(
        pc.not_equal(expected, batch.columns["customer_id"]), False
    ).to_numpy(zero_copy_only=False)
    elsewhen = good & (orders.ordered_at[codes] != _moments(batch))

    def first_row(row: int) -> str:
        return f"on row {orders.row_number[orders.codes[row]]}"

    batch.reject(
        "customer_id", stranger, lambda row: f"is not the order's customer {first_row(row)}"
    )
    batch.reject(
        "ordered_at",
        elsewhen,
        lambda row: f"is not the order's time {first_row(row)}; an order has one",
    )
