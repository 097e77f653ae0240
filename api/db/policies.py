"""Versions of tier policies: stored as drafts, put in force from a day on, brought back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from api.db.document_versions import (
    Change,
    Document,
    check_reason,
    document_sha256,
    require_version,
)
from api.db.installation import InstallationFacts
from api.db.models import RefreshRun, TierPolicyVersion
from api.db.snapshots import Record
from api.domain.policies import require_currency
from api.domain.terms import Term, Today, place_term, scheduled, term_on, withdraw_term
from api.errors import Conflict, NotFound, NotReady

TABLE = TierPolicyVersion.__table__


@dataclass(frozen=True)
class Activation:
    """Which version is to decide, and when.

    `effective_from` None means from the next refresh on; `effective_to` is the day another
    version takes over, where one is to. `expected_active` is the row the caller takes to be in
    force, where that matters.
    """

    key: str
    version: int
    effective_from: dt.date | None = None
    effective_to: dt.date | None = None
    expected_active: int | None = None


def today_of(connection: Connection, installation: InstallationFacts, now: dt.datetime) -> Today:
    decided_on = connection.scalar(select(RefreshRun.as_of).order_by(RefreshRun.id.desc()).limit(1))
    return Today(decided_on, installation.last_whole_day(now))


def label(row: Record) -> str:
    return f"{row.key} version {row.version}"


def terms(connection: Connection) -> list[Term]:
    rows = connection.execute(
        select(
            TABLE.c.id,
            TABLE.c.key,
            TABLE.c.version,
            TABLE.c.effective_from,
            TABLE.c.effective_to,
        )
        .where(TABLE.c.state == "activated")
        .order_by(TABLE.c.id)
    )
    return [Term(row.id, label(row), row.effective_from, row.effective_to) for row in rows]


def policy_in_force(connection: Connection, day: dt.date | None = None) -> Record:
    """The row of the version in force on a day; without one, at the latest refresh or activation.

    Raises:
        NotReady: this installation has none yet.
    """
    statement = select(TABLE).where(TABLE.c.active)
    if day is not None:
        term = term_on(terms(connection), day)
        statement = select(TABLE).where(TABLE.c.id == (0 if term is None else term.row))
    found = connection.execute(statement).first()
    if found is None:
        raise NotReady("No tier policy is in force yet. Install the shipped one: echelon refresh")
    return found


def find_policy(connection: Connection, key: str, version: int | None = None) -> Record:
    """A version of a policy; the latest if none is named.

    Raises:
        NotFound: there is no such version.
    """
    statement = select(TABLE).where(TABLE.c.key == key).order_by(TABLE.c.version.desc())
    if version is not None:
        statement = statement.where(TABLE.c.version == version)
    found = connection.execute(statement.limit(1)).first()
    if found is None:
        keys = connection.scalars(select(TABLE.c.key).distinct().order_by(TABLE.c.key))
        what = "policy" if version is None else f"version {version} of the policy"
        place = "key" if version is None else "version"
        raise NotFound(f"{place}: there is no {what} {key!r}. Policies: {', '.join(keys)}.")
    return found


def create_policy(
    connection: Connection, document: Document, expected_version: int | None, change: Change
) -> Record:
    """Store a checked policy as a draft; what equals the latest version is not stored again.

    Raises:
        Conflict: somebody has stored a later version than the one expected.
    """
    key = str(document["key"])
    latest = _latest(connection, key)
    require_version("policy", key, latest, expected_version)
    if latest is not None:
        found = find_policy(connection, key, latest)
        if found.sha256 == document_sha256(document):
            return found
    return add_version(connection, document, change)


def _latest(connection: Connection, key: str) -> int | None:
    found: int | None = connection.scalar(
        select(func.max(TABLE.c.version)).where(TABLE.c.key == key)
    )
    return found


def add_version(
    connection: Connection, document: Document, change: Change, restores: int | None = None
) -> Record:
    key = document["key"]
    latest = _latest(connection, key)
    row = connection.execute(
        insert(TierPolicyVersion)
        .values(
            key=key,
            version=(latest or 0) + 1,
            document=document,
            sha256=document_sha256(document),
            created_at=change.now,
            author=change.author,
            active=False,
            state="draft",
            restores_version=restores,
        )
        .returning(TABLE.c.id)
    ).scalar_one()
    return connection.execute(select(TABLE).where(TABLE.c.id == row)).one()


def activate_version(
    connection: Connection, asked: Activation, installation: InstallationFacts, change: Change
) -> Record:
    """Put a draft in force; its document must have been checked against what is known now.

    Raises:
        NotFound: there is no such version.
        Conflict: it was activated before, or another policy is in force than was expected.
        InvalidInput: its days overlap with another version's, or leave a gap; its amounts are in
            another currency than the installation's.
    """
    check_reason(change.reason)
    row = find_policy(connection, asked.key, asked.version)
    require_currency(row.document, installation.base_currency)
    if row.state != "draft":
        raise Conflict(
            f"version: {label(row)} was activated before. To bring it back, roll back to it."
        )
    require_active(connection, asked.expected_active)
    today = today_of(connection, installation, change.now)
    new = Term(row.id, label(row), asked.effective_from, asked.effective_to)
    changed = place_term(terms(connection), new, today)
    connection.execute(
        update(TierPolicyVersion)
        .where(TABLE.c.id == row.id)
        .values(
            state="activated",
            activated_by=change.author,
            activated_at=change.now,
            reason=change.reason and change.reason.strip(),
        )
    )
    _write_terms(connection, changed)
    bring_into_force(connection, today.first)
    return connection.execute(select(TABLE).where(TABLE.c.id == row.id)).one()


def put_in_force(
    connection: Connection,
    document: Document,
    installation: InstallationFacts,
    change: Change,
    effective_from: dt.date | None = None,
    effective_to: dt.date | None = None,
) -> Record:
    """Store a checked policy and activate it, unless it is what is in force already."""
    active = policy_in_force(connection)
    if effective_from is None and active.sha256 == document_sha256(document):
        return active
    row = create_policy(connection, document, _latest(connection, document["key"]), change)
    if row.state != "draft":
        row = add_version(connection, document, change)
    asked = Activation(row.key, row.version, effective_from, effective_to)
    return activate_version(connection, asked, installation, change)


def require_active(connection: Connection, expected: int | None) -> None:
    if expected is None:
        return
    active = policy_in_force(connection)
    if active.id != expected:
        raise Conflict(
            f"expectedActive: another policy is in force by now, {label(active)}. Look at it, and "
            "send your change again."
        )


def roll_back(
    connection: Connection,
    key: str,
    version: int,
    installation: InstallationFacts,
    change: Change,
) -> Record:
    """Bring an earlier version's document back as a new version, from the next refresh on.

    A version that is to begin later stays so: what is brought back lasts until then.
    """
    found = find_policy(connection, key, version)
    if found.state != "activated":
        raise Conflict(f"version: {label(found)} never was in force; activate it instead.")
    if found.active:
        raise Conflict(f"version: {label(found)} is in force now; there is nothing to roll back.")
    row = add_version(connection, found.document, change, restores=found.version)
    waiting = scheduled(terms(connection), today_of(connection, installation, change.now))
    until = waiting[0].start if waiting else None
    asked = Activation(row.key, row.version, effective_to=until)
    return activate_version(connection, asked, installation, change)


def version_before(connection: Connection) -> Record:
    """What was put in force before the version that is in force now.

    Raises:
        NotFound: nothing was.
    """
    active = policy_in_force(connection)
    row = connection.execute(
        select(TABLE)
        .where(TABLE.c.state == "activated", TABLE.c.id != active.id)
        .where(TABLE.c.effective_to.is_not(None), TABLE.c.id < active.id)
        .order_by(TABLE.c.id.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NotFound(f"Before {label(active)} no other policy was in force.")
    return row


def withdraw(
    connection: Connection,
    key: str,
    version: int,
    installation: InstallationFacts,
    change: Change,
) -> Record:
    """Make a version that is to begin later a draft again.

    Raises:
        Conflict: it has begun.
    """
    row = find_policy(connection, key, version)
    today = today_of(connection, installation, change.now)
    _write_terms(connection, withdraw_term(terms(connection), row.id, today))
    connection.execute(
        update(TierPolicyVersion)
        .where(TABLE.c.id == row.id)
        .values(state="draft", effective_from=None, effective_to=None, active=False)
    )
    return connection.execute(select(TABLE).where(TABLE.c.id == row.id)).one()


def bring_into_force(connection: Connection, day: dt.date) -> None:
    """Mark the version in force on this day as the active one."""
    term = term_on(terms(connection), day)
    if term is None:
        return
    table: Any = TierPolicyVersion
    connection.execute(update(table).where(TABLE.c.active).values(active=False))
    connection.execute(update(table).where(TABLE.c.id == term.row).values(active=True))


def _write_terms(connection: Connection, changed: Sequence[Term]) -> None:
    for term in changed:
        connection.execute(
            update(TierPolicyVersion)
            .where(TABLE.c.id == term.row)
            .values(effective_from=term.start, effective_to=term.end)
        )
