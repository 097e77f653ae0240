"""Tier policies, who has which tier now, and who had which before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from api.db.listings import Asked, Listed, list_count, list_counts, list_page, list_pages
from api.db.models import TierAssignment, TierPolicyVersion
from api.db.pages import Page, SortKey
from api.db.rules import customer_source
from api.db.snapshots import Query, Record, Snapshot

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
STAYS = TierAssignment.__table__.c
TIER_HISTORY = Listed(
    {"tier": STAYS.tier_key, "since": STAYS.since, "until": STAYS.ended_on},
    STAYS.id,
    usual=(("since", True),),
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
    snapshot: Snapshot, ids: Sequence[int], asked: Asked
) -> Mapping[int, Page]:
    owner = STAYS.customer_id
    return await list_pages(snapshot, select(*COLUMNS).where(owner.in_(ids)), owner, asked)


async def tier_history_counts(
    snapshot: Snapshot, ids: Sequence[int], asked: Asked
) -> Mapping[int, int]:
    owner = STAYS.customer_id
    return await list_counts(snapshot, select(owner).where(owner.in_(ids)), owner, asked)


async def tier_counts(snapshot: Snapshot) -> Mapping[str | None, int]:
    rows = await snapshot.rows(
        select(TierAssignment.tier_key, func.count())
        .where(TierAssignment.ended_on.is_(None), _visible(snapshot))
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
    seen = select(table).where(_visible(snapshot))
    before = seen.where(_held_on(table, start)).subquery("before")
    after = seen.where(_held_on(table, end)).subquery("after")
    statement = (
        select(before.c.tier_key, after.c.tier_key, func.count())
        .select_from(before)
        .join(after, before.c.customer_id == after.c.customer_id, full=True)
        .group_by(before.c.tier_key, after.c.tier_key)
    )
    return [(row[0], row[1], row[2]) for row in await snapshot.rows(statement)]


NEAREST = (SortKey(STAYS.gap_share), SortKey(STAYS.customer_id))


async def nearest_to(snapshot: Snapshot, tier: str, asked: Asked) -> Page:
    """Customers whose next better tier this is, the nearest first; served by an index."""
    return await list_page(snapshot, _nearest(snapshot, tier, asked), asked)


async def count_nearest_to(snapshot: Snapshot, tier: str, asked: Asked) -> int:
    return await list_count(snapshot, _nearest(snapshot, tier, asked), asked)


def _nearest(snapshot: Snapshot, tier: str, asked: Asked) -> Query:
    """Only what a filter reads is joined: without one the index alone finds them."""
    statement = select(*COLUMNS).where(_near(tier), _visible(snapshot))
    return statement if asked.where is None else statement.select_from(customer_source())


def _visible(snapshot: Snapshot) -> ColumnElement[bool]:
    return snapshot.visible(TierAssignment.__table__.c.customer_id)


def _near(tier: str) -> ColumnElement[bool]:
    table = TierAssignment.__table__.c
    near: ColumnElement[bool] = (
        (table.next_tier_key == tier) & table.ended_on.is_(None) & table.gap_share.is_not(None)
    )
    return near
