"""Money columns of a batch: whole minor units, in the base currency, with the signs of returns."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.domain.money import exponent_of
from api.intake.amounts import scaled
from api.intake.conversion import Batch, Setting, priced_days
from api.intake.fields import Field
from api.intake.texts import as_text, flat, is_missing, mask


def price(batch: Batch, setting: Setting) -> None:
    """Fill the money fields; rows in a currency without a rate are rejected."""
    money = [
        field
        for field in batch.kind.fields
        if field.type == "money" and field.name in batch.matched.fields
    ]
    if not money:
        return
    base = setting.rates.base_currency
    currencies = batch.columns.get("currency", pa.nulls(len(batch), pa.string()))
    currencies = pc.fill_null(currencies, base)
    used = currencies.unique().to_pylist()
    foreign = mask(pc.not_equal(currencies, base))
    for field in money:
        theirs = batch.matched.fields[field.name]
        cells = flat(batch.raw.table.column(theirs), theirs)
        values = pa.nulls(len(batch), pa.int64())
        for currency in used:
            rows = None if len(used) == 1 else mask(pc.equal(currencies, currency))
            values = _read(batch, field, cells, currency, rows, values)
        batch.columns[field.name] = values
    if foreign.any():
        _convert_foreign(batch, setting, money, currencies, foreign)
    _check_signs(batch, money)


def _read(
    batch: Batch,
    field: Field,
    cells: pa.Array,
    currency: str,
    rows: np.ndarray | None,
    values: pa.Array,
) -> pa.Array:
    """The field's minor units in the rows of one currency; None: all of them are."""
    exponent = exponent_of(currency)
    if rows is not None:
        cells = pc.if_else(pa.array(rows), cells, pa.scalar(None, cells.type))
    found, bad, fine = scaled(cells, exponent)
    batch.reject_cells(field, cells, bad, "is not an amount; write it like 12.50, without symbols")
    batch.reject_cells(field, cells, fine, f"has more decimals than the {exponent} of {currency}")
    if field.required:
        empty = is_missing(as_text(cells))
        wanted = empty if rows is None else empty & rows
        batch.reject(field.name, wanted, "is empty; every row needs one")
    return found if rows is None else pc.if_else(pa.array(rows), found, values)


def _convert_foreign(
    batch: Batch,
    setting: Setting,
    money: list[Field],
    currencies: pa.Array,
    foreign: np.ndarray,
) -> None:
    """Replace foreign amounts by what they are worth in the base currency."""
    priced = _priced_rows(batch, setting, currencies, foreign)
    if "source_amount_minor" in batch.kind.table.c:
        original = pa.array(foreign)
        batch.columns["source_currency"] = pc.if_else(original, currencies, None)
        batch.columns["source_amount_minor"] = pc.if_else(original, batch.columns["amount"], None)
    for field in money:
        values = batch.columns[field.name].to_pylist()
        beyond = np.zeros(len(batch), dtype=bool)
        for row, currency, day in priced:
            if values[row] is not None:
                values[row] = setting.rates.convert(values[row], currency, day)
                beyond[row] = values[row] is None
        batch.columns[field.name] = pa.array(values, pa.int64())
        base = setting.rates.base_currency
        batch.reject(field.name, beyond, f"is more in {base} than can be stored")


def _priced_rows(
    batch: Batch, setting: Setting, currencies: pa.Array, foreign: np.ndarray
) -> list[tuple[int, str, dt.date]]:
    """The foreign rows that a rate is known for, with currency and day; others are rejected."""
    days = priced_days(batch, setting)
    rows = np.flatnonzero(foreign & batch.good)
    wanted = zip(
        rows.tolist(),
        currencies.take(rows).to_pylist(),
        days.take(rows).to_pylist(),
        strict=True,
    )
    priced = [each for each in wanted if setting.rates.on(each[1], each[2]) is not None]
    unpriced = foreign & batch.good
    unpriced[[row for row, _currency, _day in priced]] = False
    batch.reject(
        "currency",
        unpriced,
        lambda row: f"no rate for {currencies[row]} on {days[row]}: import exchange_rates",
    )
    return priced


def _check_signs(batch: Batch, money: list[Field]) -> None:
    """A return has a negative quantity, and then all its amounts are negative."""
    quantity = batch.columns.get("quantity")
    for field in money:
        values = batch.columns[field.name]
        negative = mask(pc.less(values, 0))
        if quantity is not None:
            sold = mask(pc.greater(quantity, 0))
            problem = "is negative though the quantity is not; a return has a negative quantity"
            theirs = batch.matched.fields[field.name]
            cells = flat(batch.raw.table.column(theirs), theirs)
            batch.reject_cells(field, cells, negative & sold, problem)
            returned = pc.less(quantity, 0)
            batch.columns[field.name] = pc.if_else(
                pc.fill_null(returned, False), pc.negate(pc.abs(values)), values
            )
        elif field.minimum is not None:
            batch.reject(field.name, negative, f"is below {field.minimum:g}")
    if quantity is not None and "source_amount_minor" in batch.columns:
        source = batch.columns["source_amount_minor"]
        batch.columns["source_amount_minor"] = pc.if_else(
            pc.fill_null(pc.less(quantity, 0), False), pc.negate(pc.abs(source)), source
        )
