"""Members of a segment, streamed as they are read: any number of them in little memory."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from sqlalchemy import Engine, func, select

from api.db.bulk import bulk_connection, stream
from api.db.models import Segment, SegmentMembership
from api.domain.personal_data import PersonalDataCipher
from api.errors import NotFound

PERSONAL = ("name", "email", "phone")


def segment_counts(engine: Engine) -> list[tuple[str, str, str | None, int, int]]:
    """Key, kind, family, version and number of members of every segment."""
    members = (
        select(SegmentMembership.segment_id, func.count().label("members"))
        .where(SegmentMembership.left_on.is_(None))
        .group_by(SegmentMembership.segment_id)
        .subquery()
    )
    statement = (
        select(
            Segment.key,
            Segment.kind,
            Segment.family,
            Segment.version,
            func.coalesce(members.c.members, 0),
        )
        .join(members, members.c.segment_id == Segment.id, isouter=True)
        .where(Segment.retired_on.is_(None))
        .order_by(Segment.key)
    )
    with engine.connect() as connection:
        return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(statement)]


def segment_id(engine: Engine, key: str) -> int:
    """Raises:
    NotFound: there is no such segment.
    """
    with engine.connect() as connection:
        found = connection.scalar(
            select(Segment.id).where(Segment.key == key, Segment.retired_on.is_(None))
        )
    if found is None:
        raise NotFound(f"There is no segment {key!r}; `echelon segments list` shows them.")
    return int(found)


def members(url: str, segment: int, cipher: PersonalDataCipher | None) -> Iterator[pa.RecordBatch]:
    """customer_id (the business's own), entered_on and, with a cipher, name, email and phone."""
    # SQLite's driver guesses a column's type from its first rows, so none may lack a value.
    nothing = f"CAST('' AS {'BLOB' if url.startswith('sqlite') else 'BYTEA'})"
    sealed = "".join(
        f", COALESCE(c.{name}_encrypted, {nothing}) AS {name}_encrypted"
        for name in (PERSONAL if cipher else ())
    )
    sql = (
        "SELECT c.external_id AS customer_id, CAST(m.entered_on AS TEXT) AS entered_on"
        f"{sealed} FROM segment_memberships m JOIN customers c ON c.id = m.customer_id "
        f"WHERE m.segment_id = {int(segment)} AND m.left_on IS NULL ORDER BY c.id"
    )
    with bulk_connection(url) as connection:
        for batch in stream(connection, sql):
            yield _opened(batch, cipher)


def _opened(batch: pa.RecordBatch, cipher: PersonalDataCipher | None) -> pa.RecordBatch:
    columns = {name: batch.column(name) for name in ("customer_id", "entered_on")}
    columns["entered_on"] = columns["entered_on"].cast(pa.date32())
    if cipher is not None:
        owners = batch.column("customer_id").to_pylist()
        for name in PERSONAL:
            values = [
                cipher.decrypt(name, owner, each) if each else None
                for owner, each in zip(
                    owners, batch.column(f"{name}_encrypted").to_pylist(), strict=True
                )
            ]
            columns[name] = pa.array(values, pa.string())
    return pa.RecordBatch.from_pydict(columns)
