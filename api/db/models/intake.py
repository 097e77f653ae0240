"""Where facts came from: one row per imported file, and the installation they belong to."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, UtcDateTime, one_of


class Installation(Base):
    """The one row of settings that stored amounts and days depend on, written with the schema."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="single_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    base_currency: Mapped[str] = mapped_column(String(3))
    time_zone: Mapped[str] = mapped_column(String(64))
    churn_horizon_days: Mapped[int]
    clv_horizon_days: Mapped[int]
    score_validity_days: Mapped[int]
    today: Mapped[dt.date | None] = mapped_column(Date)
    """The day staleness is measured against in a demo on old data; null: the real day."""
    facts_epoch: Mapped[int] = mapped_column(default=1)
    """Raised when a stored fact is corrected or removed, so that the fact store is rebuilt."""
    last_revision: Mapped[int] = mapped_column(BigId, default=0)
    """The newest revision of the risk-score feed; publishers lock this row to count on."""
    feed_floor: Mapped[int] = mapped_column(BigId, default=0, server_default="0")
    """Tombstones up to this revision are gone: who has read less far must start anew."""
    secret_id: Mapped[str | None] = mapped_column(String(8))
    """Which root secret personal data is sealed under from now on."""


class ImportBatch(Base):
    """A run of rows that became visible together; its id is the arrival watermark of its facts."""

    __tablename__ = "import_batches"
    __table_args__ = (
        one_of("status", ("running", "done")),
        Index("ix_import_batches_kind_arrived_at", "kind", "arrived_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    source: Mapped[str] = mapped_column(String(200))
    arrived_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(10))
    rows_added: Mapped[int] = mapped_column(default=0)
    rows_changed: Mapped[int] = mapped_column(default=0)


class ExchangeRate(Base):
    """What one unit of a foreign currency is worth in the base currency from that day on."""

    __tablename__ = "exchange_rates"

    currency: Mapped[str] = mapped_column(String(3), primary_key=True)
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    rate: Mapped[str] = mapped_column(String(40))
    """A decimal in text, exact on both databases."""
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))
