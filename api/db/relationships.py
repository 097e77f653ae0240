"""Recording the steps of a relationship with a customer, as the documents allow them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from api.db.class_reading import class_column
from api.db.classes import Document, read_classifications
from api.db.installation import InstallationFacts
from api.db.models import CustomerProfile, RelationshipStatus
from api.domain.classes.statuses import KIND, require_step
from api.domain.fields import nearest, shown
from api.errors import Conflict, InvalidInput

LONGEST_REASON = 500


@dataclass(frozen=True)
class Step:
    """What is to be recorded, and by whom."""

    customer_id: int
    classification: str
    status: str
    reason: str | None
    author: str
    now: dt.datetime
    expected_version: int | None = None
    """How many steps there were before it, as far as the caller knows."""


def record_status(connection: Connection, step: Step, installation: InstallationFacts) -> int:
    """Store a step; it counts from the next refresh on. Returns its row.

    Raises:
        InvalidInput: there is no such classification or status, or the step is not allowed.
        Conflict: somebody has recorded another step meanwhile.
    """
    if step.reason is not None and not 1 <= len(step.reason.strip()) <= LONGEST_REASON:
        raise InvalidInput(f"reason: takes 1 to {LONGEST_REASON} characters, or is left out.")
    document = _document(connection, step.classification)
    _require_version(connection, step)
    current = current_status(connection, step.customer_id, step.classification)
    require_step(document, current, step.status)
    statement = insert(RelationshipStatus).values(
        customer_id=step.customer_id,
        classification=step.classification,
        previous=current,
        status=step.status,
        since=installation.last_whole_day(step.now),
        author=step.author,
        reason=None if step.reason is None else step.reason.strip(),
        created_at=step.now,
    )
    return int(connection.execute(statement.returning(RelationshipStatus.id)).scalar_one())


def _require_version(connection: Connection, step: Step) -> None:
    table = RelationshipStatus
    number = connection.scalar(
        select(func.count()).where(
            table.customer_id == step.customer_id, table.classification == step.classification
        )
    )
    if step.expected_version is not None and step.expected_version != number:
        raise Conflict(
            f"expectedVersion: the status is at version {number}, not {step.expected_version}. "
            "Read it again."
        )


def current_status(connection: Connection, customer_id: int, classification: str) -> str | None:
    """The latest step that was recorded, or else what the last refresh took the customer for."""
    table = RelationshipStatus
    recorded = connection.scalar(
        select(table.status)
        .where(table.customer_id == customer_id, table.classification == classification)
        .order_by(table.since.desc(), table.id.desc())
        .limit(1)
    )
    if recorded is not None:
        return recorded
    published: str | None = connection.scalar(
        select(class_column(classification)).where(CustomerProfile.customer_id == customer_id)
    )
    return published


def _document(connection: Connection, key: str) -> Document:
    stored = {each.key: each.document for each in read_classifications(connection)}
    steps = [each for each, document in stored.items() if document["kind"] == KIND]
    if key not in steps:
        raise InvalidInput(
            f"classification: {shown(key)} is none that people set{nearest(key, steps)}."
        )
    return stored[key]
