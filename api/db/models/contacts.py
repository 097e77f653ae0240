"""What passed between business and customer beside orders: contacts, feedback, intent, consent."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, UtcDateTime, one_of

DIRECTIONS = ("inbound", "outbound")
FEEDBACK_CATEGORIES = ("product", "service", "price", "other")
INTENTS = ("interested", "hesitating", "not_now", "refused")


class Interaction(Base):
    __tablename__ = "interactions"
    __table_args__ = (
        one_of("direction", DIRECTIONS),
        Index("ix_interactions_customer_id_occurred_at", "customer_id", "occurred_at"),
        Index("ix_interactions_batch_id", "batch_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    occurred_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str] = mapped_column(String(40))
    direction: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str | None] = mapped_column(String(200))
    response_seconds: Mapped[int | None] = mapped_column(BigInteger)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class Feedback(Base):
    """A rating or remark; `score` runs from 0 (worst) to 1 (best) whatever the survey's scale."""

    __tablename__ = "feedback"
    __table_args__ = (
        one_of("category", FEEDBACK_CATEGORIES),
        CheckConstraint("score BETWEEN 0 AND 1", name="score_range"),
        Index("ix_feedback_customer_id_given_at", "customer_id", "given_at"),
        Index("ix_feedback_batch_id", "batch_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    given_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str | None] = mapped_column(String(40))
    category: Mapped[str] = mapped_column(String(10))
    score: Mapped[float | None] = mapped_column(Float)
    comment_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class PurchaseIntent(Base):
    __tablename__ = "purchase_intents"
    __table_args__ = (
        one_of("intent", INTENTS),
        UniqueConstraint("customer_id", "stated_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    stated_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    intent: Mapped[str] = mapped_column(String(10))
    expected_on: Mapped[dt.date | None] = mapped_column(Date)
    refusal_reason_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    wanted_feature_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class Referral(Base):
    __tablename__ = "referrals"
    __table_args__ = (CheckConstraint("referrer_id <> referred_id", name="not_oneself"),)

    referrer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    referred_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    referred_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class Consent(Base):
    """What a customer allowed or withdrew, per purpose and channel; the latest word counts."""

    __tablename__ = "consents"

    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    purpose: Mapped[str] = mapped_column(String(40), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40), primary_key=True)
    recorded_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, primary_key=True)
    granted: Mapped[bool] = mapped_column(Boolean)
    proof_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))
