"""Days and moments: ISO 8601 in, UTC out; a time without an offset is the business's own."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from api.intake.texts import as_text, is_missing, mask, only

DAY = r"^\d{4}-\d{2}-\d{2}$"
MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
OFFSET = r":\d{2}(\.\d+)? ?(Z|[+-]\d{2}(:?\d{2})?)$"
UTC_MOMENT = pa.timestamp("us", "UTC")


def read_moments(array: pa.Array, zone: ZoneInfo) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """UTC moments, a mask of the cells that hold none, a mask of those skipped by the clock.

    A time that occurs twice when the clock is set back is the first of the two.
    """
    if pa.types.is_timestamp(array.type) and array.type.tz:
        nothing = np.zeros(len(array), dtype=bool)
        return array.cast(UTC_MOMENT, safe=False), nothing, nothing
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        local = array.cast(pa.timestamp("us"), safe=False)
        moments, skipped = _localise(local.to_numpy(zero_copy_only=False), zone)
        return moments, np.zeros(len(array), dtype=bool), skipped
    text = as_text(array)
    looks_right = mask(pc.match_substring_regex(text, MOMENT))
    parsed = pd.to_datetime(
        only(text, looks_right).to_pandas(), format="ISO8601", utc=True, errors="coerce"
    ).to_numpy(dtype="datetime64[us]")
    bad = ~is_missing(text) & np.isnat(parsed)
    with_offset = mask(pc.match_substring_regex(text, OFFSET))
    local_moments, skipped = _localise(np.where(with_offset, np.datetime64("NaT"), parsed), zone)
    moments = pc.if_else(pa.array(with_offset), pa.array(parsed).cast(UTC_MOMENT), local_moments)
    return moments, bad, skipped


def _localise(local: np.ndarray, zone: ZoneInfo) -> tuple[pa.Array, np.ndarray]:
    values = local.astype("datetime64[us]")
    if zone.key == "UTC":
        return pa.array(values).cast(UTC_MOMENT), np.zeros(len(values), dtype=bool)
    index = pd.DatetimeIndex(values).tz_localize(
        zone, ambiguous=np.ones(len(values), dtype=bool), nonexistent="NaT"
    )
    moments = index.tz_convert("UTC").tz_localize(None).to_numpy(dtype="datetime64[us]")
    return pa.array(moments).cast(UTC_MOMENT), np.isnat(moments) & ~np.isnat(values)


def read_days(array: pa.Array, zone: ZoneInfo) -> tuple[pa.Array, np.ndarray]:
    """Days, and a mask of the cells that hold none. A moment counts as the day it falls on."""
    if pa.types.is_timestamp(array.type) and array.type.tz:
        return local_days(array.cast(UTC_MOMENT, safe=False), zone), np.zeros(
            len(array), dtype=bool
        )
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        days = array.cast(pa.timestamp("us"), safe=False).cast(pa.date32(), safe=False)
        return days, np.zeros(len(array), dtype=bool)
    text = as_text(array)
    looks_right = mask(pc.match_substring_regex(text, DAY))
    parsed = pd.to_datetime(
        only(text, looks_right).to_pandas(), format="%Y-%m-%d", errors="coerce"
    ).to_numpy(dtype="datetime64[D]")
    return pa.array(parsed), ~is_missing(text) & np.isnat(parsed)


def local_days(moments: pa.Array, zone: ZoneInfo) -> pa.Array:
    """The business day of each moment."""
    local = pc.local_timestamp(moments.cast(pa.timestamp("us", zone.key)))
    return pc.floor_temporal(local, unit="day").cast(pa.date32())
