"""What readers ask of classes: the classifications, a customer's, who is in one, who moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, true, tuple_, union_all

from api.db.classes import in_force
from api.db.customers import COLUMNS as CUSTOMER_COLUMNS
from api.db.customers import joined, visible
from api.db.listings import Asked, latest, list_count, list_page
from api.db.models import (
    ClassChange,
    Classification,
    Customer,
    CustomerProfile,
    PurchaseIntent,
    RefreshRun,
    RelationshipStatus,
)
from api.db.pages import Page, PageRequest, SortKey, read_page
from api.db.rules import customer_source, field_column
from api.db.snapshots import Query, Record, Snapshot
from api.domain.classes import OWN_COLUMNS
from api.domain.fields import Field

CHANGES = ClassChange.__table__
FEED = (
    SortKey(CHANGES.c.run_id),
    SortKey(CHANGES.c.changed_on, kind="day"),
    SortKey(CHANGES.c.classification),
    SortKey(CHANGES.c.customer_id),
)
"""In the order of publication: a refresh of a day again replaces its own changes only."""
MOST_STEPS = 100
MOST_MOVES = 20
MOST_VERSIONS = 100
NEIGHBOURS = 5
"""How many customers are shown on each side of a cut-off."""


@dataclass(frozen=True)
class ChangeFilter:
    """Which changes of class are asked for; what is None does not matter."""

    classification: str | None = None
    previous: str | None = None
    current: str | None = None
    since: dt.date | None = None
    shown: tuple[str, ...] | None = None
    """The classifications that the caller may know of."""


async def classifications(snapshot: Snapshot) -> Sequence[Record]:
    """What decides now, and the first day any version of it did (`began_on`), by key."""
    table = Classification.__table__
    began = (
        select(table.c.key, func.min(table.c.decided_on).label("began_on"))
        .group_by(table.c.key)
        .subquery("began")
    )
    return await snapshot.rows(
        select(table, began.c.began_on)
        .join(began, began.c.key == table.c.key)
        .where(in_force(None))
        .order_by(table.c.key)
    )


async def classification_versions(
    snapshot: Snapshot, keys: Sequence[str]
) -> Mapping[str, Sequence[Record]]:
    """The latest versions of some classifications, newest first."""
    table = Classification.__table__
    rows = await snapshot.rows(
        latest(table, [table.c.key], [table.c.version.desc()], MOST_VERSIONS, table.c.key.in_(keys))
    )
    found: dict[str, list[Record]] = {}
    for row in rows:
        found.setdefault(row.key, []).append(row)
    return found


async def last_changes(
    snapshot: Snapshot, ids: Sequence[int]
) -> Mapping[int, Mapping[str, dt.date]]:
    """By customer and classification the day of the latest change."""
    rows = await snapshot.rows(
        select(CHANGES.c.customer_id, CHANGES.c.classification, func.max(CHANGES.c.changed_on))
        .where(CHANGES.c.customer_id.in_(ids))
        .group_by(CHANGES.c.customer_id, CHANGES.c.classification)
    )
    found: dict[int, dict[str, dt.date]] = {}
    for customer, classification, day in rows:
        found.setdefault(customer, {})[classification] = day
    return found


async def statuses_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Sequence[Record]]:
    """The latest statuses that were recorded, newest first, each with its number among all."""
    table = RelationshipStatus.__table__
    owner = table.c.customer_id
    number = func.row_number().over(
        partition_by=[owner, table.c.classification], order_by=table.c.id
    )
    numbered = select(table, number.label("version")).where(owner.in_(ids)).subquery("statuses")
    whose, newest = numbered.c.customer_id, [numbered.c.since.desc(), numbered.c.id.desc()]
    rows = await snapshot.rows(latest(numbered, [whose], newest, MOST_STEPS, true()))
    found: dict[int, list[Record]] = {}
    for row in rows:
        found.setdefault(row.customer_id, []).append(row)
    return found


async def intents_of(snapshot: Snapshot, ids: Sequence[int]) -> Mapping[int, Record]:
    """The last thing each customer said about buying."""
    table = PurchaseIntent.__table__
    place = func.row_number().over(
        partition_by=table.c.customer_id, order_by=table.c.stated_at.desc()
    )
    numbered = (
        select(table, place.label("place")).where(table.c.customer_id.in_(ids)).subquery("numbered")
    )
    rows = await snapshot.rows(select(numbered).where(numbered.c.place == 1))
    return {row.customer_id: row for row in rows}


async def class_inputs(
    snapshot: Snapshot, ids: Sequence[int], fields: Sequence[Field]
) -> Sequence[Record]:
    """What classifications read about some customers: `customer_id`, then `field_0` and on."""
    columns = [field_column(each).label(f"field_{place}") for place, each in enumerate(fields)]
    return await snapshot.rows(
        select(Customer.id.label("customer_id"), *columns)
        .select_from(customer_source())
        .where(Customer.id.in_(ids))
        .order_by(Customer.id)
    )


def class_column(key: str) -> ColumnElement[Any]:
    """The value that a classification gives, in `customer_profiles`."""
    table = CustomerProfile.__table__
    if key in OWN_COLUMNS:
        return table.c[key]
    value: ColumnElement[Any] = table.c.classes[key].as_string()
    return value


def _members(snapshot: Snapshot, key: str, value: str) -> Query:
    return joined(*CUSTOMER_COLUMNS).where(class_column(key) == value, visible(snapshot))


async def class_members(snapshot: Snapshot, key: str, value: str, asked: Asked) -> Page:
    return await list_page(snapshot, _members(snapshot, key, value), asked)


async def count_members(snapshot: Snapshot, key: str, value: str, asked: Asked) -> int:
    return await list_count(snapshot, _members(snapshot, key, value), asked)


async def neighbours(
    snapshot: Snapshot, key: str, measure: Field, bounds: Sequence[tuple[str, float]]
) -> Sequence[Record]:
    """Classified customers on both sides of each bound `(value, bound)`, in one statement.

    The rows say `bound_key`, `above` and `measured` beside the customer's columns.
    """
    column = field_column(measure)
    parts = []
    for place, (_, bound) in enumerate(bounds):
        for above in (True, False):
            nearest = (
                select(
                    literal(place).label("bound_place"),
                    literal(above).label("above"),
                    column.label("measured"),
                    *CUSTOMER_COLUMNS,
                )
                .select_from(customer_source())
                .where(class_column(key).is_not(None), visible(snapshot))
                .where(column >= bound if above else column < bound)
                .order_by(column.asc() if above else column.desc(), Customer.id)
                .limit(NEIGHBOURS)
                .subquery(f"side_{place}_{int(above)}")
            )
            parts.append(select(nearest))
    if not parts:
        return ()
    sides = union_all(*parts).subquery("sides")
    return await snapshot.rows(select(sides))


def _changes(given: ChangeFilter, *columns: Any) -> Select[Any]:
    statement = select(*columns)
    wanted = (
        (CHANGES.c.classification, given.classification),
        (CHANGES.c.previous, given.previous),
        (CHANGES.c.current, given.current),
    )
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == value)
    if given.shown is not None:
        statement = statement.where(CHANGES.c.classification.in_(given.shown))
    if given.since is not None:
        statement = statement.where(CHANGES.c.changed_on >= given.since)
    return statement


async def change_page(snapshot: Snapshot, given: ChangeFilter, request: PageRequest) -> Page:
    statement = _changes(given, CHANGES, RefreshRun.published_at).join(
        RefreshRun, RefreshRun.id == CHANGES.c.run_id
    )
    statement = statement.where(snapshot.visible(CHANGES.c.customer_id))
    return await read_page(snapshot, statement, FEED, request)


async def count_changes(snapshot: Snapshot, given: ChangeFilter) -> int:
    statement = _changes(given, func.count(CHANGES.c.customer_id))
    statement = statement.where(snapshot.visible(CHANGES.c.customer_id))
    return int((await snapshot.rows(statement))[0][0])


async def change_histories(
    snapshot: Snapshot, ids: Sequence[tuple[int, str]]
) -> Mapping[tuple[int, str], Sequence[Record]]:
    """The latest changes of some customers by some classifications, newest first."""
    owner = [CHANGES.c.customer_id, CHANGES.c.classification]
    wanted = tuple_(*owner).in_(ids)
    rows = await snapshot.rows(
        latest(CHANGES, owner, [CHANGES.c.changed_on.desc()], MOST_MOVES, wanted)
    )
    found: dict[tuple[int, str], list[Record]] = {}
    for row in rows:
        found.setdefault((row.customer_id, row.classification), []).append(row)
    return found
