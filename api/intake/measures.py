"""A table of customers and measures, such as a spreadsheet, as the columns that policies read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from api.domain.fields import Field, attribute_field, nearest
from api.domain.tiers.standings import NOWHERE, Standing
from api.errors import InvalidInput
from api.intake.amounts import scaled
from api.intake.moments import read_days
from api.intake.texts import as_text, read_booleans, read_numbers

Column = npt.NDArray[Any]
CUSTOMER = "customer_id"
MOST_FAULTS = 5


def customer_ids(table: pa.Table, what: str) -> pa.Array:
    """The customers of a table as text, unchanged.

    Raises:
        InvalidInput: there is no such column, a cell is empty, or a customer is there twice.
    """
    if CUSTOMER not in table.column_names:
        raise InvalidInput(
            f"{what} has no column {CUSTOMER!r}{nearest(CUSTOMER, table.column_names)}."
        )
    ids = as_text(_flat(table, CUSTOMER))
    if ids.null_count:
        row = ids.is_null().to_pylist().index(True) + 1
        raise InvalidInput(f"{what}, row {row}: {CUSTOMER} is empty.")
    encoded = ids.dictionary_encode()
    if len(encoded.dictionary) < len(ids):
        codes = encoded.indices.to_numpy()
        _, first = np.unique(codes, return_index=True)
        twice = int(np.setdiff1d(np.arange(len(codes)), first)[0]) + 1
        raise InvalidInput(f"{what}, row {twice}: this customer_id is there twice.")
    return ids


def named_fields(table: pa.Table) -> dict[str, Field]:
    """Fields for columns called `attribute.NAME`, typed by what they hold."""
    fields = {}
    for name in table.column_names:
        if name.startswith("attribute."):
            plain = name.removeprefix("attribute.")
            _, bad = read_numbers(_flat(table, name))
            kind = "text" if bad.any() else "number"
            fields[name] = attribute_field(plain, kind, plain, plain)  # type: ignore[arg-type]
    return fields


def measure_columns(
    table: pa.Table, fields: Mapping[str, Field], exponent: int, zone: ZoneInfo
) -> dict[str, Column]:
    """The columns of these fields; amounts in the table are in major units, days are ISO 8601.

    Fields without a column are left out. A fraction of a minor unit is kept, rounded down, so
    that it never reaches a threshold that the amount does not reach.

    Raises:
        InvalidInput: a cell can't be read; the message names its column, its row and what would do.
    """
    columns = {}
    for name, field in fields.items():
        if name in table.column_names:
            columns[name] = _column(_flat(table, name), field, exponent, zone)
    return columns


def missing_column(field: Field, size: int) -> Column:
    """The column of a field of which nothing is known."""
    if field.type == "date":
        return np.full(size, NOWHERE)
    if field.type in ("text", "choice"):
        return np.full(size, None, dtype=object)
    return np.full(size, np.nan)


def previous_standing(
    table: pa.Table, ids: pa.Array, zone: ZoneInfo, known_tiers: list[str]
) -> Standing:
    """Where the customers of `ids` stood, by the file that an earlier decision wrote.

    An empty tier is below the lowest. `since`, `watch_since` and `evaluated_on` may be left out:
    then the tier is as old as can be.
    """
    what = "The previous file"
    before = customer_ids(table, what)
    if "tier" not in table.column_names:
        raise InvalidInput(f"{what} has no column 'tier'.")
    tiers = as_text(_flat(table, "tier"))
    for row, tier in enumerate(tiers.to_pylist(), start=1):
        if tier is not None and tier not in known_tiers:
            raise InvalidInput(
                f"{what}, row {row}: the policy has no tier {tier!r}{nearest(tier, known_tiers)}."
            )
    places = {each: place for place, each in enumerate(before.to_pylist())}
    rows = np.fromiter((places.get(each, -1) for each in ids.to_pylist()), np.int64, len(ids))
    known = rows >= 0

    def at(column: Column, missing: Any) -> Column:
        spread: Column = np.full(len(ids), missing, dtype=column.dtype)
        spread[known] = column[rows[known]]
        return spread

    days = [
        at(_days(_flat(table, name), name, zone), NOWHERE)
        if name in table.column_names
        else np.full(len(ids), NOWHERE)
        for name in ("since", "watch_since", "evaluated_on")
    ]
    return Standing(at(np.array(tiers.to_pylist(), dtype=object), None), known, *days)


def _flat(table: pa.Table, name: str) -> pa.Array:
    column = table[name]
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _column(array: pa.Array, field: Field, exponent: int, zone: ZoneInfo) -> Column:
    match field.type:
        case "money":
            return _amounts(array, field.name, exponent)
        case "number":
            values, bad = read_numbers(array)
            _require(~bad, field.name, "a number such as 12.5")
            return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
        case "boolean":
            truths, bad = read_booleans(array)
            _require(~bad, field.name, "yes or no")
            numbers = truths.cast(pa.float64()).to_numpy(zero_copy_only=False)
            return np.asarray(numbers, dtype=np.float64)
        case "date":
            return _days(array, field.name, zone)
    texts: Column = np.array(as_text(array).to_pylist(), dtype=object)
    if field.choices:
        known = {each.value for each in field.choices}
        fits = np.fromiter((each is None or each in known for each in texts), bool, len(texts))
        _require(fits, field.name, f"one of {', '.join(sorted(known))}")
    return texts


def _amounts(array: pa.Array, name: str, exponent: int) -> Column:
    minor, bad, finer = scaled(array, exponent)
    _require(~bad, name, "an amount such as 1234.50, without separators of thousands")
    values: Column = minor.cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    texts = as_text(array)
    for row in np.flatnonzero(finer):
        amount = Decimal(texts[int(row)].as_py()).scaleb(exponent)
        value = float(amount)
        values[row] = value if Decimal(value) <= amount else np.nextafter(value, -np.inf)
    return values


def _days(array: pa.Array, name: str, zone: ZoneInfo) -> Column:
    days, bad = read_days(array, zone)
    _require(~bad, name, f"a day such as {dt.date(2026, 1, 31)}")
    return np.asarray(days.to_numpy(zero_copy_only=False), dtype="datetime64[D]")


def _require(good: npt.NDArray[np.bool_], name: str, meant: str) -> None:
    rows = np.flatnonzero(~good) + 1
    if len(rows):
        listed = ", ".join(str(row) for row in rows[:MOST_FAULTS])
        more = f" and {len(rows) - MOST_FAULTS:,} more" if len(rows) > MOST_FAULTS else ""
        raise InvalidInput(f"Column {name}, row {listed}{more}: takes {meant}.")
