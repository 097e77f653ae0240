"""Tiers and classes that people set for single customers: with a reason, an author, a last day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    func,
    insert,
    or_,
    select,
    update,
)

from api.db.customers import grouped
from api.db.installation import InstallationFacts
from api.db.models import Customer, Override
from api.db.snapshots import Record, Snapshot, visible_to
from api.domain.fields import nearest, shown
from api.errors import Conflict, InvalidInput, NotFound

Kind = Literal["tier", "class"]
LONGEST_REASON = 500
OVERRIDES = pa.schema(
    {
        "customer_id": pa.int64(),
        "kind": pa.string(),
        "classification": pa.string(),
        "value": pa.string(),
        "override_id": pa.int64(),
        "expires_on": pa.date32(),
    }
)


@dataclass(frozen=True)
class NewOverride:
    """What is to be set for a customer; `classification` is for the kind `class` only.

    `expected_version` is how often this was set or ended before, as far as the caller knows.
    """

    customer_id: int
    kind: Kind
    classification: str | None
    value: str
    reason: str
    expires_on: dt.date
    expected_version: int | None = None


def in_force(day: dt.date) -> ColumnElement[bool]:
    """What counts for a refresh as of this day."""
    table = Override.__table__.c
    return and_(
        table.starts_on <= day,
        table.expires_on >= day,
        or_(table.ended_on.is_(None), table.ended_on > day),
    )


def read_overrides(engine: Engine, day: dt.date) -> pa.Table:
    """The overrides in force as of a day: `OVERRIDES`, at most one of each kind a customer.

    Ordered by customer; the value was known when it was set, but a tier or class may have left
    the policy since: who decides passes over what it doesn't know.
    """
    table = Override
    statement = (
        select(
            table.customer_id,
            table.kind,
            table.classification,
            table.value,
            table.id.label("override_id"),
            table.expires_on,
        )
        .where(in_force(day))
        .order_by(table.customer_id, table.kind, table.classification, table.id)
    )
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(statement)]
    latest = {(row["customer_id"], row["kind"], row["classification"]): row for row in rows}
    return pa.Table.from_pylist(list(latest.values()), schema=OVERRIDES)


def find_customer(connection: Connection, external_id: str, owner: str | None) -> int:
    """The row of the customer with the business's own number, one of the owner's if there is one.

    Raises:
        NotFound: there is none.
    """
    found = connection.scalar(
        select(Customer.id)
        .where(Customer.external_id == external_id)
        .where(visible_to(owner, Customer.__table__.c.id))
    )
    if found is None:
        raise NotFound("externalId: there is no customer with this number.")
    return int(found)


def require_known(value: str, known: Sequence[str], path: str, what: str) -> None:
    """Raises:
    InvalidInput: names the nearest and all known ones.
    """
    if value not in known:
        raise InvalidInput(
            f"{path}: there is no {what} {shown(value)}{nearest(value, known)}. "
            f"Known: {', '.join(known)}."
        )


def set_override(
    connection: Connection,
    new: NewOverride,
    installation: InstallationFacts,
    author: str,
    now: dt.datetime,
) -> int:
    """Store an override in place of the one there may be; returns its id.

    It counts from the next refresh on.

    Raises:
        InvalidInput: no reason, or a last day that is over.
        Conflict: somebody has set or ended one meanwhile.
    """
    _require_version(connection, _same(new), new.expected_version)
    starts_on = installation.last_whole_day(now)
    if not new.reason.strip() or len(new.reason) > LONGEST_REASON:
        raise InvalidInput(f"reason: say why, in 1 to {LONGEST_REASON} characters.")
    if new.expires_on <= starts_on:
        raise InvalidInput(
            f"expiresOn: {new.expires_on} is over, so this would never count; "
            f"give {starts_on + dt.timedelta(days=1)} or a later day."
        )
    _end(connection, _same(new), starts_on, author, now)
    statement = insert(Override).values(
        customer_id=new.customer_id,
        kind=new.kind,
        classification=new.classification,
        value=new.value,
        reason=new.reason.strip(),
        author=author,
        created_at=now,
        starts_on=starts_on,
        expires_on=new.expires_on,
    )
    return int(connection.execute(statement.returning(Override.id)).scalar_one())


def end_override(
    connection: Connection,
    customer_id: int,
    kind: Kind,
    classification: str | None,
    installation: InstallationFacts,
    author: str,
    now: dt.datetime,
    expected_version: int | None = None,
) -> int:
    """End the override that counts now; the next refresh decides without it. Returns its id.

    Raises:
        NotFound: there is none, or it is over.
        Conflict: somebody has set or ended one meanwhile.
    """
    day = installation.last_whole_day(now)
    same = and_(
        Override.customer_id == customer_id,
        Override.kind == kind,
        Override.classification.is_not_distinct_from(classification),
    )
    _require_version(connection, same, expected_version)
    found = _end(connection, same, day, author, now)
    if found is None:
        raise NotFound("There is nothing to end: no such override counts for this customer now.")
    return found


def _same(new: NewOverride) -> ColumnElement[bool]:
    return and_(
        Override.customer_id == new.customer_id,
        Override.kind == new.kind,
        Override.classification.is_not_distinct_from(new.classification),
    )


def _require_version(
    connection: Connection, which: ColumnElement[bool], expected: int | None
) -> None:
    """A version here counts how often one was set or ended: each of both makes another one."""
    times = select(func.count() + func.count(Override.ended_at)).where(which)
    current = connection.scalar(times)
    if expected is not None and expected != current:
        raise Conflict(
            f"expectedVersion: what is set by hand here is at version {current}, not {expected}. "
            "Read the customer's overrides again."
        )


def _end(
    connection: Connection,
    which: ColumnElement[bool],
    day: dt.date,
    author: str,
    now: dt.datetime,
) -> int | None:
    found = connection.scalar(
        select(Override.id).where(which, in_force(day)).order_by(Override.id.desc()).limit(1)
    )
    if found is not None:
        connection.execute(
            update(Override)
            .where(which, in_force(day))
            .values(ended_at=now, ended_by=author, ended_on=day)
        )
    return None if found is None else int(found)


async def overrides_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    """All overrides of each customer, newest first, with the version of what each sets."""
    table = Override.__table__
    same = [table.c.customer_id, table.c.kind, table.c.classification]
    version = func.count().over(partition_by=same) + func.count(table.c.ended_at).over(
        partition_by=same
    )
    statement = (
        select(table, version.label("version"))
        .where(table.c.customer_id.in_(ids))
        .order_by(table.c.customer_id, table.c.id.desc())
    )
    return grouped(await snapshot.rows(statement))


async def customers_of_overrides(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, int]:
    """By override for whom it is."""
    table = Override.__table__
    rows = await snapshot.rows(select(table.c.id, table.c.customer_id).where(table.c.id.in_(ids)))
    return {row.id: row.customer_id for row in rows}
