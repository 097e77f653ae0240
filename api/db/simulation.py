"""What a policy would read about every customer, from what was published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from sqlalchemy import select

from api.db.models import Customer, Prediction, TierAssignment
from api.db.rules import customer_source, field_column
from api.db.snapshots import Snapshot
from api.domain.conditions import Columns
from api.domain.fields import Field
from api.domain.tiers import STALE


async def decision_inputs(
    snapshot: Snapshot, fields: Mapping[str, Field], stale_from: dt.datetime, zone: ZoneInfo
) -> tuple[Columns, npt.NDArray[Any]]:
    """The columns of these fields over all customers, and the present tier keys."""
    statement = (
        select(
            TierAssignment.tier_key,
            Prediction.valid_until,
            *(
                field_column(field).label(f"field_{place}")
                for place, field in enumerate(fields.values())
            ),
        )
        .select_from(customer_source())
        .order_by(Customer.id)
    )
    rows = await snapshot.rows(statement)
    current = np.array([row[0] for row in rows], dtype=object)
    stale = [row[1] is not None and row[1] <= stale_from for row in rows]
    columns: dict[str, npt.NDArray[Any]] = {STALE: np.array(stale, dtype=bool)}
    for place, (name, field) in enumerate(fields.items()):
        columns[name] = _column([row[place + 2] for row in rows], field, zone)
    return columns, current


def _column(values: Sequence[Any], field: Field, zone: ZoneInfo) -> npt.NDArray[Any]:
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
