"""What the whole customer base came to in each month."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import BigInteger, Date, Float, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base


class MonthlyStatistic(Base):
    """One number about everyone (`dimension` all, `key` empty) or about a part, such as a tier.

    The last refresh of a month stands. Counts and money in minor units are `whole`, means are
    `number`; both are null where nobody has what is measured.
    """

    __tablename__ = "monthly_statistics"

    month: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    """Its first day."""
    measure: Mapped[str] = mapped_column(String(40), primary_key=True)
    dimension: Mapped[str] = mapped_column(String(40), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    whole: Mapped[int | None] = mapped_column(BigInteger)
    number: Mapped[float | None] = mapped_column(Float(53))
    as_of: Mapped[dt.date] = mapped_column(Date)
