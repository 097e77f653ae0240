"""Documents with their past, and what people decided for single customers."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, Json, UtcDateTime, one_of


class DocumentVersion(Base):
    """One version of a segment, strategy, classification ...; rows are never changed.

    So a past decision can be read beside the document it was made by.
    """

    __tablename__ = "document_versions"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Null: this version took the document out of use."""
    sha256: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(String(500))
    shipped: Mapped[bool] = mapped_column(Boolean)
    """It came with Echelon, so a newer Echelon may bring a newer one."""


class Override(Base):
    """A tier or class that somebody set for one customer, with the reason and a last day."""

    __tablename__ = "overrides"
    __table_args__ = (
        one_of("kind", ("tier", "class")),
        Index("ix_overrides_customer_id_kind", "customer_id", "kind"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(10))
    classification: Mapped[str | None] = mapped_column(String(40))
    """Which class is set; null for a tier."""
    value: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500))
    author: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    starts_on: Mapped[dt.date] = mapped_column(Date)
    """The business day of the first refresh that may follow it."""
    expires_on: Mapped[dt.date] = mapped_column(Date)
    """The last day it counts."""
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(100))
    ended_on: Mapped[dt.date | None] = mapped_column(Date)
    """The business day of the first refresh that follows it no more."""
