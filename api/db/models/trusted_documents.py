"""GraphQL documents that applications send by their ids."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, UtcDateTime


class TrustedDocument(Base):
    """A document that somebody looked at before; it is known by the SHA-256 of its text."""

    __tablename__ = "trusted_documents"

    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    operations: Mapped[str] = mapped_column(String(400))
    """Names of its operations, to recognise it by."""
    text: Mapped[str] = mapped_column(Text)
    added_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
