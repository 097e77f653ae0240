"""What people did to segments while a refresh was deciding: that stays, the next one decides it.

A change of a segment is evaluated at once. A refresh that read the segments before it, and
publishes after it, must not put back what the change has just made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager import dbapi as adbc

from api.db.bulk import fetch
from api.db.stays import MEMBERSHIPS, Stays


@dataclass(frozen=True)
class SegmentsRead:
    """What a refresh has read of segments."""

    documents: Mapping[str, tuple[int, Any]] = field(default_factory=dict)
    """Key -> (row id, document)."""
    reads: Mapping[str, Iterable[str]] = field(default_factory=dict)
    """Key -> keys of the segments that it reads, in the order in which they are evaluated."""
    by_hand: pa.Table | None = None
    """customer_id and segment_id of the members that people put in."""


NOTHING_READ = SegmentsRead()


def left_alone(connection: adbc.Connection, read: SegmentsRead) -> list[int]:
    """Row ids of segments that have changed since, or read one that has; nobody changes more now.

    The caller holds the turn of those who change documents.
    """
    changed = _changed(connection, read)
    for key, others in read.reads.items():
        if changed & set(others):
            changed.add(key)
    known = {row["key"]: row["id"] for row in _rows(connection)}
    known |= {key: row_id for key, (row_id, _) in read.documents.items()}
    return sorted(known[key] for key in changed)


def settled(memberships: pa.Table, ids: list[int]) -> tuple[pa.Table, Stays]:
    """The memberships and the stays to follow, without those of the segments left alone."""
    if not ids:
        return memberships, MEMBERSHIPS
    others = pc.invert(pc.is_in(memberships["segment_id"], pa.array(ids, pa.int64())))
    listed = ", ".join(map(str, ids))
    scope = f"{MEMBERSHIPS.scope} AND segment_id NOT IN ({listed})"
    return memberships.filter(others), replace(MEMBERSHIPS, scope=scope)


def _rows(connection: adbc.Connection) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = fetch(
        connection,
        "SELECT id, key, CAST(rule AS TEXT) AS rule FROM segments WHERE retired_on IS NULL",
    ).to_pylist()
    return rows


def _changed(connection: adbc.Connection, read: SegmentsRead) -> set[str]:
    """Keys of segments that are new, gone, have another rule or other members by hand."""
    before = {
        key: (row_id, document.get("when")) for key, (row_id, document) in read.documents.items()
    }
    now = {
        row["key"]: (row["id"], None if row["rule"] is None else json.loads(row["rule"]))
        for row in _rows(connection)
    }
    changed = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    if read.by_hand is not None:
        members = fetch(
            connection,
            "SELECT m.customer_id, m.segment_id FROM segment_memberships m JOIN segments s "
            "ON s.id = m.segment_id WHERE s.kind = 'manual' AND m.left_on IS NULL",
        )
        moved = _pairs(members) ^ _pairs(read.by_hand)
        ids = {segment for _, segment in moved}
        changed |= {key for key, (row_id, _) in before.items() if row_id in ids}
    return changed


def _pairs(members: pa.Table) -> set[tuple[int, int]]:
    columns = (members[name].to_pylist() for name in ("customer_id", "segment_id"))
    return set(zip(*columns, strict=True))
