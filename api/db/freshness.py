"""How old what is published is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select

from api.db.models import RefreshRun
from api.db.snapshots import Snapshot


@dataclass(frozen=True)
class Published:
    """The last refresh: up to which day its facts go, and when it became visible."""

    as_of: dt.date
    published_at: dt.datetime


async def last_published(snapshot: Snapshot) -> Published | None:
    statement = (
        select(RefreshRun.as_of, RefreshRun.published_at).order_by(RefreshRun.id.desc()).limit(1)
    )
    rows = await snapshot.rows(statement)
    return Published(rows[0].as_of, rows[0].published_at) if rows else None
