"""The documents decisions are made by: the active tier policy, segments and strategies."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from api.db.models import ResourcePlan, Segment, Strategy, TierPolicyVersion

Document = Mapping[str, Any]


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


def document_sha256(document: Document) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def install_missing(
    engine: Engine,
    *,
    policy: Document,
    segments: Sequence[Document],
    strategies: Sequence[Document],
    resources: Document,
    now: dt.datetime,
) -> None:
    """Put shipped documents where the business has none; what it has, stays as it is."""
    with engine.begin() as connection:
        if connection.scalar(select(func.count()).where(TierPolicyVersion.active)) == 0:
            _insert_policy(connection, policy, now)
        known = set(connection.scalars(select(Segment.key)))
        rows = [_segment_row(document) for document in segments if document["key"] not in known]
        if rows:
            connection.execute(insert(Segment), rows)
        known = set(connection.scalars(select(Strategy.key)))
        rows = [
            {"key": document["key"], "document": document, "version": 1}
            | {"active": document.get("active", True)}
            for document in strategies
            if document["key"] not in known
        ]
        if rows:
            connection.execute(insert(Strategy), rows)
        if connection.scalar(select(func.count()).select_from(ResourcePlan)) == 0:
            plan = {"version": 1, "document": resources, "created_at": now}
            connection.execute(insert(ResourcePlan), [plan])


def activate_policy(engine: Engine, document: Document, now: dt.datetime) -> int:
    """Make a validated policy the active one, as a new version unless it is that already."""
    with engine.begin() as connection:
        row = connection.execute(
            select(TierPolicyVersion.sha256, TierPolicyVersion.version).where(
                TierPolicyVersion.active
            )
        ).first()
        if row is not None and row.sha256 == document_sha256(document):
            return int(row.version)
        return _insert_policy(connection, document, now)


def _insert_policy(connection: Connection, document: Document, now: dt.datetime) -> int:
    table = TierPolicyVersion
    connection.execute(
        update(table).where(table.active).values(active=False, effective_to=now.date())
    )
    latest = connection.scalar(select(func.max(table.version)).where(table.key == document["key"]))
    version = (latest or 0) + 1
    connection.execute(
        insert(table).values(
            key=document["key"],
            version=version,
            document=document,
            sha256=document_sha256(document),
            created_at=now,
            effective_from=now.date(),
            active=True,
        )
    )
    return version


def _segment_row(document: Document) -> dict[str, Any]:
    return {
        "key": document["key"],
        "kind": document.get("kind", "rule"),
        "name_en": document["name"]["en"],
        "name_zh": document["name"]["zh"],
        "description_en": document["description"]["en"],
        "description_zh": document["description"]["zh"],
        "rule": document.get("when"),
        "family": document.get("family"),
        "version": 1,
    }


def read_catalogue(engine: Engine) -> Catalogue:
    with engine.connect() as connection:
        policy = connection.execute(
            select(TierPolicyVersion.id, TierPolicyVersion.document).where(TierPolicyVersion.active)
        ).one()
        segments = connection.execute(
            select(Segment).where(Segment.retired_on.is_(None)).order_by(Segment.key)
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
        {row.key: (row.id, _segment_document(row)) for row in segments},
        {row.key: (row.id, row.document) for row in strategies},
        resources or {},
    )


def _segment_document(row: Any) -> Document:
    described = {
        "key": row.key,
        "name": {"en": row.name_en, "zh": row.name_zh},
        "description": {"en": row.description_en, "zh": row.description_zh},
    }
    family = {} if row.family is None else {"family": row.family}
    content = {"kind": "manual"} if row.kind == "manual" else {"when": row.rule}
    return described | family | content
