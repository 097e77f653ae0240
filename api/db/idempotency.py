"""Replies kept for a day, so that a request sent twice changes things once.

A reply is stored in the transaction of its change: either both are there or neither is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from api.db.models import IdempotentReply

KEPT = dt.timedelta(hours=24)
TABLE = IdempotentReply.__table__.c


@dataclass(frozen=True)
class KeptReply:
    fingerprint: str
    reply: bytes


def find_reply(
    connection: Connection, caller: str, key_hash: bytes, now: dt.datetime
) -> KeptReply | None:
    """What was answered to this caller under this key in the last day."""
    statement = select(TABLE.fingerprint, TABLE.reply).where(
        TABLE.caller == caller, TABLE.key_hash == key_hash, TABLE.created_at > now - KEPT
    )
    row = connection.execute(statement).first()
    return None if row is None else KeptReply(row.fingerprint, row.reply)


def keep_reply(
    connection: Connection, caller: str, key_hash: bytes, kept: KeptReply, now: dt.datetime
) -> None:
    """Store a reply; forgets those that are older than a day."""
    forget_replies(connection, now)
    connection.execute(
        insert(IdempotentReply).values(
            caller=caller,
            key_hash=key_hash,
            fingerprint=kept.fingerprint,
            reply=kept.reply,
            created_at=now,
        )
    )


def forget_replies(connection: Connection, now: dt.datetime) -> int:
    """Remove what is older than a day; returns how many."""
    old = delete(IdempotentReply).where(TABLE.created_at <= now - KEPT)
    return int(connection.execute(old).rowcount)
