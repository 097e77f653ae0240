"""One SELECT that grows column by column while a document is planned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Select,
    Text,
    cast,
    literal_column,
    select,
)

from api.db.ahead.json_rows import json_row, json_rows, json_value

Column = ColumnElement[Any]


@dataclass(frozen=True, eq=False)
class Joined:
    """A table that is read only where a field of it is asked for; `after` is joined before it."""

    table: FromClause
    on: ColumnElement[bool]
    after: Joined | None = None


@dataclass
class Level:
    """Columns in the order in which rows bring them, and the joins they need.

    `nested`: rows arrive within JSON, so days, moments and documents are JSON values there.
    """

    source: FromClause
    nested: bool
    columns: list[Column] = field(default_factory=list)
    joins: dict[Joined, None] = field(default_factory=dict)

    def place(self, column: Column) -> int:
        for place, each in enumerate(self.columns):
            if each is column:
                return place
        self.columns.append(column)
        return len(self.columns) - 1

    def join(self, joined: Joined) -> None:
        if joined.after is not None:
            self.join(joined.after)
        self.joins.setdefault(joined)

    def select(self, source: FromClause | None = None, first: Column | None = None) -> Select[Any]:
        """The statement so far, over its own source or one that contains it.

        `first` takes the place of the first column, where that is known only now.
        """
        found = self.source if source is None else source
        for each in self.joins:
            found = found.outerjoin(each.table, each.on)
        columns = self.columns if first is None else [first, *self.columns[1:]]
        return select(*(c.label(f"c{n}") for n, c in enumerate(columns))).select_from(found)


def whole_number(number: int) -> ColumnElement[int]:
    """In the text: what PostgreSQL plans once for all values knows how long a page is."""
    return literal_column(str(int(number)), Integer())


def as_json(statement: Select[Any], level: Level) -> Column:
    """The rows of a statement that reads what belongs to the row around it, as one JSON value.

    `level` is what the rows are read for: within JSON, too, they are JSON there.
    """
    rows = statement.subquery()
    documents = [
        isinstance(each, Label) and isinstance(each.element, json_value)
        for each in statement.selected_columns
    ]
    # SQLite forgets on the way out of a subquery that a text is JSON.
    columns = [
        json_value(column) if document else column
        for column, document in zip(rows.columns, documents, strict=True)
    ]
    # As text: drivers differ in what they make of JSON.
    whole = cast(json_rows(json_row(*columns)), Text())
    found: Column = select(whole).select_from(rows).scalar_subquery()
    return json_value(found) if level.nested else found
