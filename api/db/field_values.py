"""Values of a field as they come in rows, as the column that rules read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from api.domain.fields import Field


def column_from_values(values: Sequence[Any], field: Field, zone: ZoneInfo) -> npt.NDArray[Any]:
    """Missing numbers become NaN; moments become days in the zone."""
    match field.type:
        case "number" | "money" | "boolean":
            return np.array([np.nan if value is None else value for value in values], dtype=float)
        case "date":
            return np.array([_day(value, zone) for value in values], dtype="datetime64[D]")
    return np.array(values, dtype=object)


def _day(value: Any, zone: ZoneInfo) -> Any:
    if value is None:
        return "NaT"
    return value.astimezone(zone).date() if isinstance(value, dt.datetime) else value
