"""Tier policies, who has which tier now, and who had which before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from api.db.customers import grouped
from api.db.models import TierAssignment, TierPolicyVersion
from api.db.snapshots import Record, Snapshot

COLUMNS = (
    TierAssignment.id,
    TierAssignment.customer_id,
    TierAssignment.tier_key,
    TierAssignment.since,
    TierAssignment.ended_on,
    TierAssignment.policy_version_id,
    TierAssignment.reasons,
    TierAssignment.gap_to_next,
)


async def policies(snapshot: Snapshot) -> Sequence[Record]:
    table = TierPolicyVersion.__table__
    return await snapshot.rows(select(table).order_by(table.c.key, table.c.version.desc()))


async def current_tiers(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    rows = await snapshot.rows(
        select(*COLUMNS).where(
            TierAssignment.customer_id.in_(ids), TierAssignment.ended_on.is_(None)
        )
    )
    return {row.customer_id: row for row in rows}


async def tier_histories(
    snapshot: Snapshot, ids: Sequence[int], limit: int
) -> Mapping[int, Sequence[Record]]:
    """The `limit` latest tiers of each customer, newest first."""
    place = func.row_number().over(
        partition_by=TierAssignment.customer_id,
        order_by=(TierAssignment.since.desc(), TierAssignment.id.desc()),
    )
    numbered = (
        select(*COLUMNS, place.label("place"))
        .where(TierAssignment.customer_id.in_(ids))
        .subquery("numbered")
    )
    return grouped(
        await snapshot.rows(
            select(numbered)
            .where(numbered.c.place <= limit)
            .order_by(numbered.c.customer_id, numbered.c.place)
        )
    )


async def tier_counts(snapshot: Snapshot) -> Mapping[str, int]:
    rows = await snapshot.rows(
        select(TierAssignment.tier_key, func.count())
        .where(TierAssignment.ended_on.is_(None))
        .group_by(TierAssignment.tier_key)
    )
    return {row[0]: row[1] for row in rows}


def _held_on(table: Any, day: dt.date) -> ColumnElement[bool]:
    held: ColumnElement[bool] = (table.c.since <= day) & or_(
        table.c.ended_on.is_(None), table.c.ended_on > day
    )
    return held


async def tier_migration(
    snapshot: Snapshot, start: dt.date, end: dt.date
) -> Sequence[tuple[str | None, str | None, int]]:
    """How many customers had one tier on the first day and another (or the same) on the last."""
    table = TierAssignment.__table__
    before = select(table).where(_held_on(table, start)).subquery("before")
    after = select(table).where(_held_on(table, end)).subquery("after")
    statement = (
        select(before.c.tier_key, after.c.tier_key, func.count())
        .select_from(before)
        .join(after, before.c.customer_id == after.c.customer_id, full=True)
        .group_by(before.c.tier_key, after.c.tier_key)
    )
    return [(row[0], row[1], row[2]) for row in await snapshot.rows(statement)]
