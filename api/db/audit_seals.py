"""Tying the chains of reads to the chain of changes, and its end to a signature kept elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, Engine

from api.db.audit import append, heads, last, sealed_reads
from api.db.writes import writing
from api.domain.audit import SEAL, SYSTEM, Entry, Event, Head, Seals
from api.domain.checkpoints import Checkpoint, checkpoint_of


def seal_reads(
    connection: Connection, seals: Seals, ends: Sequence[Head], now: dt.datetime
) -> Entry:
    """Name the ends of chains of reads in the chain of changes."""
    streams = {each.stream: [each.number, each.hash.hex()] for each in ends}
    return append(connection, seals, Event(now, SYSTEM, SEAL, details={"streams": streams}))


def take_checkpoint(engine: Engine, reads: Engine, seals: Seals, now: dt.datetime) -> Checkpoint:
    """Name the ends of all chains of reads, and sign the end of the chain of changes."""
    with reads.connect() as connection:
        ends = heads(connection)
    with writing(engine) as connection:
        known = sealed_reads(connection)
        new = [each for each in ends if known.get(each.stream, 0) < each.number]
        end = seal_reads(connection, seals, new, now) if new else last(connection)
    return checkpoint_of(end, seals, now)
