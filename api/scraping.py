"""Answers Prometheus: what was counted, and how old the scores are by now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import Response

from api.db.freshness import last_published
from api.db.snapshots import Snapshot
from api.metrics import Metrics


async def exposition(metrics: Metrics, engine: AsyncEngine, now: dt.datetime) -> Response:
    content = metrics.exposition(await _ages(engine, now))
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _ages(engine: AsyncEngine, now: dt.datetime) -> Mapping[str, tuple[str, float]]:
    """Ages of the last publish; none before the first."""
    snapshot = Snapshot(engine)
    try:
        found = await last_published(snapshot)
    finally:
        await snapshot.close()
    if found is None:
        return {}
    day_over = dt.datetime.combine(found.as_of, dt.time(), dt.UTC) + dt.timedelta(days=1)
    return {
        "echelon_scores_age_seconds": (
            "Time since the end (UTC) of the last day that the published scores know of.",
            (now - day_over).total_seconds(),
        ),
        "echelon_publish_age_seconds": (
            "Time since scores were published.",
            (now - found.published_at).total_seconds(),
        ),
    }


def count_connections(metrics: Metrics, engine: AsyncEngine, limit: int) -> None:
    """Keep the gauges of an engine's pool."""
    metrics.pool.set(limit)
    pool = engine.sync_engine.pool
    event.listen(pool, "checkout", lambda *_: metrics.connections.inc())
    event.listen(pool, "checkin", lambda *_: metrics.connections.dec())
