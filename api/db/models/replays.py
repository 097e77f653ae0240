"""What customers were like at the ends of past months: policies are tried on it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, Json


class ReplayMonth(Base):
    """The end of a month that was looked back at, with the names of what `inputs` list."""

    __tablename__ = "replay_months"

    month_end: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the models and the code that looked back."""
    fields: Mapped[list[str]] = mapped_column(Json)


class ReplayInput(Base):
    """What a customer of the sample was like then: values in the order of the month's fields."""

    __tablename__ = "replay_inputs"
    __table_args__ = ({"sqlite_with_rowid": False},)

    month_end: Mapped[dt.date] = mapped_column(
        Date, ForeignKey("replay_months.month_end", ondelete="CASCADE"), primary_key=True
    )
    customer_id: Mapped[int] = mapped_column(
        BigId,
        ForeignKey("customers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    )
    inputs: Mapped[list[Any]] = mapped_column(Json)
