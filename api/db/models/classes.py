"""Classifications with what was last drawn from the customers, and statuses that people set."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, Json, UtcDateTime


class Classification(Base):
    """A version of a classification as a validated document; of each key at most one is active."""

    __tablename__ = "classifications"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    active: Mapped[bool] = mapped_column(Boolean)
    effective_from: Mapped[dt.date | None] = mapped_column(Date)
    """The first day it decides; null where it decided whatever there was before."""
    effective_to: Mapped[dt.date | None] = mapped_column(Date)
    """The day another version took over, or none; null while it lasts or is to come."""
    decided_on: Mapped[dt.date | None] = mapped_column(Date)
    """The day of the first refresh that decided by this version."""
    as_of: Mapped[dt.date | None] = mapped_column(Date)
    """The day of the last one, which these are from:"""
    cutoffs: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What was drawn from the customers; money in minor units."""
    counts: Mapped[dict[str, int] | None] = mapped_column(Json)
    """Customers by value."""


class RelationshipStatus(Base):
    """A step that somebody recorded; a customer's latest one counts."""

    __tablename__ = "relationship_statuses"
    __table_args__ = (
        Index("ix_relationship_statuses_customer_id", "customer_id", "classification", "since"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    classification: Mapped[str] = mapped_column(String(40))
    """Key of a classification of kind `status`."""
    previous: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(40))
    since: Mapped[dt.date] = mapped_column(Date)
    author: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
