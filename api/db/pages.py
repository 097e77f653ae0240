"""Keyset pages: rows in a total order, from a position on, in either direction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from api.db.snapshots import Query, Record, Snapshot

KeyKind = Literal["plain", "moment", "day"]
Position = tuple[Any, ...]


@dataclass(frozen=True)
class SortKey:
    """One level of an order; rows without a value come last whichever the direction."""

    column: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False
    kind: KeyKind = "plain"

    def to_json(self, value: Any) -> Any:
        return value if self.kind == "plain" or value is None else value.isoformat()

    def from_json(self, value: Any) -> Any:
        if self.kind == "plain" or value is None:
            return value
        parse = dt.datetime.fromisoformat if self.kind == "moment" else dt.date.fromisoformat
        return parse(value)

    def ordered(self, backward: bool) -> ColumnElement[Any]:
        column = self.column.desc() if self.descending != backward else self.column.asc()
        if not self.nullable:
            return column
        return column.nulls_first() if backward else column.nulls_last()

    def beyond(self, value: Any, backward: bool) -> ColumnElement[bool]:
        """Rows that this level alone puts after (backward: before) a row with this value."""
        if value is None:
            return self.column.is_not(None) if backward else false()
        further = self.column < value if self.descending != backward else self.column > value
        return or_(further, self.column.is_(None)) if self.nullable and not backward else further

    def equal(self, value: Any) -> ColumnElement[bool]:
        return self.column.is_(None) if value is None else self.column == value


@dataclass(frozen=True)
class PageRequest:
    """`size` rows after one position, before another or both; backward: the last ones of those."""

    size: int
    backward: bool = False
    after: Position | None = None
    before: Position | None = None


@dataclass(frozen=True)
class Page:
    """Rows in the asked order, with each row's position in it."""

    rows: Sequence[Record]
    positions: Sequence[Position]
    has_next: bool
    has_previous: bool


def _beyond(keys: Sequence[SortKey], position: Position, backward: bool) -> ColumnElement[bool]:
    """Lexicographic order written out, since row values know neither directions nor gaps."""
    result: ColumnElement[bool] = false()
    for key, value in reversed(list(zip(keys, position, strict=True))):
        result = or_(key.beyond(value, backward), and_(key.equal(value), result))
    return result


def bounds(keys: Sequence[SortKey], request: PageRequest) -> list[ColumnElement[bool]]:
    """What the positions that a page lies between ask of its rows."""
    ends = ((request.after, False), (request.before, True))
    return [_beyond(keys, position, back) for position, back in ends if position is not None]


def _bounded(statement: Query, keys: Sequence[SortKey], request: PageRequest) -> Query:
    return statement.where(*bounds(keys, request)).add_columns(
        *(key.column.label(f"sort_{index}") for index, key in enumerate(keys))
    )


def _page(rows: Sequence[Record], keys: Sequence[SortKey], request: PageRequest) -> Page:
    more = len(rows) > request.size
    kept = list(rows[: request.size])
    if request.backward:
        kept.reverse()
    names = [f"sort_{index}" for index in range(len(keys))]
    return Page(
        kept,
        [tuple(row._mapping[name] for name in names) for row in kept],
        has_next=request.before is not None if request.backward else more,
        has_previous=more if request.backward else request.after is not None,
    )


async def read_page(
    snapshot: Snapshot, statement: Query, keys: Sequence[SortKey], request: PageRequest
) -> Page:
    """One page of a statement; the last of `keys` must be unique."""
    bounded = _bounded(statement, keys, request).order_by(
        *(key.ordered(request.backward) for key in keys)
    )
    return _page(await snapshot.rows(bounded.limit(request.size + 1)), keys, request)


async def read_pages(
    snapshot: Snapshot,
    statement: Query,
    owner: ColumnElement[int],
    keys: Sequence[SortKey],
    request: PageRequest,
) -> Mapping[int, Page]:
    """The same page for each owner at once, so that a nested list costs one statement."""
    order = [key.ordered(request.backward) for key in keys]
    place = func.row_number().over(partition_by=owner, order_by=order).label("place")
    numbered = (
        _bounded(statement, keys, request)
        .add_columns(owner.label("page_owner"), place)
        .subquery("numbered")
    )
    cut = select(numbered).where(numbered.c.place <= request.size + 1)
    found: dict[int, list[Record]] = {}
    for row in await snapshot.rows(cut.order_by(numbered.c.page_owner, numbered.c.place)):
        found.setdefault(row.page_owner, []).append(row)
    return {owner_id: _page(rows, keys, request) for owner_id, rows in found.items()}
