"""The times of a log, however they are written, as seconds since 1970-01-01 UTC.

What a column holds is decided over the whole column: whether 20240105 is a day or a number of
seconds, and whether 05/01/2024 is in January or in May. Where it can't be decided, it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import DAY
from ml.errors import BadLog
from ml.logs.time_texts import WAY_OUT, Written, read_texts, shape_of

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
EARLIEST = int(np.datetime64("1950-01-01", "s").astype(np.int64))
LATEST = int(np.datetime64("2150-01-01", "s").astype(np.int64))
"""A time outside of these is a placeholder or a mistake, such as the year 1 or 9999."""
SINCE: Mapping[str, tuple[int, float]] = MappingProxyType(
    {
        "epoch-seconds": (0, 1.0),
        "epoch-milliseconds": (0, 1e-3),
        "excel-days": (-25_569 * DAY, float(DAY)),
    }
)
"""Formats that count: where they begin, in seconds since 1970, and what one is, in seconds.
Spreadsheets count days since 1899-12-30."""


@dataclass(frozen=True)
class Times:
    """Aligned with the column."""

    moment: Ints
    """Seconds since 1970-01-01 UTC; of no meaning where not `known`."""
    known: Mask
    missing: Mask
    notes: tuple[str, ...] = ()


def read_times(
    column: pa.Array, name: str, *, time_zone: str, time_format: str | None = None
) -> Times:
    """Read a column of times; those without an offset from UTC are of `time_zone`.

    `time_format` is a strptime pattern or one of `SINCE`.

    Raises:
        BadLog: the column holds no times, or can be read in more than one way.
    """
    zone, kind = ZoneInfo(time_zone), column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _from_moments(column, zone)
    text = as_words(column, name)
    return _as_told(text, name, zone, time_format) if time_format else _told(text, name, zone)


def as_words(column: pa.Array, name: str) -> pa.Array:
    """Trimmed text, null where nothing is left; whole floats without their `.0`."""
    kind = column.type
    if pa.types.is_floating(kind):
        values = column.to_numpy(zero_copy_only=False).astype(np.float64)
        whole = np.isfinite(values) & (np.abs(values) < 2**63) & (values == np.floor(values))
        integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
        column = pc.if_else(pa.array(whole), integers, column.cast(pa.string()))
        column = pc.if_else(pa.array(np.isnan(values)), pa.scalar(None, pa.string()), column)
    elif not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)):
        raise BadLog(f"The column {name!r} holds {kind}: neither text, times nor numbers.")
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def nulls(array: pa.Array) -> Mask:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False), dtype=np.bool_)


def integers(array: pa.Array) -> Ints:
    return np.asarray(pc.fill_null(array.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))


def _from_moments(column: pa.Array, zone: ZoneInfo) -> Times:
    missing = nulls(column)
    aware = pa.types.is_timestamp(column.type) and column.type.tz
    if not pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"))
    fine = pa.timestamp("s", column.type.tz)
    moment = integers(pc.floor_temporal(column, unit="second").cast(fine, safe=False))
    return _plausible(moment if aware else _localised(moment, ~missing, zone), ~missing, missing)


def _plausible(moment: Ints, known: Mask, missing: Mask, notes: tuple[str, ...] = ()) -> Times:
    return Times(moment, known & (moment >= EARLIEST) & (moment < LATEST), missing, notes)


def _localised(local: Ints, known: Mask, zone: ZoneInfo) -> Ints:
    """UTC of a zone's clock. Of a time that occurs twice the first, of one skipped the next."""
    sane = known & (local >= EARLIEST) & (local < LATEST)
    if zone.key == "UTC" or not sane.any():
        return local
    distinct, places = np.unique(np.where(sane, local, 0), return_inverse=True)
    index = pd.DatetimeIndex(distinct.astype("datetime64[s]")).tz_localize(
        zone, ambiguous=np.ones(len(distinct), dtype=bool), nonexistent="shift_forward"
    )
    utc = index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")
    return np.asarray(np.where(sane, utc.astype(np.int64)[places], local))


def _told(text: pa.Array, name: str, zone: ZoneInfo) -> Times:
    """By what the texts themselves tell."""
    encoded = text.dictionary_encode()
    codes, missing = integers(encoded.indices), nulls(text)
    if missing.all():
        raise BadLog(f"The column {name!r} is empty: there is no time in any row.")
    weights = np.bincount(codes[~missing], minlength=len(encoded.dictionary))
    written = read_texts(encoded.dictionary, weights, name)
    if not written.known.any():
        shape = shape_of(encoded.dictionary[0].as_py())
        days = ", or --time-format excel-days" if shape in ("99999", "99999.9") else ""
        raise BadLog(
            f"The column {name!r} holds no times that can be read: they look like {shape} "
            f"(9 for a digit, a for a letter). {WAY_OUT}{days}."
        )
    moment = np.where(
        written.has_offset,
        written.local - written.offset,
        _localised(written.local, written.known, zone),
    )
    notes = (*written.notes, *_offset_notes(written, weights, name, zone))
    return _plausible(moment[codes], written.known[codes] & ~missing, missing, notes)


def _offset_notes(written: Written, weights: Ints, name: str, zone: ZoneInfo) -> tuple[str, ...]:
    stated = written.known & written.has_offset
    bare = int(weights[written.known & ~written.has_offset].sum())
    offsets = np.unique(written.offset[stated])
    told = f"; all are brought to UTC, and days begin and end in {zone.key}."
    if len(offsets) and bare and not (zone.key == "UTC" and not offsets.any()):
        return (
            f"{bare:,} times in {name!r} name no offset from UTC and are taken to be of "
            f"{zone.key}, the others name one{told}",
        )
    return (f"The times in {name!r} are of {len(offsets)} time zones{told}",) * (len(offsets) > 1)


def _as_told(text: pa.Array, name: str, zone: ZoneInfo, time_format: str) -> Times:
    """By the format that was asked for."""
    missing = nulls(text)
    if time_format in SINCE:
        start, unit = SINCE[time_format]
        number = pd.to_numeric(text.to_pandas(), errors="coerce").to_numpy(np.float64)
        known = np.isfinite(number) & (np.abs(number) < 1e14)
        moment = (start + np.rint(np.where(known, number, 0) * unit)).astype(np.int64)
        local = time_format == "excel-days"
        moment = _localised(moment, known, zone) if local else moment
    else:
        moment, known = _by_pattern(text, name, zone, time_format)
    if not known.any():
        raise BadLog(f"No time in the column {name!r} is written as {time_format}.")
    return _plausible(moment, known & ~missing, missing)


def _by_pattern(text: pa.Array, name: str, zone: ZoneInfo, pattern: str) -> tuple[Ints, Mask]:
    aware = "%z" in pattern
    try:
        parsed = pd.to_datetime(text.to_pandas(), format=pattern, errors="coerce", utc=aware)
    except ValueError as error:
        raise BadLog(
            f"The format {pattern!r} can't be used for the column {name!r}: {error}. It is a "
            f"strptime pattern such as %d/%m/%Y %H:%M, or one of {', '.join(SINCE)}."
        ) from None
    naive = parsed.dt.tz_localize(None) if aware else parsed
    stamps = naive.to_numpy().astype("datetime64[s]")
    known = ~np.isnat(stamps)
    moment = np.where(known, stamps.astype(np.int64), 0)
    return (moment if aware else _localised(moment, known, zone)), known
