"""The documents decisions are made by: the tier policy in force, segments, strategies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from api.db.classes import StoredClassification, put_classification, read_classifications
from api.db.document_versions import (
    Change,
    Document,
    Kind,
    document_sha256,
    save_document,
)
from api.db.models import ResourcePlan, Segment, Strategy
from api.db.policies import bring_into_force, policy_in_force
from api.db.writes import writing

__all__ = ["Catalogue", "document_sha256", "read_catalogue", "save", "store", "take_up"]


@dataclass(frozen=True)
class Catalogue:
    """What a refresh decides by; `policy_version_id` is the row its assignments point to."""

    policy_version_id: int
    policy: Document
    segments: Mapping[str, tuple[int, Document]]
    """Key -> (row id, document)."""
    strategies: Mapping[str, tuple[int, Document]]
    resources: Document = field(default_factory=dict)
    """What may be spent on strategies."""
    classes: Sequence[StoredClassification] = ()


def take_up(engine: Engine, day: dt.date) -> Catalogue:
    """What a refresh of this day decides by; a policy whose day has come becomes the active one."""
    with writing(engine) as connection:
        bring_into_force(connection, day)
    return read_catalogue(engine, day)


def read_catalogue(engine: Engine, day: dt.date | None = None) -> Catalogue:
    """What is decided by on a day; without one, what the latest refresh or change left."""
    with engine.connect() as connection:
        policy = policy_in_force(connection, day)
        classes = read_classifications(connection, day)
        segments = connection.execute(
            select(Segment.__table__).where(Segment.retired_on.is_(None)).order_by(Segment.key)
        ).all()
        strategies = connection.execute(
            select(Strategy.id, Strategy.key, Strategy.document)
            .where(Strategy.active)
            .order_by(Strategy.key)
        ).all()
        resources = connection.scalar(
            select(ResourcePlan.document).order_by(ResourcePlan.version.desc()).limit(1)
        )
    return Catalogue(
        policy.id,
        policy.document,
        {row.key: (row.id, segment_document(row)) for row in segments},
        {row.key: (row.id, row.document) for row in strategies},
        resources or {},
        classes,
    )


def save(
    connection: Connection,
    kind: Kind,
    document: Document,
    expected_version: int | None,
    change: Change,
) -> int:
    """Store a checked document as a new version, and decide by it from the next refresh on.

    Raises:
        Conflict, NotFound, InvalidInput: as `save_document`.
    """
    key = str(document.get("key", kind))
    version = save_document(connection, kind, key, document, expected_version, change)
    store(connection, kind, document, version, change)
    return version


def store(
    connection: Connection, kind: Kind, document: Document, version: int, change: Change
) -> None:
    """Put a version where refreshes and readers find the latest one."""
    if kind == "classification":
        put_classification(connection, document, version, change.now)
        return
    if kind == "resources":
        plan = {"version": version, "document": document, "created_at": change.now}
        if connection.scalar(select(ResourcePlan.version).filter_by(version=version)) is None:
            connection.execute(insert(ResourcePlan).values(plan | {"created_by": change.author}))
        return
    table: Any = Segment if kind == "segment" else Strategy
    row = segment_row(document) if kind == "segment" else _strategy_row(document)
    row["version"] = version
    known = update(table).where(table.key == document["key"]).values(row)
    if connection.execute(known).rowcount == 0:
        connection.execute(insert(table).values(row))


def segment_row(document: Document) -> dict[str, Any]:
    return {
        "key": document["key"],
        "kind": document.get("kind", "rule"),
        "name_en": document["name"]["en"],
        "name_zh": document["name"]["zh"],
        "description_en": document["description"]["en"],
        "description_zh": document["description"]["zh"],
        "rule": document.get("when"),
        "family": document.get("family"),
    }


def segment_document(row: Any) -> dict[str, Any]:
    described = {
        "key": row.key,
        "name": {"en": row.name_en, "zh": row.name_zh},
        "description": {"en": row.description_en, "zh": row.description_zh},
    }
    family = {} if row.family is None else {"family": row.family}
    content = {"kind": "manual"} if row.kind == "manual" else {"when": row.rule}
    return described | family | content


def _strategy_row(document: Document) -> dict[str, Any]:
    active = bool(document.get("active", True))
    return {"key": document["key"], "document": document, "active": active}
