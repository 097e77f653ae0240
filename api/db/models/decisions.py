"""Profiles and classes, tier policies and assignments, segments, strategies, recommendations."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Float,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, Json, UtcDateTime, one_of


class CustomerProfile(Base):
    """The published measures and classes of a customer; what filters, rules and sorting read."""

    __tablename__ = "customer_profiles"

    customer_id: Mapped[int] = mapped_column(
        BigId,
        ForeignKey("customers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    recency_days: Mapped[float | None] = mapped_column(Float(53))
    order_count: Mapped[int]
    net_spend_minor: Mapped[int] = mapped_column(BigInteger)
    net_spend_365d_minor: Mapped[int] = mapped_column(BigInteger)
    tenure_days: Mapped[float | None] = mapped_column(Float(53))
    mean_gap_days: Mapped[float | None] = mapped_column(Float(53))
    interaction_count: Mapped[int]
    r_score: Mapped[int | None]
    f_score: Mapped[int | None]
    m_score: Mapped[int | None]
    rfm_group: Mapped[str | None] = mapped_column(String(40), index=True)
    abc_class: Mapped[str | None] = mapped_column(String(1), index=True)
    lifecycle_stage: Mapped[str] = mapped_column(String(20), index=True)
    lifecycle_since: Mapped[dt.date] = mapped_column(Date)
    as_of: Mapped[dt.date] = mapped_column(Date)


class ClassChange(Base):
    """A customer moved from one class to another: lifecycle stages, RFM groups, ABC classes."""

    __tablename__ = "class_changes"

    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    classification: Mapped[str] = mapped_column(String(40), primary_key=True)
    changed_on: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    previous: Mapped[str | None] = mapped_column(String(40))
    current: Mapped[str | None] = mapped_column(String(40))
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))


class TierPolicyVersion(Base):
    """A tier policy as a validated document; at most one version is active."""

    __tablename__ = "tier_policy_versions"
    __table_args__ = (UniqueConstraint("key", "version"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    effective_from: Mapped[dt.date | None] = mapped_column(Date)
    effective_to: Mapped[dt.date | None] = mapped_column(Date)
    active: Mapped[bool] = mapped_column(Boolean)


class TierAssignment(Base):
    """A tier a customer has or had. `ended_on` is null while it lasts; `inputs` replays it."""

    __tablename__ = "tier_assignments"
    __table_args__ = (
        Index(
            "uq_tier_assignments_current",
            "customer_id",
            unique=True,
            sqlite_where=text("ended_on IS NULL"),
            postgresql_where=text("ended_on IS NULL"),
        ),
        Index("ix_tier_assignments_tier_key_ended_on", "tier_key", "ended_on", "customer_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    tier_key: Mapped[str] = mapped_column(String(40))
    since: Mapped[dt.date] = mapped_column(Date)
    ended_on: Mapped[dt.date | None] = mapped_column(Date)
    policy_version_id: Mapped[int] = mapped_column(ForeignKey("tier_policy_versions.id"))
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    inputs: Mapped[dict[str, Any]] = mapped_column(Json)
    gap_to_next: Mapped[dict[str, Any] | None] = mapped_column(Json)


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


class SegmentMembership(Base):
    """A stay in a segment. `left_on` is null while it lasts; `cause` says why it began."""

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
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    segment_id: Mapped[int] = mapped_column(BigId, ForeignKey("segments.id"))
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    entered_on: Mapped[dt.date] = mapped_column(Date)
    left_on: Mapped[dt.date | None] = mapped_column(Date)
    cause: Mapped[dict[str, Any]] = mapped_column(Json)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("refresh_runs.id"))


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
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))
