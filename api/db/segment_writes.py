"""Changes of segments: what a change touches is evaluated at once, and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, and_, delete, insert, literal, select, update

from api.db.catalogue import save, segment_document
from api.db.document_versions import Change, Document, require_version, save_document
from api.db.models import Customer, Segment, SegmentMembership, Strategy
from api.db.rules import customer_source, rule_to_sql
from api.db.snapshots import visible_to
from api.domain.fields import Field
from api.domain.rules import Rule, parse_rule
from api.domain.segments import SegmentDefinition, dependents, parse_segment, parse_segments
from api.errors import Conflict, InUse, InvalidInput, NotFound

STAYS = SegmentMembership
WANTED = sa.Table(
    "wanted_members",
    sa.MetaData(),
    sa.Column("customer_id", sa.BigInteger, primary_key=True, autoincrement=False),
    prefixes=["TEMPORARY"],
)
MOST_AT_ONCE = 1_000
LONGEST_REASON = 500


@dataclass(frozen=True)
class Reading:
    """How documents are read, and which business day a change counts from."""

    fields: Mapping[str, Field]
    exponent: int
    time_zone: str
    day: dt.date


def save_segment(
    connection: Connection,
    document: Document,
    expected_version: int | None,
    reading: Reading,
    change: Change,
) -> int:
    """Store a segment and evaluate it with those that read it; returns its row id.

    Raises:
        InvalidInput: the document is wrong, or segments would depend on each other in a circle.
        Conflict, NotFound: it has another version than was expected, or none.
    """
    parsed = parse_segment(document, reading.exponent, reading.fields, "document")
    others = {row.key: row for row in _rows(connection)}
    if (row := others.get(parsed.key)) is not None and row.kind != parsed.kind:
        raise Conflict(f"document.kind: {parsed.key} is a {row.kind} segment and stays one.")
    documents = [segment_document(row) for key, row in others.items() if key != parsed.key]
    parse_segments([*documents, document], reading.exponent, reading.fields)
    version = save(connection, "segment", document, expected_version, change)
    connection.execute(update(Segment).where(Segment.key == parsed.key).values(retired_on=None))
    row_id = _row_id(connection, parsed.key)
    if parsed.rule is not None:
        reason = _reason("segment.rule_changed", version=version, by=change.author)
        _follow(connection, row_id, parsed.rule, reading, _cause(parsed.key, reason))
        _evaluate_readers(connection, parsed.key, reading, change)
    return row_id


def retire_segment(
    connection: Connection, key: str, expected_version: int, reading: Reading, change: Change
) -> int:
    """Give a segment up: nobody is in it any more, who was stays on record.

    Raises:
        InUse: another segment or an active strategy reads it.
        Conflict, NotFound: it has another version than was expected, or there is none.
    """
    row_id = _row_id(connection, key)
    readers = [
        each.key for each in _definitions(connection, reading) if key in each.reads
    ] + _strategies_reading(connection, key, reading)
    if readers:
        raise InUse(f"key: {key} is read by {', '.join(readers)}; change these first.")
    save_document(connection, "segment", key, None, expected_version, change)
    connection.execute(update(Segment).where(Segment.id == row_id).values(retired_on=reading.day))
    cause = _cause(key, _reason("segment.retired", by=change.author))
    ended = update(STAYS).where(STAYS.segment_id == row_id, STAYS.left_on.is_(None))
    connection.execute(ended.values(left_on=reading.day, left_cause=cause))
    return row_id


def add_members(
    connection: Connection,
    key: str,
    external_ids: Sequence[str],
    note: str,
    reading: Reading,
    change: Change,
    expected_version: int | None = None,
) -> int:
    """Put customers into a segment by hand; who is in it already stays as they are.

    Raises:
        NotFound: no such segment or customers.
        Conflict: the segment has a rule, or another version than was expected.
        InvalidInput: too many at once, or no reason.
    """
    row_id, customers = _by_hand(connection, key, external_ids, note, change, expected_version)
    inside = select(STAYS.customer_id).where(
        STAYS.segment_id == row_id, STAYS.left_on.is_(None), STAYS.customer_id.in_(customers)
    )
    new = sorted(set(customers) - set(connection.scalars(inside)))
    cause = _cause(key, _reason("segment.added_by_hand", by=change.author, note=note.strip()))
    if new:
        rows = [{"customer_id": each, "segment_id": row_id} for each in new]
        shared = {"entered_on": reading.day, "cause": cause}
        connection.execute(insert(STAYS), [row | shared for row in rows])
        _evaluate_readers(connection, key, reading, change)
    return row_id


def remove_members(
    connection: Connection,
    key: str,
    external_ids: Sequence[str],
    note: str,
    reading: Reading,
    change: Change,
    expected_version: int | None = None,
) -> int:
    """Take customers out of a segment by hand; who is not in it stays out.

    Raises:
        NotFound, Conflict, InvalidInput: as `add_members`.
    """
    row_id, customers = _by_hand(connection, key, external_ids, note, change, expected_version)
    cause = _cause(key, _reason("segment.removed_by_hand", by=change.author, note=note.strip()))
    ended = connection.execute(
        update(STAYS)
        .where(
            STAYS.segment_id == row_id, STAYS.left_on.is_(None), STAYS.customer_id.in_(customers)
        )
        .values(left_on=reading.day, left_cause=cause)
    )
    if ended.rowcount:
        _evaluate_readers(connection, key, reading, change)
    return row_id


def _by_hand(
    connection: Connection,
    key: str,
    external_ids: Sequence[str],
    note: str,
    change: Change,
    expected_version: int | None,
) -> tuple[int, list[int]]:
    if not note.strip() or len(note) > LONGEST_REASON:
        raise InvalidInput(f"reason: say why, in 1 to {LONGEST_REASON} characters.")
    if not 1 <= len(external_ids) <= MOST_AT_ONCE:
        raise InvalidInput(f"externalIds: takes 1 to {MOST_AT_ONCE} customer numbers at once.")
    row_id = _row_id(connection, key)
    kind, version = connection.execute(
        select(Segment.kind, Segment.version).where(Segment.id == row_id)
    ).one()
    if expected_version is not None:
        require_version("segment", key, version, expected_version)
    if kind == "rule":
        raise Conflict(f"key: {key} has a rule that says who is in it; change the rule.")
    found = connection.execute(
        select(Customer.external_id, Customer.id)
        .where(Customer.external_id.in_(external_ids))
        .where(visible_to(change.owner, Customer.__table__.c.id))
    ).all()
    known = {row.external_id: row.id for row in found}
    for place, each in enumerate(external_ids):
        if each not in known:
            raise NotFound(f"externalIds[{place}]: there is no customer with this number.")
    return row_id, list(known.values())


def _rows(connection: Connection) -> Sequence[Any]:
    table = Segment.__table__
    return connection.execute(
        select(table).where(table.c.retired_on.is_(None)).order_by(table.c.key)
    ).all()


def _definitions(connection: Connection, reading: Reading) -> tuple[SegmentDefinition, ...]:
    documents = [segment_document(row) for row in _rows(connection)]
    return parse_segments(documents, reading.exponent, reading.fields)


def _row_id(connection: Connection, key: str) -> int:
    found = connection.scalar(
        select(Segment.id).where(Segment.key == key, Segment.retired_on.is_(None))
    )
    if found is None:
        raise NotFound("key: there is no segment with this key.")
    return int(found)


def _strategies_reading(connection: Connection, key: str, reading: Reading) -> list[str]:
    rows = connection.execute(
        select(Strategy.key, Strategy.document).where(Strategy.active).order_by(Strategy.key)
    ).all()
    return [
        row.key
        for row in rows
        for condition in parse_rule(
            row.document["when"], reading.fields, reading.exponent
        ).conditions()
        if condition.field.many and key in condition.values
    ]


def _reason(code: str, **params: Any) -> dict[str, Any]:
    return {"code": code, "params": params}


def _cause(key: str, reason: Mapping[str, Any]) -> dict[str, Any]:
    return {"segment": key, "reasons": [reason]}


def _evaluate_readers(connection: Connection, key: str, reading: Reading, change: Change) -> None:
    readers = dependents(_definitions(connection, reading), key)
    reason = _reason("segment.other_changed", segment=key, by=change.author)
    for each in readers:
        if each.key != key and each.rule is not None:
            cause = _cause(each.key, reason)
            _follow(connection, _row_id(connection, each.key), each.rule, reading, cause)


def _follow(
    connection: Connection, row_id: int, rule: Rule, reading: Reading, cause: Mapping[str, Any]
) -> None:
    """As `api.db.stays.Stays.follow`, for one segment: a day has one outcome."""
    day = reading.day
    WANTED.create(connection, checkfirst=False)
    wanted = select(Customer.id).select_from(customer_source())
    connection.execute(
        insert(WANTED).from_select(
            ["customer_id"], wanted.where(rule_to_sql(rule, reading.time_zone))
        )
    )
    is_wanted = STAYS.customer_id.in_(select(WANTED.c.customer_id))
    mine = STAYS.segment_id == row_id
    over = and_(mine, STAYS.left_on.is_(None), sa.not_(is_wanted))
    connection.execute(delete(STAYS).where(over, STAYS.entered_on >= day))
    connection.execute(update(STAYS).where(over).values(left_on=day, left_cause=cause))
    open_ones = select(STAYS.customer_id).where(mine, STAYS.left_on.is_(None))
    resumed = update(STAYS).where(
        mine, STAYS.left_on == day, is_wanted, STAYS.customer_id.not_in(open_ones)
    )
    connection.execute(resumed.values(left_on=None, left_cause=None))
    begun = select(
        WANTED.c.customer_id,
        literal(row_id),
        literal(day, sa.Date()),
        literal(dict(cause), STAYS.__table__.c.cause.type),
    ).where(WANTED.c.customer_id.not_in(open_ones))
    connection.execute(
        insert(STAYS).from_select(["customer_id", "segment_id", "entered_on", "cause"], begun)
    )
    WANTED.drop(connection, checkfirst=False)
