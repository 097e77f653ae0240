"""Who is in which segment from this refresh on, and why those who left did."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import execute, fetch, stage
from api.db.models import SegmentMembership
from api.db.stays import MEMBERSHIPS, Stays

Explain = Callable[[pa.Table], pa.Table]
"""Given the customer_id and segment_id of ended stays, the same with left_cause as JSON."""


def unexplained(stays: pa.Table) -> pa.Table:
    return stays.append_column("left_cause", pa.nulls(stays.num_rows, pa.string()))


def follow_memberships(
    connection: adbc.Connection,
    dialect: str,
    run: Callable[[str], int],
    day: str,
    explain: Explain,
    stays: Stays = MEMBERSHIPS,
) -> int:
    """Make the open stays those of `staged_members`; the number of changes.

    A cause that somebody gave by changing the rule on the same day stays.
    """
    table = SegmentMembership.__tablename__
    left_today = f"left_on = {day} {stays.scope}"
    run(
        f"UPDATE {table} SET left_cause = NULL WHERE {left_today} AND EXISTS "
        f"(SELECT 1 FROM staged_members s WHERE s.customer_id = {table}.customer_id "
        f"AND s.segment_id = {table}.segment_id)"
    )
    changes = stays.follow(run, day)
    unsaid = f"{left_today} AND left_cause IS NULL"
    ended = fetch(
        connection,
        f"SELECT DISTINCT customer_id, segment_id FROM {table} WHERE {unsaid}",
    )
    if ended.num_rows:
        explained = explain(ended)
        stage(connection, dialect, "staged_departures", SegmentMembership.__table__, explained)
        execute(connection, "CREATE INDEX departures_key ON staged_departures (customer_id)")
        run(
            f"UPDATE {table} SET left_cause = s.left_cause FROM staged_departures s "
            f"WHERE s.customer_id = {table}.customer_id AND s.segment_id = {table}.segment_id "
            f"AND {table}.left_on = {day} AND {table}.left_cause IS NULL"
        )
    return changes
