"""Contacts between the business and a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from api.db.models import Interaction
from api.db.pages import Page, PageRequest, SortKey, read_pages
from api.db.snapshots import Record, Snapshot

COLUMNS = (
    Interaction.id,
    Interaction.external_id,
    Interaction.customer_id,
    Interaction.occurred_at,
    Interaction.channel,
    Interaction.direction,
    Interaction.kind,
    Interaction.subject,
    Interaction.response_seconds,
)
NEWEST_FIRST = (
    SortKey(Interaction.__table__.c.occurred_at, descending=True, kind="moment"),
    SortKey(Interaction.__table__.c.id, descending=True),
)


async def interactions_of(
    snapshot: Snapshot, customer_ids: Sequence[int], request: PageRequest
) -> Mapping[int, Page]:
    owner = Interaction.__table__.c.customer_id
    statement = select(*COLUMNS).where(owner.in_(customer_ids))
    return await read_pages(snapshot, statement, owner, NEWEST_FIRST, request)


async def interaction_counts(snapshot: Snapshot, customer_ids: Sequence[int]) -> Mapping[int, int]:
    rows = await snapshot.rows(
        select(Interaction.customer_id, func.count())
        .where(Interaction.customer_id.in_(customer_ids))
        .group_by(Interaction.customer_id)
    )
    return {row[0]: row[1] for row in rows}


async def interactions_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    rows = await snapshot.rows(select(*COLUMNS).where(Interaction.id.in_(ids)))
    return {row.id: row for row in rows}
