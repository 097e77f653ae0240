"""What mining found about customers, and the runs that found it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, Json, UtcDateTime


class MiningRun(Base):
    """One run of mining. `groups` is what the next run's groups carry on from, with names."""

    __tablename__ = "mining_runs"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    as_of: Mapped[dt.date] = mapped_column(Date)
    published_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    groups: Mapped[dict[str, Any]] = mapped_column(Json)


class CustomerFinding(Base):
    """What to offer a customer, how to reach them, whom they are like and what would keep them.

    `products`, `channels` and `hints` are lists, best first; their reasons are codes with numbers.
    """

    __tablename__ = "customer_findings"

    customer_id: Mapped[int] = mapped_column(
        BigId,
        ForeignKey("customers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    group_key: Mapped[str | None] = mapped_column(String(20), index=True)
    products: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    channels: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    hints: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    run_id: Mapped[int] = mapped_column(ForeignKey("mining_runs.id"))
