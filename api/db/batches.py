"""Facts that people write one by one: each change is a batch, as an imported file is."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, insert, update

from api.db.models import ImportBatch, Installation


def take_feed(connection: Connection) -> None:
    """Wait for publishers and imports, and keep them waiting until this transaction ends.

    So that batches and revisions become visible in the order of their numbers.
    """
    connection.execute(update(Installation).values(last_revision=Installation.last_revision))


def begin_batch(connection: Connection, kind: str, source: str, now: dt.datetime) -> int:
    """A batch of one row, which the next refresh brings in; returns its id.

    The caller has taken the feed.
    """
    row = {
        "kind": kind,
        "source": source,
        "arrived_at": now,
        "status": "done",
        "rows_added": 1,
        "rows_changed": 0,
    }
    statement = insert(ImportBatch).values(row).returning(ImportBatch.id)
    return int(connection.execute(statement).scalar_one())
