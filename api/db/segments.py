"""Segments, who is in them now and since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from api.db.customers import COLUMNS as CUSTOMER_COLUMNS
from api.db.customers import grouped
from api.db.models import Customer, Segment, SegmentMembership
from api.db.pages import Page, PageRequest, SortKey, read_pages
from api.db.snapshots import Record, Snapshot

BY_CUSTOMER = (SortKey(SegmentMembership.__table__.c.customer_id),)


async def all_segments(snapshot: Snapshot) -> Sequence[Record]:
    table = Segment.__table__
    return await snapshot.rows(select(table).order_by(table.c.key))


async def segments_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    """The segments each customer is in now, with the stay."""
    statement = (
        select(
            SegmentMembership.customer_id,
            SegmentMembership.entered_on,
            SegmentMembership.cause,
            Segment.key,
            Segment.name_en,
            Segment.name_zh,
        )
        .join(Segment, Segment.id == SegmentMembership.segment_id)
        .where(SegmentMembership.customer_id.in_(ids), SegmentMembership.left_on.is_(None))
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
