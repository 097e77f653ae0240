"""Customers with all that is asked for of them, in one statement."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, overload

from sqlalchemy import Column, ColumnElement, Select, join, literal_column, select
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, Grouping

from api.db.ahead.levels import Level, whole_number
from api.db.ahead.reading import Texts
from api.db.ahead.relations import CUSTOMER
from api.db.customers import joined
from api.db.listings import Asked
from api.db.models import Customer
from api.db.pages import Page, PageRequest, Position, SortKey, bounds
from api.db.snapshots import Snapshot

Row = Sequence[Any]
Where = ColumnElement[bool]


@dataclass(frozen=True)
class Customers:
    """The customers that one page is made of."""

    asked: Asked

    @cached_property
    def _conditions(self) -> Sequence[Where]:
        return bounds(self.asked.keys, self.asked.request)

    @cached_property
    def _keys(self) -> Sequence[SortKey]:
        """Where the filter leaves no row without a value, an index can give the order."""
        return [
            replace(key, nullable=key.nullable and not _asks_for(self.asked.where, key.column))
            for key in self.asked.keys
        ]

    def differing(self) -> Select[Any]:
        """All that differs between pages of one document: the same values as in the whole."""
        return self._page(select(literal_column("1")))

    def _page(self, statement: Select[Any]) -> Select[Any]:
        order = (key.ordered(self.asked.request.backward) for key in self._keys)
        found = self.asked.of(statement).where(*self._conditions)
        return found.order_by(*order).limit(whole_number(self.asked.request.size + 1))

    def whole(self, level: Level) -> Select[Any]:
        """The page first, and then what hangs on its customers alone."""
        keys, backward = self.asked.keys, self.asked.request.backward
        sorts = [key.column.label(f"sort_{place}") for place, key in enumerate(keys)]
        page = self._page(joined(Customer.id, *sorts)).subquery("page")
        places = list(page.c)[1:]
        order = [
            SortKey(column, key.descending, key.nullable).ordered(backward)
            for key, column in zip(self._keys, places, strict=True)
        ]
        source = join(page, CUSTOMER, CUSTOMER.c.id == page.c.id)
        return level.select(source).add_columns(*places).order_by(*order)


STRICT = frozenset(
    (operators.eq, operators.gt, operators.ge, operators.lt, operators.le, operators.in_op)
)


def _asks_for(where: object, column: ColumnElement[Any]) -> bool:
    """Whether the filter holds only for rows of the column's table, where it is never missing."""
    if isinstance(where, BooleanClauseList):
        return where.operator is operators.and_ and any(
            _asks_for(part, column) for part in where.clauses
        )
    if isinstance(where, Grouping):
        return _asks_for(where.element, column)
    if not isinstance(where, BinaryExpression) or where.operator not in STRICT:
        return False
    left = where.left
    return (
        isinstance(left, Column)
        and isinstance(column, Column)
        and left.table is column.table
        and not column.nullable
    )


async def page_of_customers(
    snapshot: Snapshot, texts: Texts, level: Level, asked: Asked, *, alone: bool
) -> tuple[Page, Sequence[Row]]:
    customers = Customers(asked)
    text, values = texts.text(
        customers.differing(), lambda: customers.whole(level), snapshot.sql_dialect
    )
    return page_of(await snapshot.tuples(text, values, alone=alone), asked.keys, asked.request)


async def customer_row(
    snapshot: Snapshot, texts: Texts, level: Level, where: Where, *, alone: bool
) -> Sequence[Row]:
    """One customer with all that is asked for, or none."""
    text, values = texts.text(
        select(literal_column("1")).where(where),
        lambda: level.select().where(where),
        snapshot.sql_dialect,
    )
    return await snapshot.tuples(text, values, alone=alone)


def page_of(
    rows: Sequence[Row], keys: Sequence[SortKey], request: PageRequest
) -> tuple[Page, Sequence[Row]]:
    """The page's places, and its rows, whose last columns are their places in the order."""
    more = len(rows) > request.size
    kept = list(rows[: request.size])
    if request.backward:
        kept.reverse()
    first = len(rows[0]) - len(keys) if rows else 0
    page = Page(
        (),
        Positions(keys, kept, first),
        has_next=request.before is not None if request.backward else more,
        has_previous=more if request.backward else request.after is not None,
    )
    return page, kept


@dataclass(frozen=True)
class Positions(Sequence[Position]):
    """Each row's place in the order, made when somebody asks: most answers tell two of them."""

    keys: Sequence[SortKey]
    rows: Sequence[Row]
    first: int

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> Position: ...
    @overload
    def __getitem__(self, place: slice) -> list[Position]: ...
    def __getitem__(self, place: int | slice) -> Position | list[Position]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        values = self.rows[place][self.first :]
        return tuple(_typed(key, value) for key, value in zip(self.keys, values, strict=True))


def _typed(key: SortKey, value: Any) -> Any:
    """A day or a moment as such: SQLite's driver knows them as texts."""
    if key.kind == "plain" or value is None:
        return value
    if key.kind == "day":
        return dt.date.fromisoformat(value) if isinstance(value, str) else value
    found = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=dt.UTC) if found.tzinfo is None else found.astimezone(dt.UTC)
