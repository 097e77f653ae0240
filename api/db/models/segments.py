"""Segments, and who is or was in them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, BulkJson, Json, one_of


class Segment(Base):
    __tablename__ = "segments"
    __table_args__ = (one_of("kind", ("rule", "manual")),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    name_en: Mapped[str] = mapped_column(String(100))
    name_zh: Mapped[str] = mapped_column(String(100))
    description_en: Mapped[str] = mapped_column(String(400))
    description_zh: Mapped[str] = mapped_column(String(400))
    rule: Mapped[dict[str, Any] | None] = mapped_column(Json)
    version: Mapped[int]
    family: Mapped[str | None] = mapped_column(String(40))
    """What kind of likeness it is about: value, risk, lifecycle, need, psychology ..."""
    retired_on: Mapped[dt.date | None] = mapped_column(Date)
    """From then on nobody is in it; who was, stays on record."""


class SegmentMembership(Base):
    """A stay in a segment. `left_on` is null while it lasts.

    `cause` says why it began, `left_cause` why it ended: reasons, as codes with numbers.
    """

    __tablename__ = "segment_memberships"
    __table_args__ = (
        Index(
            "uq_segment_memberships_current",
            "customer_id",
            "segment_id",
            unique=True,
            sqlite_where=text("left_on IS NULL"),
            postgresql_where=text("left_on IS NULL"),
        ),
        Index("ix_segment_memberships_segment_id_left_on", "segment_id", "left_on", "customer_id"),
        Index("ix_segment_memberships_segment_id_entered_on", "segment_id", "entered_on", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    segment_id: Mapped[int] = mapped_column(BigId, ForeignKey("segments.id"))
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    entered_on: Mapped[dt.date] = mapped_column(Date)
    left_on: Mapped[dt.date | None] = mapped_column(Date)
    cause: Mapped[dict[str, Any]] = mapped_column(BulkJson)
    left_cause: Mapped[dict[str, Any] | None] = mapped_column(Json)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("refresh_runs.id"))
