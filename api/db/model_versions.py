"""The registered models as the web process knows them: their rows, never their files."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from api.db.models import ModelVersion
from api.db.snapshots import Record, Snapshot


async def model_versions(snapshot: Snapshot) -> Sequence[Record]:
    table = ModelVersion.__table__
    return await snapshot.rows(select(table).order_by(table.c.name, table.c.version.desc()))
