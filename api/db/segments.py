"""Segments, who is in them now and since when."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, func, select, true

from api.db.customers import COLUMNS as CUSTOMER_COLUMNS
from api.db.customers import grouped
from api.db.models import Customer, Segment, SegmentMembership
from api.db.pages import Page, PageRequest, SortKey, read_pages
from api.db.snapshots import Record, Snapshot

BY_CUSTOMER = (SortKey(SegmentMembership.__table__.c.customer_id),)
STAYS = SegmentMembership.__table__
NEWEST_FIRST = (
    SortKey(STAYS.c.entered_on, descending=True, kind="day"),
    SortKey(STAYS.c.id, descending=True),
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
    snapshot: Snapshot, segment_ids: Sequence[int], request: PageRequest
) -> Mapping[int, Page]:
    """Present and past stays of each segment, newest first."""
    return await _stays(snapshot, STAYS.c.segment_id, segment_ids, request)


async def stays_of(
    snapshot: Snapshot, ids: Sequence[int], request: PageRequest, *, hidden: Collection[str] = ()
) -> Mapping[int, Page]:
    """Present and past stays of each customer, newest first, but for some segments."""
    return await _stays(snapshot, STAYS.c.customer_id, ids, request, hidden)


async def _stays(
    snapshot: Snapshot,
    owner: ColumnElement[int],
    owners: Sequence[int],
    request: PageRequest,
    hidden: Collection[str] = (),
) -> Mapping[int, Page]:
    statement = (
        select(*STAY_COLUMNS)
        .select_from(STAYS)
        .join(Segment, Segment.id == STAYS.c.segment_id)
        .where(owner.in_(owners), _shown(hidden))
    )
    return await read_pages(snapshot, statement, owner, NEWEST_FIRST, request)


async def stay_counts_in(snapshot: Snapshot, segment_ids: Sequence[int]) -> Mapping[int, int]:
    return await _stay_counts(snapshot, STAYS.c.segment_id, segment_ids)


async def stay_counts_of(
    snapshot: Snapshot, ids: Sequence[int], *, hidden: Collection[str] = ()
) -> Mapping[int, int]:
    return await _stay_counts(snapshot, STAYS.c.customer_id, ids, hidden)


async def _stay_counts(
    snapshot: Snapshot,
    owner: ColumnElement[int],
    owners: Sequence[int],
    hidden: Collection[str] = (),
) -> Mapping[int, int]:
    statement = select(owner, func.count()).where(owner.in_(owners))
    if hidden:
        statement = statement.join(Segment, Segment.id == STAYS.c.segment_id).where(_shown(hidden))
    rows = await snapshot.rows(statement.group_by(owner))
    return {row[0]: row[1] for row in rows}


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
    snapshot: Snapshot, segment_ids: Sequence[int], request: PageRequest
) -> Mapping[int, Page]:
    owner = SegmentMembership.__table__.c.segment_id
    statement = (
        select(*CUSTOMER_COLUMNS)
        .select_from(SegmentMembership)
        .join(Customer, Customer.id == SegmentMembership.customer_id)
        .where(owner.in_(segment_ids), SegmentMembership.left_on.is_(None))
    )
    return await read_pages(snapshot, statement, owner, BY_CUSTOMER, request)


async def member_counts(snapshot: Snapshot, segment_ids: Sequence[int]) -> Mapping[int, int]:
    rows = await snapshot.rows(
        select(SegmentMembership.segment_id, func.count())
        .where(SegmentMembership.segment_id.in_(segment_ids), SegmentMembership.left_on.is_(None))
        .group_by(SegmentMembership.segment_id)
    )
    return {row[0]: row[1] for row in rows}
