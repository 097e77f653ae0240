"""Who did what, in rows that are only ever added; and replies kept for requests sent twice."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, UtcDateTime


class AuditEntry(Base):
    """Triggers refuse to change or remove a row; its hash is keyed and covers the row before it."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_at", "at", "stream", "number"),
        Index("ix_audit_entries_actor_at", "actor", "at"),
        Index("ix_audit_entries_action_at", "action", "at"),
    )

    stream: Mapped[str] = mapped_column(String(40), primary_key=True)
    """`main`, or the reads of one process of the server."""
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """From 1 on, without gaps."""
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[str] = mapped_column(String(255))
    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(80))
    request_id: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[str] = mapped_column(Text)
    """JSON as it was sealed, to the byte."""
    key_id: Mapped[str] = mapped_column(String(8))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class IdempotentReply(Base):
    """What a mutation answered, so that the same request gets the same reply again."""

    __tablename__ = "idempotent_replies"
    __table_args__ = (Index("ix_idempotent_replies_created_at", "created_at"),)

    caller: Mapped[str] = mapped_column(String(255), primary_key=True)
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """The key is the caller's own text and may say something, so only its keyed hash is kept."""
    fingerprint: Mapped[str] = mapped_column(String(64))
    """Of the mutation, its arguments, what was selected, and the caller's rights."""
    reply: Mapped[bytes] = mapped_column(LargeBinary)
    """Encrypted: it may hold what pii:read guards."""
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
