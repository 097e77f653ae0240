"""Lists that readers filter and sort: one declaration of what a list's fields are, for all of them.

A list names its fields and the column of each. What can be compared with what, whether a value may
be missing, and how its places are written into cursors, all follows from the column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import sqlalchemy as sa

from api.db.models.base import UtcDateTime
from api.db.pages import KeyKind, Page, PageRequest, SortKey, read_page, read_pages
from api.db.snapshots import Query, Snapshot
from api.domain.fields import Field
from api.domain.fields.field import FieldType

Order = tuple[tuple[str, bool], ...]
"""Names of fields with whether the largest come first."""
Where = sa.ColumnElement[bool]


@dataclass(frozen=True)
class Listed:
    """What a list can be filtered and sorted by, and how it is sorted if nobody says."""

    columns: Mapping[str, sa.ColumnElement[Any]]
    """Columns of tables, by the names that readers know."""
    unique: sa.ColumnElement[Any]
    """Breaks ties as it does in the usual order, so that an order is total."""
    usual: Order = ()

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        """As the rule tree knows fields: comparisons are checked and compiled by it."""
        return {
            name: Field(name, _type(column), name, name, str(column.table), column.name)
            for name, column in ((name, _stored(each)) for name, each in self.columns.items())
        }

    def keys(self, order: Order) -> list[SortKey]:
        levels = order or self.usual
        keys = [self._key(_stored(self.columns[name]), descending) for name, descending in levels]
        return [*keys, SortKey(self.unique, bool(self.usual) and self.usual[-1][1])]

    def _key(self, column: sa.Column[Any], descending: bool) -> SortKey:
        # What another table holds is joined where it is there.
        missing = bool(column.nullable) or column.table is not _stored(self.unique).table
        return SortKey(column, descending, missing, _kind(column))


def _stored(column: sa.ColumnElement[Any]) -> sa.Column[Any]:
    return cast("sa.Column[Any]", column)


def _type(column: sa.Column[Any]) -> FieldType:
    if isinstance(column.type, sa.Date | UtcDateTime):
        return "date"
    return "text" if isinstance(column.type, sa.String) else "number"


def _kind(column: sa.Column[Any]) -> KeyKind:
    if isinstance(column.type, UtcDateTime):
        return "moment"
    return "day" if isinstance(column.type, sa.Date) else "plain"


@dataclass(frozen=True)
class Asked:
    """A page of a list, filtered and sorted. Equal names mean equal filters and equal orders."""

    request: PageRequest
    name: str
    where: Where | None = field(compare=False)
    keys: Sequence[SortKey] = field(compare=False)

    def of(self, statement: Query) -> Query:
        return statement if self.where is None else statement.where(self.where)


async def list_page(snapshot: Snapshot, statement: Query, asked: Asked) -> Page:
    return await read_page(snapshot, asked.of(statement), asked.keys, asked.request)


async def list_pages(
    snapshot: Snapshot, statement: Query, owner: sa.ColumnElement[int], asked: Asked
) -> Mapping[int, Page]:
    """The same page for each owner that the statement is about."""
    return await read_pages(snapshot, asked.of(statement), owner, asked.keys, asked.request)


async def list_counts(
    snapshot: Snapshot, statement: Query, owner: sa.ColumnElement[int], asked: Asked
) -> Mapping[int, int]:
    """By owner how many entries there are; `statement` selects nothing yet but what it counts."""
    counted = asked.of(statement).with_only_columns(owner, sa.func.count()).group_by(owner)
    return {row[0]: row[1] for row in await snapshot.rows(counted.order_by(None))}


async def list_count(snapshot: Snapshot, statement: Query, asked: Asked) -> int:
    counted = asked.of(statement).with_only_columns(sa.func.count()).order_by(None)
    return int((await snapshot.rows(counted))[0][0])


def latest(
    table: sa.FromClause,
    owner: Sequence[sa.ColumnElement[Any]],
    newest_first: Sequence[sa.ColumnElement[Any]],
    limit: int,
    where: Where,
) -> Query:
    """The first `limit` rows of each owner, for lists that are shown whole but may grow."""
    place = sa.func.row_number().over(partition_by=owner, order_by=newest_first).label("place")
    found = sa.select(table, place).where(where).subquery("found")
    names = [found.c[column.key or ""] for column in owner]
    return sa.select(found).where(found.c.place <= limit).order_by(*names, found.c.place)
