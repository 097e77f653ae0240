"""Classifications: which versions there are, which one decides on a day, and what people set."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from api.db.document_versions import document_sha256
from api.db.models import Classification
from api.errors import InvalidInput

Document = Mapping[str, Any]


@dataclass(frozen=True)
class StoredClassification:
    """The version of a classification that decides; `row_id` is its row."""

    row_id: int
    key: str
    version: int
    document: Document
    decided_on: dt.date | None
    """The day of the first refresh that decided by any version of it."""


def put_classification(
    connection: Connection,
    document: Document,
    version: int,
    now: dt.datetime,
    effective_from: dt.date | None = None,
) -> None:
    """Let a checked document decide from the next refresh on, or from a day that is to come.

    Raises:
        InvalidInput: the day lies before one from which another version decides.
    """
    table, key = Classification, document["key"]
    latest = connection.execute(
        select(table.version, table.sha256, table.effective_from)
        .where(table.key == key, table.effective_to.is_(None))
        .order_by(table.version.desc())
        .limit(1)
    ).first()
    if latest is not None and latest.version == version:
        return
    planned = None if latest is None else latest.effective_from
    if latest is not None and planned and effective_from and effective_from <= planned:
        raise InvalidInput(
            f"effectiveFrom: version {latest.version} of {key} is to decide from {planned} on; "
            "choose a later day."
        )
    if effective_from is None:
        _end(connection, key, now.date())
    connection.execute(insert(table), [_row(document, version, now, effective_from)])


def retire_classification(connection: Connection, key: str, now: dt.datetime) -> None:
    """Decide by it no longer; its past stays."""
    _end(connection, key, now.date())


def _end(connection: Connection, key: str, day: dt.date) -> None:
    table = Classification
    connection.execute(
        update(table)
        .where(table.key == key, or_(table.active, table.effective_to.is_(None)))
        .values(active=False, effective_to=day)
    )


def _row(
    document: Document, version: int, now: dt.datetime, effective_from: dt.date | None
) -> dict[str, Any]:
    return {
        "key": document["key"],
        "version": version,
        "document": document,
        "sha256": document_sha256(document),
        "created_at": now,
        "active": effective_from is None,
        "effective_from": effective_from,
    }


def in_force(day: dt.date | None) -> Any:
    """Versions that may decide on a day: the active one, and what was to begin by then."""
    table = Classification.__table__.c
    begun = table.active if day is None else or_(table.active, table.effective_from <= day)
    return table.effective_to.is_(None) & begun


def read_classifications(
    connection: Connection, day: dt.date | None = None
) -> list[StoredClassification]:
    """By key what decides on a day; without one, what decides now."""
    table = Classification
    first = dict(
        connection.execute(select(table.key, func.min(table.decided_on)).group_by(table.key)).all()
    )
    rows = connection.execute(
        select(table.id, table.key, table.version, table.document)
        .where(in_force(day))
        .order_by(table.key, table.version)
    ).all()
    latest = {row.key: row for row in rows}
    return [
        StoredClassification(row.id, row.key, row.version, row.document, first[row.key])
        for row in latest.values()
    ]
