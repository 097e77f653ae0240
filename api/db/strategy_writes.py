"""Changes of strategies and of what may be spent on them; what was done for a customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from api.db.catalogue import save
from api.db.document_versions import Change, Document
from api.db.models import Customer, CustomerCase, Segment, Strategy, StrategyAction
from api.db.segment_writes import Reading
from api.db.snapshots import visible_to
from api.domain.fields import nearest, shown
from api.domain.resource_plans import parse_resource_plan
from api.domain.strategies.documents import parse_strategy, require_alternatives
from api.errors import Conflict, InvalidInput, NotFound


@dataclass(frozen=True)
class Recorded:
    """What somebody says of a strategy for a customer; the note is sealed already."""

    customer_id: int
    strategy_id: int
    status: str
    owner: str
    due_on: dt.date | None
    done_at: dt.datetime | None
    outcome: str | None
    note_encrypted: bytes | None


def save_strategy(
    connection: Connection,
    document: Document,
    expected_version: int | None,
    reading: Reading,
    change: Change,
) -> int:
    """Store a strategy; it is recommended from the next refresh on. Returns its row id.

    Raises:
        InvalidInput: it is wrong, or names segments or alternatives that are not there.
        Conflict, NotFound: it has another version than was expected, or none.
    """
    parsed = parse_strategy(document, reading.exponent, reading.fields, "document")
    segments = set(connection.scalars(select(Segment.key).where(Segment.retired_on.is_(None))))
    for condition in parsed.rule.conditions():
        if condition.field.many and (unknown := set(condition.values) - segments):
            first = sorted(map(str, unknown))[0]
            raise InvalidInput(
                f"document.when: there is no segment {shown(first)}{nearest(first, segments)}."
            )
    others = connection.execute(select(Strategy.document).where(Strategy.key != parsed.key))
    known = [
        parse_strategy(row.document, reading.exponent, reading.fields, "strategy") for row in others
    ]
    require_alternatives([*known, parsed])
    save(connection, "strategy", document, expected_version, change)
    return int(strategy_named(connection, parsed.key).id)


def strategy_named(connection: Connection, key: str) -> Any:
    """Raises:
    NotFound: there is none.
    """
    row = connection.execute(select(Strategy.__table__).where(Strategy.key == key)).first()
    if row is None:
        known = connection.scalars(select(Strategy.key)).all()
        raise NotFound(f"strategy: there is no strategy {shown(key)}{nearest(key, known)}.")
    return row


def set_active(
    connection: Connection, key: str, active: bool, expected_version: int, change: Change
) -> int:
    """Begin or cease to recommend a strategy, as a new version. Returns its row id."""
    row = strategy_named(connection, key)
    document = {**row.document, "active": active}
    save(connection, "strategy", document, expected_version, change)
    return int(row.id)


def choose_variant(connection: Connection, variant: str, change: Change) -> Sequence[int]:
    """Of strategies that contradict each other, make those of this variant the active ones.

    Raises:
        NotFound: no strategy has it.
    """
    rows = connection.execute(select(Strategy.__table__).order_by(Strategy.key)).all()
    variants = {row.key: row.document.get("variant") for row in rows}
    if variant not in variants.values():
        known = sorted({each for each in variants.values() if each})
        raise NotFound(f"variant: there is no {shown(variant)}{nearest(variant, known)}.")
    groups = {row.document.get("conflict_group") for row in rows if variants[row.key] == variant}
    touched = []
    for row in rows:
        if variants[row.key] and row.document.get("conflict_group") in groups:
            document: Mapping[str, Any] = {**row.document, "active": variants[row.key] == variant}
            save(connection, "strategy", document, row.version, change)
            touched.append(int(row.id))
    return touched


def save_resource_plan(
    connection: Connection,
    document: Document,
    expected_version: int | None,
    exponent: int,
    change: Change,
) -> int:
    """Store what may be spent on strategies; refreshes heed it from the next one on.

    Raises:
        InvalidInput: it is wrong.
        Conflict: it has another version than was expected.
    """
    parse_resource_plan(document, exponent, "document")
    return save(connection, "resources", document, expected_version, change)


def record_action(connection: Connection, recorded: Recorded, change: Change) -> int:
    """Write down something planned, done or declined; returns its id."""
    version = connection.scalar(select(Strategy.version).where(Strategy.id == recorded.strategy_id))
    statement = insert(StrategyAction).values(
        **vars(recorded),
        strategy_version=version,
        recorded_at=change.now,
        recorded_by=change.author,
        version=1,
    )
    return int(connection.execute(statement.returning(StrategyAction.id)).scalar_one())


def change_action(
    connection: Connection,
    action_id: int,
    expected_version: int,
    recorded: Recorded,
    change: Change,
) -> int:
    """Say what became of something recorded before; a note that is not given again stays.

    Raises:
        NotFound: there is no such action for this customer and strategy.
        Conflict: somebody else has changed it meanwhile.
    """
    table = StrategyAction
    row = connection.execute(
        select(table.version, table.done_at).where(
            table.id == action_id,
            table.customer_id == recorded.customer_id,
            table.strategy_id == recorded.strategy_id,
        )
    ).first()
    if row is None:
        raise NotFound("id: there is no such action for this customer and strategy.")
    if row.version != expected_version:
        raise Conflict(f"expectedVersion: the action is at version {row.version}. Read it again.")
    values = {name: value for name, value in vars(recorded).items() if value is not None}
    if recorded.status == "done":
        values["done_at"] = recorded.done_at or row.done_at or change.now
    else:
        values |= {"done_at": None, "outcome": None}
    values |= {"recorded_at": change.now, "recorded_by": change.author}
    connection.execute(
        update(table).where(table.id == action_id).values(values | {"version": row.version + 1})
    )
    return action_id


def open_case(
    connection: Connection, customer_id: int, kind: str, strategy_id: int, day: dt.date
) -> int:
    """Open a case by hand; refreshes open those that strategies ask for.

    Raises:
        Conflict: one of this kind is open.
    """
    table = CustomerCase
    there = select(table.id).where(
        table.customer_id == customer_id, table.kind == kind, table.closed_on.is_(None)
    )
    if connection.scalar(there) is not None:
        raise Conflict(f"kind: a {kind} case is open for this customer already.")
    statement = insert(table).values(
        customer_id=customer_id,
        kind=kind,
        strategy_id=strategy_id,
        opened_on=day,
        reasons=[],
        version=1,
    )
    return int(connection.execute(statement.returning(table.id)).scalar_one())


@dataclass(frozen=True)
class Closing:
    """How a case ended; the note is sealed already."""

    cause: str
    outcome: str
    note_encrypted: bytes | None


def case_owner(connection: Connection, case_id: int, owner: str | None) -> tuple[int, str]:
    """The customer a case is about, one of the owner's: row id and the business's own number.

    Raises:
        NotFound: there is no such case.
    """
    row = connection.execute(
        select(Customer.id, Customer.external_id)
        .join(CustomerCase, CustomerCase.customer_id == Customer.id)
        .where(CustomerCase.id == case_id, visible_to(owner, Customer.__table__.c.id))
    ).first()
    if row is None:
        raise NotFound("id: there is no such case.")
    return int(row.id), str(row.external_id)


def close_case(
    connection: Connection,
    case_id: int,
    expected_version: int,
    closing: Closing,
    day: dt.date,
    change: Change,
) -> int:
    """Close a case with its cause and outcome.

    Raises:
        Conflict: it is closed, or somebody else has changed it meanwhile.
    """
    table = CustomerCase
    closed = connection.execute(
        update(table)
        .where(table.id == case_id, table.version == expected_version, table.closed_on.is_(None))
        .values(
            **vars(closing), closed_on=day, closed_by=change.author, version=expected_version + 1
        )
    )
    if closed.rowcount == 0:
        raise Conflict("expectedVersion: the case is closed or was changed. Read it again.")
    return case_id
