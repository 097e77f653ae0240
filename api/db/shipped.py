"""The documents that come with Echelon, in an installation: new ones added, unchanged ones renewed.

What the business has changed, it keeps.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, update

from api.db.catalogue import segment_document, store
from api.db.document_versions import (
    SHIPPED_BY,
    Change,
    Document,
    Kind,
    Stored,
    adopt,
    document_sha256,
    renew_shipped,
)
from api.db.installation import read_installation
from api.db.models import ResourcePlan, Segment, Strategy, TierPolicyVersion
from api.db.policies import TABLE, Activation, activate_version, add_version
from api.db.writes import writing


@dataclass(frozen=True)
class Shipped:
    policy: Document
    segments: Sequence[Document]
    strategies: Sequence[Document]
    resources: Document
    classes: Sequence[Document]


def install_shipped(engine: Engine, shipped: Shipped, now: dt.datetime) -> None:
    """Bring an installation's documents to what this version of Echelon ships."""
    business = read_installation(engine)
    with writing(engine) as connection:
        if not connection.execute(select(TABLE.c.id).where(TABLE.c.active)).first():
            _insert_first(connection, shipped.policy, now)
        elif _untouched(connection, shipped.policy):
            change = Change(SHIPPED_BY, now, "Renewed with Echelon")
            row = add_version(connection, shipped.policy, change)
            activate_version(connection, Activation(row.key, row.version), business, change)
        _adopt(connection, now)
        change = Change(SHIPPED_BY, now)
        parts: tuple[tuple[Kind, Sequence[Document]], ...] = (
            ("segment", shipped.segments),
            ("strategy", shipped.strategies),
            ("resources", [shipped.resources]),
            ("classification", shipped.classes),
        )
        for kind, documents in parts:
            by_key = {str(each.get("key", kind)): each for each in documents}
            for key, version in renew_shipped(connection, kind, by_key, now).items():
                store(connection, kind, by_key[key], version, change)


def _insert_first(connection: Connection, document: Document, now: dt.datetime) -> None:
    """In force since ever: there must be one for every day that is looked at."""
    row = add_version(connection, document, Change(SHIPPED_BY, now))
    connection.execute(
        update(TierPolicyVersion)
        .where(TABLE.c.id == row.id)
        .values(state="activated", activated_by=SHIPPED_BY, activated_at=now, active=True)
    )


def _untouched(connection: Connection, shipped: Document) -> bool:
    """Whether nobody here ever stored a policy, and the shipped one has become another.

    Before authors were kept, one version alone was the shipped one.
    """
    rows = connection.execute(select(TABLE.c.author, TABLE.c.active, TABLE.c.sha256)).all()
    unknown = [row for row in rows if row.author is None]
    known = {row.author for row in rows} - {None}
    active = next(row.sha256 for row in rows if row.active)
    return len(unknown) <= 1 and known <= {SHIPPED_BY} and active != document_sha256(shipped)


def _adopt(connection: Connection, now: dt.datetime) -> None:
    segments = connection.execute(select(Segment.__table__)).all()
    strategies = connection.execute(select(Strategy.__table__)).all()
    plans = connection.execute(
        select(ResourcePlan.__table__).order_by(ResourcePlan.version.desc()).limit(1)
    ).all()
    found: tuple[tuple[Kind, list[tuple[str, int, Document]]], ...] = (
        ("segment", [(row.key, row.version, segment_document(row)) for row in segments]),
        ("strategy", [(row.key, row.version, row.document) for row in strategies]),
        ("resources", [("resources", row.version, row.document) for row in plans]),
    )
    for kind, rows in found:
        stored = {
            key: Stored(key, version, document, document_sha256(document), shipped=True)
            for key, version, document in rows
        }
        adopt(connection, kind, stored, now)
