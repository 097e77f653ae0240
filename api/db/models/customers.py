"""Customers, their identifiers and their typed custom attributes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Boolean, Float, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, UtcDateTime, one_of

CUSTOMER_KINDS = ("b2b", "b2c", "internal")
ATTRIBUTE_TYPES = ("number", "text", "boolean", "date")


class Customer(Base):
    __tablename__ = "customers"
    __table_args__ = (
        one_of("kind", CUSTOMER_KINDS),
        Index("ix_customers_email_hash", "email_hash"),
        Index("ix_customers_known_at", "known_at", "id"),
        Index("ix_customers_phone_hash", "phone_hash"),
        Index("ix_customers_batch_id", "batch_id"),
        Index("ix_customers_owner_id", "owner", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    known_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    """When the business first knew this customer: the event time of the record."""
    industry: Mapped[str | None] = mapped_column(String(100))
    region: Mapped[str | None] = mapped_column(String(100))
    owner: Mapped[str | None] = mapped_column(String(100))
    """The business's own identifier of who looks after them: the only one of those whose rights
    are limited to their own customers that sees them."""
    name_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    email_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    phone_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    """Raised with each change of the record, so that nobody overwrites what they have not seen."""
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class CustomerNameToken(Base):
    """A keyed hash of one word of a customer's name, so that encrypted names can be searched."""

    __tablename__ = "customer_name_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class CustomerIdentifier(Base):
    """Another name the same customer goes by: a card, a login, an account number."""

    __tablename__ = "customer_identifiers"
    __table_args__ = (UniqueConstraint("kind", "value_hash"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(40))
    value_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    value_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class AttributeDefinition(Base):
    """A custom attribute: its type, its names for people, and whether it is sensitive."""

    __tablename__ = "attribute_definitions"
    __table_args__ = (one_of("value_type", ATTRIBUTE_TYPES),)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value_type: Mapped[str] = mapped_column(String(10))
    sensitive: Mapped[bool] = mapped_column(Boolean)
    """Sensitive attributes (age, gender, origin ...) are kept out of models and tier rules."""
    label_en: Mapped[str] = mapped_column(String(100))
    label_zh: Mapped[str] = mapped_column(String(100))


class CustomerAttribute(Base):
    """The value an attribute had from a moment on; the latest one before `as_of` counts."""

    __tablename__ = "customer_attributes"
    __table_args__ = (Index("ix_customer_attributes_batch_id", "batch_id"),)

    customer_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("customers.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(ForeignKey("attribute_definitions.name"), primary_key=True)
    valid_from: Mapped[dt.datetime] = mapped_column(UtcDateTime, primary_key=True)
    text_value: Mapped[str | None] = mapped_column(String(400))
    number_value: Mapped[float | None] = mapped_column(Float)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))
