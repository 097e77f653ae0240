"""The catalogue of strategies, and which are recommended to whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from api.db.customers import grouped
from api.db.models import Recommendation, Strategy
from api.db.snapshots import Record, Snapshot


async def all_strategies(snapshot: Snapshot) -> Sequence[Record]:
    table = Strategy.__table__
    return await snapshot.rows(select(table).order_by(table.c.key))


async def recommendations_of(
    snapshot: Snapshot, ids: Sequence[int], limit: int
) -> Mapping[int, Sequence[Record]]:
    """The `limit` first things to do with each customer."""
    table = Recommendation.__table__
    statement = (
        select(table)
        .where(table.c.customer_id.in_(ids), table.c.priority <= limit)
        .order_by(table.c.customer_id, table.c.priority)
    )
    return grouped(await snapshot.rows(statement))
