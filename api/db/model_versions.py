"""The registered models as the web process knows them: their rows, never their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select, true

from api.db.listings import latest
from api.db.models import ModelVersion
from api.db.snapshots import Record, Snapshot

MOST_VERSIONS = 100


async def model_versions(snapshot: Snapshot) -> Sequence[Record]:
    """The latest versions of each model, newest first."""
    table = ModelVersion.__table__
    newest = [table.c.version.desc()]
    return await snapshot.rows(latest(table, [table.c.name], newest, MOST_VERSIONS, true()))


async def models_by_id(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    table = ModelVersion.__table__
    rows = await snapshot.rows(select(table).where(table.c.id.in_(ids)))
    return {row.id: row for row in rows}
