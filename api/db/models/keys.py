"""API keys: only the SHA-256 of a key is kept."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from api.db.models.base import Base, BigId, Json, UtcDateTime


class ApiKey(Base):
    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), index=True)
    """Of the client: while it changes its key, two are valid."""
    prefix: Mapped[str] = mapped_column(String(20))
    """The first characters of the key, to recognise it by."""
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    owner: Mapped[str | None] = mapped_column(String(100))
    """Whose customers it sees; all where none is named."""
    documents: Mapped[str] = mapped_column(String(10), server_default="allow")
    """Whether it may, or must, name trusted documents by their ids."""
