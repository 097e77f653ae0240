"""Products, orders, their lines and returns, and what they earned."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Date, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, UtcDateTime


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    name: Mapped[str | None] = mapped_column(String(200))
    department: Mapped[str | None] = mapped_column(String(100))
    category: Mapped[str | None] = mapped_column(String(100))
    brand: Mapped[str | None] = mapped_column(String(100))
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class Order(Base):
    __tablename__ = "orders"
    __table_args__ = (
        Index("ix_orders_customer_id_ordered_at", "customer_id", "ordered_at"),
        Index("ix_orders_ordered_at", "ordered_at"),
        Index("ix_orders_batch_id", "batch_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    external_id: Mapped[str] = mapped_column(String(200), unique=True)
    customer_id: Mapped[int] = mapped_column(BigId, ForeignKey("customers.id", ondelete="CASCADE"))
    ordered_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str | None] = mapped_column(String(40))
    store: Mapped[str | None] = mapped_column(String(100))
    promised_on: Mapped[dt.date | None] = mapped_column(Date)
    delivered_on: Mapped[dt.date | None] = mapped_column(Date)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))


class OrderLine(Base):
    """One product in an order; a negative quantity or amount is a return.

    Amounts are net of discounts, in minor units of the base currency; margin is
    `amount_minor - cost_minor` where the cost is known.
    """

    __tablename__ = "order_lines"
    __table_args__ = (
        Index("ix_order_lines_batch_id", "batch_id"),
        {"sqlite_with_rowid": False},
    )

    order_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("orders.id", ondelete="CASCADE"), primary_key=True
    )
    line_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    product_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("products.id"))
    quantity_milli: Mapped[int] = mapped_column(BigInteger)
    """Thousandths of a unit, so that 0.375 kg stays exact."""
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    discount_minor: Mapped[int] = mapped_column(BigInteger)
    cost_minor: Mapped[int | None] = mapped_column(BigInteger)
    source_currency: Mapped[str | None] = mapped_column(String(3))
    source_amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    """What the file said, where it was in another currency than the base one."""
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batches.id"))
