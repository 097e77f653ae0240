"""The audit log in the database: appended to inside the transaction of what it tells of."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from api.db.models import AuditEntry
from api.domain.audit import MAIN, SEAL, Entry, Event, Head, Seals

TABLE = AuditEntry.__table__
COLUMNS = [TABLE.c[each.name] for each in fields(Entry)]
LOCK = zlib.crc32(b"echelon/audit")
BATCH = 1_000


def append(connection: Connection, seals: Seals, event: Event) -> Entry:
    """Add an entry to the chain of changes; it stays or goes with the caller's transaction.

    Entries are sealed one after the other, so this waits for transactions that have appended and
    not ended yet: append last. On SQLite the transaction must be one that writes.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    entry = seals.seal(event, head(connection, MAIN))
    connection.execute(insert(AuditEntry).values(asdict(entry)))
    return entry


def head(connection: Connection, stream: str) -> Head:
    """Where a chain ends; a chain without entries begins with the first."""
    statement = (
        select(TABLE.c.number, TABLE.c.hash)
        .where(TABLE.c.stream == stream)
        .order_by(TABLE.c.number.desc())
        .limit(1)
    )
    row = connection.execute(statement).first()
    return Head(stream) if row is None else Head(stream, row.number, row.hash)


def heads(connection: Connection) -> list[Head]:
    """Where the chains of reads end."""
    ends = (
        select(TABLE.c.stream, func.max(TABLE.c.number).label("number"))
        .where(TABLE.c.stream != MAIN)
        .group_by(TABLE.c.stream)
        .subquery()
    )
    statement = select(TABLE.c.stream, TABLE.c.number, TABLE.c.hash).join(
        ends, (ends.c.stream == TABLE.c.stream) & (ends.c.number == TABLE.c.number)
    )
    return [Head(*row) for row in connection.execute(statement.order_by(TABLE.c.stream))]


def entries(connection: Connection, statement: Select[Any]) -> Iterator[Entry]:
    """Entries as they are read; never more than some in memory."""
    # On the statement: on the connection they would hold for whatever it executes later.
    streamed = statement.execution_options(stream_results=True, yield_per=BATCH)
    with connection.execute(streamed) as result:
        for row in result:
            yield Entry(*row)


def chain(connection: Connection, *, main: bool) -> Iterator[Entry]:
    """Every entry of the chain of changes, or of all chains of reads one after the other."""
    wanted = TABLE.c.stream == MAIN if main else TABLE.c.stream != MAIN
    ordered = select(*COLUMNS).where(wanted).order_by(TABLE.c.stream, TABLE.c.number)
    return entries(connection, ordered)


def sealed_reads(connection: Connection) -> dict[str, int]:
    """How far each chain of reads is named by the chain of changes."""
    found: dict[str, int] = {}
    wanted = select(*COLUMNS).where(TABLE.c.action == SEAL).order_by(TABLE.c.number)
    for entry in entries(connection, wanted):
        found |= {stream: number for stream, (number, _) in seal_of(entry).items()}
    return found


def seal_of(entry: Entry) -> Mapping[str, tuple[int, str]]:
    """What an entry that seals reads says: each stream's last number and its hash."""
    streams = json.loads(entry.details)["streams"]
    return {stream: (number, digest) for stream, (number, digest) in streams.items()}


def last(connection: Connection) -> Entry | None:
    statement = (
        select(*COLUMNS).where(TABLE.c.stream == MAIN).order_by(TABLE.c.number.desc()).limit(1)
    )
    row = connection.execute(statement).first()
    return None if row is None else Entry(*row)
