"""What a sample was like at past month ends: stored by a refresh, read to try policies on it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Connection, Engine, select

from api.db.bulk import execute, merge, stage
from api.db.models import ReplayInput, ReplayMonth
from api.domain.fields import Field
from api.domain.simulation.replays import Month, column_of_values


def stored_months(engine: Engine) -> dict[dt.date, str]:
    """The month ends that are there, with the fingerprint of what looked back."""
    with engine.connect() as connection:
        rows = connection.execute(select(ReplayMonth.month_end, ReplayMonth.fingerprint))
        return {row.month_end: row.fingerprint for row in rows}


@dataclass(frozen=True)
class StoredMonth:
    """What is written of a month: for each customer, values as a JSON list in the fields' order."""

    day: dt.date
    fingerprint: str
    fields: Sequence[str]
    ids: npt.NDArray[np.int64]
    inputs: Sequence[str]


def forget_months(connection: adbc.Connection, days: Sequence[dt.date]) -> None:
    for day in days:
        for table in ("replay_inputs", "replay_months"):
            execute(connection, f"DELETE FROM {table} WHERE month_end = '{day}'")


def store_month(connection: adbc.Connection, dialect: str, month: StoredMonth) -> None:
    """Write a month; the caller commits."""
    head = pa.table(
        {
            "month_end": pa.array([month.day], pa.date32()),
            "fingerprint": [month.fingerprint],
            "fields": [json.dumps(list(month.fields))],
        }
    )
    rows = pa.table(
        {
            "month_end": pa.repeat(pa.scalar(month.day, pa.date32()), len(month.ids)),
            "customer_id": pa.array(month.ids, pa.int64()),
            "inputs": pa.array(month.inputs, pa.string()),
        }
    )
    for name, table, data in (
        ("staged_month", ReplayMonth.__table__, head),
        ("staged_replay", ReplayInput.__table__, rows),
    ):
        stage(connection, dialect, name, table, data)
        merge(connection, dialect, name, table, [each.name for each in table.primary_key])


def read_months(connection: Connection, fields: Mapping[str, Field]) -> list[Month]:
    """The months, oldest first, with the columns of those `fields` that were stored."""
    months = []
    table = ReplayMonth.__table__
    for month in connection.execute(select(table).order_by(table.c.month_end)).all():
        rows = connection.execute(
            select(ReplayInput.customer_id, ReplayInput.inputs)
            .where(ReplayInput.month_end == month.month_end)
            .order_by(ReplayInput.customer_id)
        ).all()
        columns = list(zip(*(row.inputs for row in rows), strict=True))
        found = {
            name: column_of_values(columns[place], fields[name])
            for place, name in enumerate(month.fields)
            if columns and name in fields
        }
        if found:
            ids = pa.array([row.customer_id for row in rows], pa.int64()).to_numpy()
            months.append(Month(month.month_end, ids, found))
    return months
