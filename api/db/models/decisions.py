"""Profiles and classes, tier policies and assignments."""

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

from api.db.models.base import Base, BigId, BulkJson, Json, UtcDateTime, one_of


class CustomerProfile(Base):
    """The published measures and classes of a customer; what filters, rules and sorting read.

    Measures are named as in `ml.contracts`; a null one has nothing to measure.
    """

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
    classes: Mapped[dict[str, str] | None] = mapped_column(Json)
    """By classification the customer's value, but for those with a column of their own."""
    profiled_on: Mapped[dt.date | None] = mapped_column(Date)
    """The first day of this profile: no class was known before."""
    as_of: Mapped[dt.date] = mapped_column(Date)
    order_count_28d: Mapped[int | None]
    order_count_84d: Mapped[int | None]
    order_count_182d: Mapped[int | None]
    order_count_365d: Mapped[int | None]
    net_spend_28d_minor: Mapped[int | None] = mapped_column(BigInteger)
    net_spend_84d_minor: Mapped[int | None] = mapped_column(BigInteger)
    net_spend_182d_minor: Mapped[int | None] = mapped_column(BigInteger)
    net_spend_previous_365d_minor: Mapped[int | None] = mapped_column(BigInteger)
    mean_basket_minor: Mapped[float | None] = mapped_column(Float(53))
    margin_365d_minor: Mapped[int | None] = mapped_column(BigInteger)
    service_cost_365d_minor: Mapped[int | None] = mapped_column(BigInteger)
    profit_365d_minor: Mapped[int | None] = mapped_column(BigInteger)
    discount_share: Mapped[float | None] = mapped_column(Float(53))
    return_share: Mapped[float | None] = mapped_column(Float(53))
    top_brand_share: Mapped[float | None] = mapped_column(Float(53))
    department_count: Mapped[int | None]
    interaction_count_84d: Mapped[int | None]
    interaction_count_365d: Mapped[int | None]
    inbound_count_84d: Mapped[int | None]
    last_interaction_days: Mapped[float | None] = mapped_column(Float(53))
    response_hours: Mapped[float | None] = mapped_column(Float(53))
    satisfaction: Mapped[float | None] = mapped_column(Float(53))
    last_satisfaction: Mapped[float | None] = mapped_column(Float(53))
    complaint_count_365d: Mapped[int | None]
    price_feedback_count_365d: Mapped[int | None]
    service_feedback_count_365d: Mapped[int | None]
    product_feedback_count_365d: Mapped[int | None]
    intent: Mapped[str | None] = mapped_column(String(10))
    intent_age_days: Mapped[float | None] = mapped_column(Float(53))
    intent_expected_on: Mapped[dt.date | None] = mapped_column(Date)
    referral_count: Mapped[int | None]
    referred_net_spend_minor: Mapped[int | None] = mapped_column(BigInteger)
    invoice_count_365d: Mapped[int | None]
    overdue_amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    overdue_days: Mapped[int | None]
    late_payment_share: Mapped[float | None] = mapped_column(Float(53))
    balance_minor: Mapped[int | None] = mapped_column(BigInteger)
    avg_daily_balance_month_minor: Mapped[float | None] = mapped_column(Float(53))


class ClassChange(Base):
    """A customer moved from one class of a classification to another; the feed of transitions."""

    __tablename__ = "class_changes"
    __table_args__ = (
        Index("ix_class_changes_feed", "run_id", "changed_on", "classification", "customer_id"),
    )

    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    classification: Mapped[str] = mapped_column(String(40), primary_key=True)
    changed_on: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    previous: Mapped[str | None] = mapped_column(String(40))
    current: Mapped[str | None] = mapped_column(String(40))
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))


class TierPolicyVersion(Base):
    """A tier policy as a validated document. The document of a version never changes.

    An activated version is in force from `effective_from` (null: since ever) up to, but not
    including, `effective_to` (null: until another takes over).
    """

    __tablename__ = "tier_policy_versions"
    __table_args__ = (UniqueConstraint("key", "version"), one_of("state", ("draft", "activated")))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    effective_from: Mapped[dt.date | None] = mapped_column(Date)
    effective_to: Mapped[dt.date | None] = mapped_column(Date)
    active: Mapped[bool] = mapped_column(Boolean)
    """In force at the latest refresh or activation; at most one version is."""
    state: Mapped[str] = mapped_column(String(10), default="activated")
    author: Mapped[str | None] = mapped_column(String(100))
    """Who stored it; null for those from before this was kept."""
    activated_by: Mapped[str | None] = mapped_column(String(100))
    activated_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(String(500))
    """Why it was activated."""
    restores_version: Mapped[int | None]
    """The earlier version whose document this one brings back."""


class TierAssignment(Base):
    """A tier a customer has or had. `ended_on` is null while it lasts; `inputs` replays it.

    `tier_key` is null for who was decided on and is below the lowest tier. What the customer
    entered with stays as it was; `now` is the latest refresh's record where that differs.
    """

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
        Index("ix_tier_assignments_customer_id_since", "customer_id", "since", "id"),
        Index(
            "ix_tier_assignments_nearest",
            "next_tier_key",
            "gap_share",
            "customer_id",
            sqlite_where=text("ended_on IS NULL AND gap_share IS NOT NULL"),
            postgresql_where=text("ended_on IS NULL AND gap_share IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    tier_key: Mapped[str | None] = mapped_column(String(40))
    since: Mapped[dt.date] = mapped_column(Date)
    ended_on: Mapped[dt.date | None] = mapped_column(Date)
    policy_version_id: Mapped[int] = mapped_column(ForeignKey("tier_policy_versions.id"))
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(BulkJson)
    inputs: Mapped[dict[str, Any]] = mapped_column(BulkJson)
    gap_to_next: Mapped[dict[str, Any] | None] = mapped_column(BulkJson)
    margin_to_lower: Mapped[dict[str, Any] | None] = mapped_column(BulkJson)
    now: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """policy_version_id, run_id, reasons, inputs, gap_to_next, margin_to_lower."""
    next_tier_key: Mapped[str | None] = mapped_column(String(40))
    gap_share: Mapped[float | None] = mapped_column(Float(53))
    """How far it is now to the next better tier, as a share of what that asks for."""
    watch_since: Mapped[dt.date | None] = mapped_column(Date)
    """First day on which the measures no longer gave the tier that is kept for now."""
    watch_until: Mapped[dt.date | None] = mapped_column(Date)
    """First day on which it may be lost, for want of grace or once a minimum stay is over."""
    evaluated_on: Mapped[dt.date | None] = mapped_column(Date)
    """The last day on which the policy looked at the tier anew."""
    state_on: Mapped[dt.date | None] = mapped_column(Date)
    """The day whose refresh wrote these days; `*_before` are what they were before that day."""
    watch_before: Mapped[dt.date | None] = mapped_column(Date)
    evaluated_before: Mapped[dt.date | None] = mapped_column(Date)
