"""Writing the numbers of a month: by a refresh, over ADBC."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import execute, fetch, stage
from api.db.models import MonthlyStatistic
from api.domain.monthly import Statistic


def first_refresh_day(connection: adbc.Connection) -> dt.date:
    """The day of the first refresh there ever was.

    Raises:
        LookupError: there was none.
    """
    found = fetch(connection, "SELECT CAST(MIN(as_of) AS TEXT) AS day FROM refresh_runs")
    if (day := found["day"][0].as_py()) is None:
        raise LookupError("no refresh was published yet")
    return dt.date.fromisoformat(day)


def write_month(
    connection: adbc.Connection, dialect: str, as_of: dt.date, statistics: Sequence[Statistic]
) -> int:
    """Replace the month of `as_of`; the number of rows."""
    month = as_of.replace(day=1)
    names = ("measure", "dimension", "key", "whole", "number")
    columns = {name: [getattr(each, name) for each in statistics] for name in names}
    rows = pa.table(
        {
            "month": pa.array([month] * len(statistics), pa.date32()),
            **{name: pa.array(columns[name], pa.string()) for name in names[:3]},
            "whole": pa.array(columns["whole"], pa.int64()),
            "number": pa.array(columns["number"], pa.float64()),
            "as_of": pa.array([as_of] * len(statistics), pa.date32()),
        }
    )
    execute(connection, f"DELETE FROM monthly_statistics WHERE month = '{month}'")
    stage(connection, dialect, "staged_month", MonthlyStatistic.__table__, rows)
    listed = ", ".join(rows.column_names)
    return execute(
        connection, f"INSERT INTO monthly_statistics ({listed}) SELECT {listed} FROM staged_month"
    )
