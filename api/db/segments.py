"""Segments, who is in them now and since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, func, select, true

from api.db.customers import COLUMNS as CUSTOMER_COLUMNS
from api.db.customers import grouped, joined, visible
from api.db.listings import Asked, Listed, list_counts, list_pages
from api.db.models import Customer, Segment, SegmentMembership
from api.db.pages import Page
from api.db.snapshots import Query, Record, Snapshot

STAYS = SegmentMembership.__table__
SEGMENT_STAYS = Listed(
    {
        "segment": Segment.__table__.c.key,
        "since": STAYS.c.entered_on,
        "until": STAYS.c.left_on,
    },
    STAYS.c.id,
    usual=(("since", True),),
)
STAY_COLUMNS = (
    STAYS.c.id,
    STAYS.c.customer_id,
    STAYS.c.entered_on,
    STAYS.c.left_on,
    STAYS.c.cause,
    STAYS.c.left_cause,
    Segment.key,
    Segment.name_en,
    Segment.name_zh,
)


async def all_segments(snapshot: Snapshot, *, hidden: Collection[str] = ()) -> Sequence[Record]:
    """But for some that are kept from whoever asks."""
    table = Segment.__table__
    there = table.c.retired_on.is_(None)
    return await snapshot.rows(select(table).where(there, _shown(hidden)).order_by(table.c.key))


def _shown(hidden: Collection[str]) -> ColumnElement[bool]:
    return Segment.key.not_in(hidden) if hidden else true()


async def stays_in(
    snapshot: Snapshot, segment_ids: Sequence[int], asked: Asked
) -> Mapping[int, Page]:
    """Present and past stays of each segment."""
    owner = STAYS.c.segment_id
    return await list_pages(snapshot, _stays(snapshot, owner, segment_ids), owner, asked)


async def stays_of(
    snapshot: Snapshot, ids: Sequence[int], asked: Asked, *, hidden: Collection[str] = ()
) -> Mapping[int, Page]:
    """Present and past stays of each customer, but for some segments."""
    owner = STAYS.c.customer_id
    return await list_pages(snapshot, _stays(snapshot, owner, ids, hidden), owner, asked)


def _stays(
    snapshot: Snapshot,
    owner: ColumnElement[int],
    owners: Sequence[int],
    hidden: Collection[str] = (),
) -> Query:
    return (
        select(*STAY_COLUMNS)
        .select_from(STAYS)
        .join(Segment, Segment.id == STAYS.c.segment_id)
        .where(owner.in_(owners), _shown(hidden), snapshot.visible(STAYS.c.customer_id))
    )


async def stay_counts_in(
    snapshot: Snapshot, segment_ids: Sequence[int], asked: Asked
) -> Mapping[int, int]:
    owner = STAYS.c.segment_id
    return await list_counts(snapshot, _stays(snapshot, owner, segment_ids), owner, asked)


async def stay_counts_of(
    snapshot: Snapshot, ids: Sequence[int], asked: Asked, *, hidden: Collection[str] = ()
) -> Mapping[int, int]:
    owner = STAYS.c.customer_id
    return await list_counts(snapshot, _stays(snapshot, owner, ids, hidden), owner, asked)


async def segments_of(
    snapshot: Snapshot, ids: Sequence[int], *, hidden: Collection[str] = ()
) -> Mapping[int, Sequence[Record]]:
    """The segments each customer is in now, with the stay, but for some."""
    statement = (
        select(
            SegmentMembership.customer_id,
            SegmentMembership.entered_on,
            SegmentMembership.cause,
            Segment.key,
            Segment.name_en,
            Segment.name_zh,
            Segment.family,
        )
        .join(Segment, Segment.id == SegmentMembership.segment_id)
        .where(SegmentMembership.customer_id.in_(ids), SegmentMembership.left_on.is_(None))
        .where(_shown(hidden))
        .order_by(SegmentMembership.customer_id, Segment.key)
    )
    return grouped(await snapshot.rows(statement))


async def members_of(
    snapshot: Snapshot, segment_ids: Sequence[int], asked: Asked
) -> Mapping[int, Page]:
    owner = STAYS.c.segment_id
    return await list_pages(snapshot, _members(snapshot, segment_ids), owner, asked)


async def member_counts_of(
    snapshot: Snapshot, segment_ids: Sequence[int], asked: Asked
) -> Mapping[int, int]:
    owner = STAYS.c.segment_id
    return await list_counts(snapshot, _members(snapshot, segment_ids), owner, asked)


def _members(snapshot: Snapshot, segment_ids: Sequence[int]) -> Query:
    """Customers who are in these segments now, with what filters and orders read."""
    present = (STAYS.c.customer_id == Customer.id) & STAYS.c.left_on.is_(None)
    found = joined(*CUSTOMER_COLUMNS).join(STAYS, present)
    return found.where(STAYS.c.segment_id.in_(segment_ids), visible(snapshot))


async def member_counts(snapshot: Snapshot, segment_ids: Sequence[int]) -> Mapping[int, int]:
    rows = await snapshot.rows(
        select(SegmentMembership.segment_id, func.count())
        .where(SegmentMembership.segment_id.in_(segment_ids), SegmentMembership.left_on.is_(None))
        .where(snapshot.visible(STAYS.c.customer_id))
        .group_by(SegmentMembership.segment_id)
    )
    return {row[0]: row[1] for row in rows}
