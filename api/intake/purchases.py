"""Order lines into the database, and the orders they make up."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.db.bulk import MergeCounts
from api.db.models import Order, OrderLine
from api.intake.orders import Orders
from api.intake.writing import Writing, as_moments, earliest, table_of

ORDER_FACTS = ("customer_id", "ordered_at")
HEADER = ("channel", "store")
LINE = (
    "line_no",
    "product_id",
    "quantity_milli",
    "amount_minor",
    "discount_minor",
    "cost_minor",
    "source_currency",
    "source_amount_minor",
    "batch_id",
)


def write_order_lines(writing: Writing, orders: Orders) -> MergeCounts:
    """Write the orders of the batch's rows, then the rows as their lines."""
    places = writing.places
    customers = writing.ids["customer_id"][places]
    first_orders = earliest(customers, writing.taken("ordered_at"))
    writing.writer.know_earlier(
        pa.table({"id": first_orders.index.to_numpy(), "known_at": as_moments(first_orders)})
    )
    codes, first, of_row = np.unique(orders.codes[places], return_index=True, return_inverse=True)
    external_ids = orders.ids.take(pa.array(codes))
    changed_orders = _write_orders(writing, external_ids, first, customers)
    order_ids = writing.writer.resolve(Order.__table__, external_ids)
    data = table_of(writing)
    lines = data.select([name for name in LINE if name in data.column_names])
    lines = lines.append_column("order_id", pa.array(order_ids[of_row]))
    lines = _with_discount(lines)
    writing.writer.stage("staged", OrderLine.__table__, lines)
    key = ["order_id", "line_no"]
    counts = writing.writer.merge("staged", OrderLine.__table__, key)
    if counts.changed:
        writing.writer.correct_history()
    # An order's change is told by its lines, as far as they aren't counted already.
    changed = min(counts.changed + changed_orders, len(places) - counts.added)
    return MergeCounts(counts.added, changed)


def _write_orders(
    writing: Writing, external_ids: pa.Array, first: np.ndarray, customers: np.ndarray
) -> int:
    rows = pa.array(first)
    columns = {
        "external_id": external_ids,
        "customer_id": pa.array(customers[first]),
        "ordered_at": writing.taken("ordered_at").take(rows),
        "batch_id": writing.same_batch(len(first)),
    }
    for name in HEADER:
        if name in writing.batch.columns:
            columns[name] = writing.taken(name).take(rows)
    table = Order.__table__
    writing.writer.stage("staged_orders", table, pa.table(columns))
    return writing.writer.merge("staged_orders", table, ["external_id"], ORDER_FACTS).changed


def _with_discount(lines: pa.Table) -> pa.Table:
    if "discount_minor" not in lines.column_names:
        return lines.append_column("discount_minor", pa.array(np.zeros(len(lines), np.int64)))
    place = lines.column_names.index("discount_minor")
    return lines.set_column(place, "discount_minor", pc.fill_null(lines["discount_minor"], 0))
