"""Contacts between the business and a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from api.db.listings import Asked, Listed, list_counts, list_pages
from api.db.models import Interaction
from api.db.pages import Page
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
INTERACTIONS = Listed(
    {
        name: Interaction.__table__.c[name]
        for name in (
            "external_id",
            "occurred_at",
            "channel",
            "direction",
            "kind",
            "subject",
            "response_seconds",
        )
    },
    Interaction.__table__.c.id,
    usual=(("occurred_at", True),),
)


async def interactions_of(
    snapshot: Snapshot, customer_ids: Sequence[int], asked: Asked
) -> Mapping[int, Page]:
    owner = Interaction.__table__.c.customer_id
    return await list_pages(snapshot, select(*COLUMNS).where(owner.in_(customer_ids)), owner, asked)


async def interaction_counts(
    snapshot: Snapshot, customer_ids: Sequence[int], asked: Asked
) -> Mapping[int, int]:
    owner = Interaction.__table__.c.customer_id
    return await list_counts(snapshot, select(owner).where(owner.in_(customer_ids)), owner, asked)


async def interactions_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    seen = snapshot.visible(Interaction.__table__.c.customer_id)
    rows = await snapshot.rows(select(*COLUMNS).where(Interaction.id.in_(ids), seen))
    return {row.id: row for row in rows}
