"""Trusted documents: added and removed by commands, looked up by the web process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.models import TrustedDocument
from api.db.writes import writing
from api.domain.trusted_documents import TrustedText, document_id
from api.errors import NotFound

TABLE = TrustedDocument.__table__
OPERATIONS_LENGTH = 400


@dataclass(frozen=True)
class DocumentListing:
    id: str
    operations: str
    added_at: dt.datetime


def add_documents(
    engine: Engine, documents: Sequence[tuple[TrustedText, str]], now: dt.datetime
) -> int:
    """Store documents with the names of their operations; how many were not there before."""
    by_hash = {document.sha256: (document, names) for document, names in documents}
    with writing(engine) as connection:
        there = set(connection.scalars(select(TABLE.c.sha256)).all())
        rows = [
            {
                "sha256": sha256,
                "operations": names[:OPERATIONS_LENGTH],
                "text": document.text,
                "added_at": now,
            }
            for sha256, (document, names) in by_hash.items()
            if sha256 not in there
        ]
        if rows:
            connection.execute(insert(TrustedDocument), rows)
    return len(rows)


def list_documents(engine: Engine) -> list[DocumentListing]:
    statement = select(TABLE.c.sha256, TABLE.c.operations, TABLE.c.added_at)
    with engine.connect() as connection:
        rows = connection.execute(statement.order_by(TABLE.c.operations, TABLE.c.sha256)).all()
    return [DocumentListing(document_id(row.sha256), row.operations, row.added_at) for row in rows]


def remove_documents(engine: Engine, hashes: Sequence[bytes]) -> int:
    """Stop answering documents by their ids.

    Raises:
        NotFound: one of them is not there; then none is removed.
    """
    wanted = set(hashes)
    with writing(engine) as connection:
        statement = select(TABLE.c.sha256).where(TABLE.c.sha256.in_(wanted))
        if missing := sorted(wanted - set(connection.scalars(statement).all())):
            raise NotFound(
                f"There is no document {document_id(missing[0])}. See: echelon documents list"
            )
        connection.execute(delete(TrustedDocument).where(TABLE.c.sha256.in_(wanted)))
    return len(wanted)


async def find_document(engine: AsyncEngine, sha256: bytes) -> str | None:
    async with engine.connect() as connection:
        statement = select(TABLE.c.text).where(TABLE.c.sha256 == sha256)
        found = await connection.execute(statement)
    text: str | None = found.scalar()
    return text
