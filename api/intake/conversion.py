"""From a file's cells to typed columns: one field after the other, bad cells named."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.domain.contact_points import normalise_email, normalise_phone
from api.intake.amounts import ExchangeRates, normal_rate, scaled
from api.intake.columns import Matched
from api.intake.fields import FactKind, Field
from api.intake.moments import UTC_MOMENT, local_days, read_days, read_moments
from api.intake.rejects import WITHHELD, Rejections, shown
from api.intake.rows import RawBatch
from api.intake.texts import (
    as_text,
    flat,
    is_missing,
    mask,
    only,
    read_booleans,
    read_integers,
    read_numbers,
)

LONGEST_PERSONAL = 4000


@dataclass(frozen=True)
class Setting:
    """What values are read against: the business's zone and currency, the clock, the rates."""

    zone: ZoneInfo
    now: dt.datetime
    rates: ExchangeRates

    @property
    def today(self) -> dt.date:
        return self.now.astimezone(self.zone).date()


class Batch:
    """The rows of one transaction on their way in; `columns` holds our fields, typed."""

    def __init__(self, kind: FactKind, raw: RawBatch, matched: Matched) -> None:
        self.kind = kind
        self.raw = raw
        self.matched = matched
        self.columns: dict[str, pa.Array] = {}
        self.attributes: dict[str, pa.Array] = {}
        self.rejections = Rejections(len(raw.row_numbers))
        self.repeated = np.zeros(len(raw.row_numbers), dtype=bool)
        """Rows that say again what an earlier row of the file said."""

    def __len__(self) -> int:
        return len(self.raw.row_numbers)

    @property
    def good(self) -> np.ndarray:
        return ~self.rejections.bad

    @property
    def wanted(self) -> np.ndarray:
        return self.good & ~self.repeated

    def reject(self, field: str, bad: np.ndarray, reason: str | Callable[[int], str]) -> None:
        self.rejections.add(bad, self.matched.theirs(field), reason)

    def reject_cells(self, field: Field, cells: pa.Array, bad: np.ndarray, problem: str) -> None:
        """Reject with the cell quoted, unless it is personal."""
        if field.personal:
            self.reject(field.name, bad, problem)
        else:
            self.reject(field.name, bad, lambda row: f"{shown(cells, row)} {problem}")


def convert(batch: Batch, setting: Setting) -> None:
    """Fill `batch.columns` with the fields that the file has or that have a default."""
    for field in batch.kind.fields:
        theirs = batch.matched.fields.get(field.name)
        if theirs is not None and field.type != "money":
            cells = flat(batch.raw.table.column(theirs), theirs)
            batch.columns[field.name] = _convert_field(batch, field, cells, setting)
        _fill_default(batch, field)
    for name, theirs in batch.matched.attributes.items():
        batch.attributes[name] = as_text(flat(batch.raw.table.column(theirs), theirs))


def _convert_field(batch: Batch, field: Field, cells: pa.Array, setting: Setting) -> pa.Array:
    values = _READERS[field.type](batch, field, cells, setting)
    if field.required:
        empty = is_missing(as_text(cells))
        batch.reject(field.name, empty, "is empty; every row needs one")
    if field.minimum is not None:
        low = mask(pc.less(values, field.minimum))
        batch.reject_cells(field, cells, low, f"is below {field.minimum:g}")
    return values


def _fill_default(batch: Batch, field: Field) -> None:
    if field.default is None:
        return
    value: str | float = field.default
    if field.type in ("number", "quantity"):
        value = float(field.default) if field.type == "number" else int(field.default) * 1000
    if field.name in batch.columns:
        batch.columns[field.name] = pc.fill_null(batch.columns[field.name], value)
    else:
        batch.columns[field.name] = pa.array([value] * len(batch))


def _read_text(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    text = as_text(cells)
    column = batch.kind.table.c.get(field.target)
    limit = 200 if field.refers_to or field.name == "order_id" else _length_of(column)
    if field.personal:
        limit = LONGEST_PERSONAL
        withheld = mask(pc.equal(text, WITHHELD))
        problem = "was withheld from a quarantine file; import the original row"
        batch.reject(field.name, withheld, problem)
    batch.reject(field.name, mask(pc.match_substring(text, "\0")), "holds a NUL character")
    if limit is not None:
        long = mask(pc.greater(pc.utf8_length(text), limit))
        batch.reject_cells(field, text, long, f"is longer than {limit} characters")
    return text


def _length_of(column: object) -> int | None:
    return getattr(getattr(column, "type", None), "length", None)


def _read_choice(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    text = as_text(cells)
    values = pc.utf8_lower(text)
    known = mask(pc.is_in(values, pa.array(field.allowed)))
    problem = f"is unknown; it is one of {', '.join(field.allowed)}"
    batch.reject_cells(field, text, ~is_missing(text) & ~known, problem)
    return only(values, known)


def _read_number(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    values, bad = read_numbers(cells)
    batch.reject_cells(field, cells, bad, "is not a number; write it like 12.5")
    return values


def _read_integer(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    values, bad = read_integers(cells)
    batch.reject_cells(field, cells, bad, "is not a whole number; write it like 12")
    return values


def _read_boolean(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    values, bad = read_booleans(cells)
    batch.reject_cells(field, cells, bad, "is neither true nor false")
    return values


def _read_quantity(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    values, bad, fine = scaled(cells, 3)
    batch.reject_cells(field, cells, bad, "is not a number; write it like 2 or 0.375")
    batch.reject_cells(field, cells, fine, "has more than 3 decimals")
    return values


def _read_rate(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    _numbers, bad = read_numbers(cells)
    text = only(as_text(cells), ~bad)
    spelled = [None if value is None else normal_rate(value) for value in text.to_pylist()]
    values = pa.array(spelled, pa.string())
    bad |= ~is_missing(text) & is_missing(values)
    batch.reject_cells(field, cells, bad, "is not a rate; write a number above 0, like 1.0825")
    return values


def _read_currency(batch: Batch, field: Field, cells: pa.Array, _setting: Setting) -> pa.Array:
    text = as_text(cells)
    values = pc.utf8_upper(text)
    bad = ~is_missing(text) & ~mask(pc.match_substring_regex(values, "^[A-Z]{3}$"))
    batch.reject_cells(field, text, bad, "is not an ISO 4217 code such as EUR")
    return only(values, ~bad)


def _read_moment(batch: Batch, field: Field, cells: pa.Array, setting: Setting) -> pa.Array:
    values, bad, skipped = read_moments(cells, setting.zone)
    way_out = "write it like 2017-03-01 or 2017-03-01T12:30:00+02:00"
    batch.reject_cells(field, cells, bad, f"is not a moment; {way_out}")
    zone = setting.zone.key
    gap = f"did not exist in {zone}, where the clock was set forward; add its offset"
    batch.reject_cells(field, cells, skipped, gap)
    if not field.ahead:
        future = mask(pc.greater(values, pa.scalar(setting.now, UTC_MOMENT)))
        batch.reject_cells(field, cells, future, "lies in the future")
    return values


def _read_day(batch: Batch, field: Field, cells: pa.Array, setting: Setting) -> pa.Array:
    values, bad = read_days(cells, setting.zone)
    batch.reject_cells(field, cells, bad, "is not a day; write it like 2017-03-01")
    if not field.ahead:
        future = mask(pc.greater(values, pa.scalar(setting.today)))
        batch.reject_cells(field, cells, future, "lies in the future")
    return values


def _read_email(batch: Batch, field: Field, cells: pa.Array, setting: Setting) -> pa.Array:
    text = _read_text(batch, field, cells, setting)
    problem = "is not an e-mail address; write it like name@example.org"
    return _normalised(batch, field, text, normalise_email, problem)


def _read_phone(batch: Batch, field: Field, cells: pa.Array, setting: Setting) -> pa.Array:
    text = _read_text(batch, field, cells, setting)
    problem = "is not a phone number with its country code; write it like +44 20 7183 8750"
    return _normalised(batch, field, text, normalise_phone, problem)


def _normalised(
    batch: Batch,
    field: Field,
    text: pa.Array,
    normalise: Callable[[str], str | None],
    problem: str,
) -> pa.Array:
    values = pa.array(
        [None if value is None else normalise(value) for value in text.to_pylist()], pa.string()
    )
    batch.reject(field.name, ~is_missing(text) & is_missing(values) & batch.good, problem)
    return values


_READERS: Mapping[str, Callable[[Batch, Field, pa.Array, Setting], pa.Array]] = {
    "text": _read_text,
    "name": _read_text,
    "secret": _read_text,
    "choice": _read_choice,
    "number": _read_number,
    "integer": _read_integer,
    "boolean": _read_boolean,
    "quantity": _read_quantity,
    "rate": _read_rate,
    "currency": _read_currency,
    "moment": _read_moment,
    "day": _read_day,
    "email": _read_email,
    "phone": _read_phone,
}


def priced_days(batch: Batch, setting: Setting) -> pa.Array:
    """The business day that decides each row's exchange rate."""
    values = batch.columns[batch.kind.priced_on]
    return values if pa.types.is_date32(values.type) else local_days(values, setting.zone)
