"""Documents of the catalogue with all their versions: segments, strategies, classifications ...

A change names the version it was made from, so nobody overwrites what they have not seen. Earlier
versions stay, so a past decision can be read beside the document it was made by.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, and_, func, insert, select

from api.db.models import DocumentVersion
from api.errors import Conflict, InvalidInput, NotFound

Document = Mapping[str, Any]
Kind = Literal["segment", "strategy", "classification", "resources"]
SHIPPED_BY = "Echelon"
"""The author of documents that come with the program."""
LONGEST_REASON = 500


@dataclass(frozen=True)
class Stored:
    """The latest version of a document; `document` is None once it was taken out of use."""

    key: str
    version: int
    document: Document | None
    sha256: str
    shipped: bool


@dataclass(frozen=True)
class Change:
    """Who changes documents, when, and why."""

    author: str
    now: dt.datetime
    reason: str | None = None
    owner: str | None = None
    """Whose customers the author may name; all if there is none."""


def document_sha256(document: Document | None) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def latest_documents(connection: Connection, kind: Kind) -> dict[str, Stored]:
    """The latest version of every document of a kind, by key, those out of use included."""
    table = DocumentVersion.__table__.c
    newest = (
        select(table.key, func.max(table.version).label("version"))
        .where(table.kind == kind)
        .group_by(table.key)
        .subquery()
    )
    rows = connection.execute(
        select(table.key, table.version, table.document, table.sha256, table.shipped)
        .join(newest, and_(newest.c.key == table.key, newest.c.version == table.version))
        .where(table.kind == kind)
        .order_by(table.key)
    )
    return {row.key: Stored(*row) for row in rows}


def save_document(
    connection: Connection,
    kind: Kind,
    key: str,
    document: Document | None,
    expected_version: int | None,
    change: Change,
) -> int:
    """Store a new version of a checked document and return its number; None takes it out of use.

    What is there already and unchanged keeps its version. `expected_version` is the one the change
    was made from, None for a new document.

    Raises:
        Conflict: the document has another version by now.
        NotFound: a version was expected and there is none, or nothing to take out of use.
        InvalidInput: the reason is too long.
    """
    check_reason(change.reason)
    current = latest_documents(connection, kind).get(key)
    require_version(kind, key, None if current is None else current.version, expected_version)
    if current is None and document is None:
        raise NotFound(f"There is no {kind} {key!r}.")
    sha256 = document_sha256(document)
    if current is not None and current.sha256 == sha256:
        return current.version
    version = 1 if current is None else current.version + 1
    _insert(connection, kind, Stored(key, version, document, sha256, shipped=False), change)
    return version


def require_version(kind: str, key: str, current: int | None, expected: int | None) -> None:
    """Raises:
    Conflict: somebody else has stored another version, or the first one, in the meantime.
    NotFound: there is no such document.
    """
    if current == expected:
        return
    if current is None:
        raise NotFound(f"expectedVersion: there is no {kind} {key!r}; leave it out for a new one.")
    raise Conflict(
        f"expectedVersion: {kind} {key!r} is at version {current}"
        + ("" if expected is None else f", not {expected}")
        + f". Read it again, and send your change with expectedVersion {current}."
    )


def check_reason(reason: str | None) -> None:
    if reason is not None and not 1 <= len(reason.strip()) <= LONGEST_REASON:
        raise InvalidInput(f"reason: takes 1 to {LONGEST_REASON} characters, or is left out.")


def _insert(connection: Connection, kind: Kind, stored: Stored, change: Change) -> None:
    connection.execute(
        insert(DocumentVersion).values(
            kind=kind,
            key=stored.key,
            version=stored.version,
            document=stored.document,
            sha256=stored.sha256,
            author=change.author,
            created_at=change.now,
            reason=change.reason and change.reason.strip(),
            shipped=stored.shipped,
        )
    )


def adopt(connection: Connection, kind: Kind, rows: Mapping[str, Stored], now: dt.datetime) -> None:
    """Begin the history of documents that were stored before there was one, as they are."""
    known = latest_documents(connection, kind)
    change = Change(SHIPPED_BY, now, "As found when versions began to be kept")
    for key, stored in rows.items():
        if key not in known:
            _insert(connection, kind, stored, change)


def renew_shipped(
    connection: Connection, kind: Kind, documents: Mapping[str, Document], now: dt.datetime
) -> dict[str, int]:
    """Store shipped documents that are new, or newer than an unchanged one; returns their versions.

    What the business has changed or taken out of use stays as it is.
    """
    current = latest_documents(connection, kind)
    written = {}
    for key, document in documents.items():
        sha256 = document_sha256(document)
        had = current.get(key)
        if had is not None and (not had.shipped or had.sha256 == sha256):
            continue
        stored = Stored(key, 1 if had is None else had.version + 1, document, sha256, shipped=True)
        _insert(connection, kind, stored, Change(SHIPPED_BY, now))
        written[key] = stored.version
    return written
