"""The numbers of months, read side by side."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select

from api.db.models import MonthlyStatistic
from api.db.snapshots import Record, Snapshot


async def statistics_between(snapshot: Snapshot, first: dt.date, last: dt.date) -> Sequence[Record]:
    """The rows of the months that begin from one day to another, oldest first."""
    table = MonthlyStatistic.__table__
    statement = (
        select(table)
        .where(table.c.month >= first, table.c.month <= last)
        .order_by(table.c.month, table.c.dimension, table.c.key, table.c.measure)
    )
    return await snapshot.rows(statement)
