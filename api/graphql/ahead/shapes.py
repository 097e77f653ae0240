"""How a type of the schema is told from columns: declared once, compiled for each document."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import FromClause, Select

from api.db.ahead.levels import Column, Joined, Level
from api.db.pages import SortKey
from api.domain.keys import Caller
from api.graphql.context import Context
from api.graphql.owned_lists import OwnedList
from api.graphql.pagination import Listing

Arguments = Mapping[str, Any]
Rows = list[Any]


class Unplanned(Exception):
    """Something that no mapping has; the document is answered as usual."""


@dataclass(frozen=True)
class Given:
    """What a value may depend on besides its columns.

    `nested`: it comes from within JSON, where days and moments are texts and documents are read.
    """

    context: Context
    arguments: Arguments
    nested: bool


@dataclass(frozen=True)
class Access:
    """What a caller may see of a customer's rows; part of what a plan is remembered by."""

    caller: Caller
    personal_segments: frozenset[str]
    """Keys of those that rest on sensitive attributes."""

    def key(self) -> Hashable:
        return self.caller.granted, self.personal_segments


@dataclass(frozen=True)
class Value:
    """A scalar from one column or several; without `convert` it is as it is stored.

    `convert` makes the function once a request. With one column it never sees a missing value.
    """

    columns: tuple[Column, ...]
    convert: Callable[[Given], Callable[..., Any]] | None = None
    join: Joined | None = None


@dataclass(frozen=True)
class Entry:
    """The same from a document: a scalar under one name, or made of the whole document."""

    name: str | None
    convert: Callable[[Given], Callable[..., Any]] | None = None


@dataclass(frozen=True)
class One:
    """An object from columns of the same row; there is none where `present` is null."""

    shape: Shape
    present: Column
    join: Joined | None = None


@dataclass(frozen=True)
class Many:
    """A list of rows that belong to this row; `kept` may leave out or change some."""

    shape: Shape
    level: Callable[[], Level]
    rows: Callable[[Level, Arguments, Access], Select[Any]]
    always: tuple[Column, ...] = ()
    """Columns that `kept` reads: the first ones of each row."""
    kept: Callable[[Given], Callable[[Rows], Rows]] | None = None
    accepts: Callable[[Arguments], bool] = lambda _arguments: True


@dataclass(frozen=True)
class Documents:
    """A list of objects, or one, that a column holds as JSON; other columns may come with it."""

    shape: Shape
    columns: tuple[Column, ...]
    read: Callable[[Given], Callable[..., Any]]
    """From the columns' values (JSON is read already) to the list, the object or none."""
    many: bool = True
    join: Joined | None = None


@dataclass(frozen=True)
class Paged:
    """A connection of rows that belong to this row, asked for in their usual order from an end."""

    shape: Shape
    which: OwnedList
    table: FromClause
    """The list's own table, under another name."""
    owner: Column
    """Whose rows they are."""
    of: Column
    """The owner's row."""

    def level(self) -> Level:
        return Level(self.table, nested=True)

    @cached_property
    def keys(self) -> Sequence[SortKey]:
        return [
            SortKey(self.table.c[str(key.column.key)], key.descending, key.nullable, key.kind)
            for key in self.which.listed.keys(())
        ]

    def listing(self, owner: int, context: Context) -> Listing:
        return Listing(f"{self.which.name}/{owner}", self.keys, context.cursors)


Part = Value | Entry | One | Many | Documents | Paged


@dataclass(frozen=True)
class Shape:
    """The fields of a type that look-ahead answers; a document with others is answered as usual."""

    type: str
    fields: Mapping[str, Part] = field(default_factory=dict)
