"""Model versions, refresh runs and what they predicted."""

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
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, BulkJson, Json, UtcDateTime, one_of


class ModelVersion(Base):
    """A registered model; `files` maps each native file to the SHA-256 that scoring insists on."""

    __tablename__ = "model_versions"
    __table_args__ = (one_of("name", ("churn", "clv")), UniqueConstraint("name", "version"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    mlflow_run_id: Mapped[str] = mapped_column(String(64))
    horizon_days: Mapped[int]
    trained_as_of: Mapped[dt.date] = mapped_column(Date)
    registered_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    files: Mapped[dict[str, str]] = mapped_column(Json)
    metrics: Mapped[dict[str, Any]] = mapped_column(Json)
    champion: Mapped[bool] = mapped_column(Boolean)
    verdict: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """What training found out about promoting it; null where that was not recorded yet."""


class ModelPromotion(Base):
    """One change of champion: who reigns since when, who before, and why."""

    __tablename__ = "model_promotions"
    __table_args__ = (
        one_of("name", ("churn", "clv")),
        one_of("action", ("promote", "rollback", "force")),
        Index("ix_model_promotions_name", "name", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    previous_version: Mapped[int | None]
    action: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class RefreshRun(Base):
    """One refresh: the inputs it read and what it published."""

    __tablename__ = "refresh_runs"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    as_of: Mapped[dt.date] = mapped_column(Date)
    published_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    fingerprint: Mapped[str] = mapped_column(String(64))
    """SHA-256 of every input: facts, models, policy, segments, strategies, code version."""
    churn_model_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    clv_model_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    policy_version_id: Mapped[int] = mapped_column(ForeignKey("tier_policy_versions.id"))
    counts: Mapped[dict[str, Any]] = mapped_column(Json)


ENDED = text("deleted OR NOT shared")


class Prediction(Base):
    """The published prediction of a customer, and its place in the partner feed."""

    __tablename__ = "predictions"
    __table_args__ = (
        one_of("risk_band", ("low", "medium", "high")),
        Index("ix_predictions_clv_minor", "clv_minor", "customer_id"),
        Index("ix_predictions_churn_probability", "churn_probability", "customer_id"),
        Index("ix_predictions_ended", "revision", postgresql_where=ENDED, sqlite_where=ENDED),
    )

    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id"), primary_key=True, autoincrement=False
    )
    churn_probability: Mapped[float] = mapped_column(Float(53))
    churn_percentile: Mapped[float] = mapped_column(Float(53))
    """Share of scored customers with a churn probability at most this one's, 0-100."""
    risk_band: Mapped[str] = mapped_column(String(10))
    clv_minor: Mapped[int] = mapped_column(BigInteger)
    clv_low_minor: Mapped[int] = mapped_column(BigInteger)
    clv_high_minor: Mapped[int] = mapped_column(BigInteger)
    horizon_days: Mapped[int]
    clv_horizon_days: Mapped[int]
    expected_next_purchase_on: Mapped[dt.date | None] = mapped_column(Date)
    as_of: Mapped[dt.date] = mapped_column(Date)
    scored_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    churn_reasons: Mapped[list[dict[str, Any]]] = mapped_column(BulkJson)
    clv_reasons: Mapped[list[dict[str, Any]]] = mapped_column(BulkJson)
    revision: Mapped[int] = mapped_column(BigId, unique=True)
    deleted: Mapped[bool] = mapped_column(Boolean)
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"))
    external_id: Mapped[str] = mapped_column(String(200))
    """The customer's, again: joining a million customers takes longer than exporting them."""
    shared: Mapped[bool] = mapped_column(Boolean, server_default=true())
    """Whether partners may know it; follows consents in the transaction that changes them."""
    previous_revision: Mapped[int | None] = mapped_column(BigId)
    """What stood here before the newest revision; null for a customer's first score."""
    previous_churn_probability: Mapped[float | None] = mapped_column(Float(53))
    previous_churn_percentile: Mapped[float | None] = mapped_column(Float(53))
    previous_risk_band: Mapped[str | None] = mapped_column(String(10))
    previous_clv_minor: Mapped[int | None] = mapped_column(BigInteger)
    previous_shown: Mapped[bool | None] = mapped_column(Boolean)


class PredictionHistory(Base):
    """Each prediction that was ever published, once per run that changed it."""

    __tablename__ = "prediction_history"

    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    run_id: Mapped[int] = mapped_column(ForeignKey("refresh_runs.id"), primary_key=True)
    churn_probability: Mapped[float] = mapped_column(Float(53))
    clv_minor: Mapped[int] = mapped_column(BigInteger)
    clv_low_minor: Mapped[int] = mapped_column(BigInteger)
    clv_high_minor: Mapped[int] = mapped_column(BigInteger)
