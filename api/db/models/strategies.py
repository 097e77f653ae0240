"""Strategies, to whom they are recommended, what was done about it and what came of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, BulkJson, Json, UtcDateTime, one_of

ACTION_STATUSES = ("planned", "done", "declined")
ACTION_OUTCOMES = ("succeeded", "no_effect", "failed")
CASE_KINDS = ("retention", "win_back")
CASE_CAUSES = ("product", "service", "price", "competitor", "moved", "no_need", "other", "unknown")
CASE_OUTCOMES = ("stayed", "returned", "left", "no_answer")


class Strategy(Base):
    """An action the business can take, as a validated document of the shipped or own catalogue."""

    __tablename__ = "strategies"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    version: Mapped[int]
    active: Mapped[bool] = mapped_column(Boolean)


class Recommendation(Base):
    __tablename__ = "recommendations"

    customer_id: Mapped[int] = mapped_column(
        BigId,
        ForeignKey("customers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    priority: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1 is the first thing to do."""
    strategy_id: Mapped[int] = mapped_column(BigId, ForeignKey("strategies.id"), index=True)
    expected_gain_minor: Mapped[int] = mapped_column(BigInteger)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(BulkJson)
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))


class StrategyAction(Base):
    """Something planned for a customer by a strategy, done or declined. The note is sealed."""

    __tablename__ = "strategy_actions"
    __table_args__ = (
        one_of("status", ACTION_STATUSES),
        one_of("outcome", ACTION_OUTCOMES),
        Index("ix_strategy_actions_customer_id_recorded_at", "customer_id", "recorded_at"),
        Index("ix_strategy_actions_strategy_id_status", "strategy_id", "status", "customer_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    strategy_id: Mapped[int] = mapped_column(BigId, ForeignKey("strategies.id"))
    strategy_version: Mapped[int]
    status: Mapped[str] = mapped_column(String(10))
    owner: Mapped[str] = mapped_column(String(100))
    due_on: Mapped[dt.date | None] = mapped_column(Date)
    done_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str | None] = mapped_column(String(10))
    note_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    recorded_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    recorded_by: Mapped[str] = mapped_column(String(100))
    """The name of the key that spoke last."""
    version: Mapped[int]


class CustomerCase(Base):
    """A customer to be kept or won back: why it was opened, what the cause was, how it ended."""

    __tablename__ = "customer_cases"
    __table_args__ = (
        one_of("kind", CASE_KINDS),
        one_of("cause", CASE_CAUSES),
        one_of("outcome", CASE_OUTCOMES),
        Index(
            "uq_customer_cases_open",
            "customer_id",
            "kind",
            unique=True,
            sqlite_where=text("closed_on IS NULL"),
            postgresql_where=text("closed_on IS NULL"),
        ),
        Index("ix_customer_cases_kind_closed_on", "kind", "closed_on", "id"),
        Index("ix_customer_cases_kind_opened_on", "kind", "opened_on", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(10))
    strategy_id: Mapped[int] = mapped_column(BigId, ForeignKey("strategies.id"))
    opened_on: Mapped[dt.date] = mapped_column(Date)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(BulkJson)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("refresh_runs.id"))
    closed_on: Mapped[dt.date | None] = mapped_column(Date)
    cause: Mapped[str | None] = mapped_column(String(10))
    outcome: Mapped[str | None] = mapped_column(String(10))
    note_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    closed_by: Mapped[str | None] = mapped_column(String(100))
    version: Mapped[int]


class ResourcePlan(Base):
    """A version of what may be spent on strategies; the latest one counts."""

    __tablename__ = "resource_plans"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str | None] = mapped_column(String(100))
