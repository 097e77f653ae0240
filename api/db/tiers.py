"""Tier policies, who has which tier now, and who had which before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from api.db.models import TierAssignment, TierPolicyVersion
from api.db.pages import Page, PageRequest, SortKey, read_page, read_pages
from api.db.snapshots import Record, Snapshot

COLUMNS = (
    TierAssignment.id,
    TierAssignment.customer_id,
    TierAssignment.tier_key,
    TierAssignment.since,
    TierAssignment.ended_on,
    TierAssignment.policy_version_id,
    TierAssignment.run_id,
    TierAssignment.reasons,
    TierAssignment.gap_to_next,
    TierAssignment.margin_to_lower,
    TierAssignment.now,
    TierAssignment.gap_share,
    TierAssignment.watch_since,
    TierAssignment.watch_until,
)
NEWEST_FIRST = (
    SortKey(TierAssignment.__table__.c.since, descending=True, kind="day"),
    SortKey(TierAssignment.__table__.c.id, descending=True),
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
    snapshot: Snapshot, ids: Sequence[int], request: PageRequest
) -> Mapping[int, Page]:
    owner = TierAssignment.__table__.c.customer_id
    statement = select(*COLUMNS).where(owner.in_(ids))
    return await read_pages(snapshot, statement, owner, NEWEST_FIRST, request)


async def tier_history_counts(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, int]:
    rows = await snapshot.rows(
        select(TierAssignment.customer_id, func.count())
        .where(TierAssignment.customer_id.in_(ids))
        .group_by(TierAssignment.customer_id)
    )
    return {row[0]: row[1] for row in rows}


async def tier_counts(snapshot: Snapshot) -> Mapping[str | None, int]:
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


NEAREST = (
    SortKey(TierAssignment.__table__.c.gap_share),
    SortKey(TierAssignment.__table__.c.customer_id),
)


async def nearest_to(snapshot: Snapshot, tier: str, request: PageRequest) -> Page:
    """Customers whose next better tier this is, the nearest first; served by an index."""
    return await read_page(snapshot, select(*COLUMNS).where(_near(tier)), NEAREST, request)


async def count_nearest_to(snapshot: Snapshot, tier: str) -> int:
    statement = select(func.count()).select_from(TierAssignment).where(_near(tier))
    return int((await snapshot.rows(statement))[0][0])


def _near(tier: str) -> ColumnElement[bool]:
    table = TierAssignment.__table__.c
    near: ColumnElement[bool] = (
        (table.next_tier_key == tier) & table.ended_on.is_(None) & table.gap_share.is_not(None)
    )
    return near
