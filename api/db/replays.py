"""What a sample of customers was like at past month ends: stored by a refresh, read to try policies."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from sqlalchemy import Connection, Engine, delete, insert, select

from api.db.bulk import merge, stage
from api.db.models import ReplayInput, ReplayMonth
from api.domain.fields import Field
from api.domain.replays import Month, column_of_values


def stored_months(engine: Engine) -> dict[dt.date, str]:
    """The month ends that are there, with the fingerprint of what looked back."""
    with engine.connect() as connection:
        rows = connection.execute(select(ReplayMonth.month_end, ReplayMonth.fingerprint))
        return {row.month_end: row.fingerprint for row in rows}


def forget_months(engine: Engine, days: Sequence[dt.date]) -> None:
    with engine.begin() as connection:
        for table in (ReplayInput, ReplayMonth):
            connection.execute(delete(table).where(table.month_end.in_(days)))


def begin_month(engine: Engine, day: dt.date, fingerprint: str, fields: Sequence[str]) -> None:
    with engine.begin() as connection:
        values = {"month_end": day, "fingerprint": fingerprint, "fields": list(fields)}
        connection.execute(insert(ReplayMonth).values(values))


def store_inputs(
    connection: adbc.Connection, dialect: str, day: dt.date, ids: Any, inputs: Sequence[str]
) -> None:
    """Write a month's rows, values as JSON lists in the order of its fields; the caller commits."""
    rows = pa.table(
        {
            "month_end": pa.repeat(pa.scalar(day, pa.date32()), len(inputs)),
            "customer_id": pa.array(ids, pa.int64()),
            "inputs": pa.array(inputs, pa.string()),
        }
    )
    table = ReplayInput.__table__
    stage(connection, dialect, "staged_replay", table, rows)
    merge(connection, dialect, "staged_replay", table, ["month_end", "customer_id"])


def read_months(connection: Connection, fields: Mapping[str, Field]) -> list[Month]:
    """The months, oldest first, with the columns of those `fields` that were stored."""
    months = []
    listed = connection.execute(select(ReplayMonth).order_by(ReplayMonth.month_end)).all()
    for (month,) in ((row[0],) if len(row) == 1 else (row,) for row in listed):
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


def as_json(values: Sequence[Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
