"""The audit log to be read by people: newest first, from the chains of changes and of reads.

On SQLite those lie in two files, so a page is merged from a page of each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, func, select, true

from api.db.audit import COLUMNS, TABLE, entries
from api.db.pages import Page, PageRequest, SortKey, read_page
from api.db.snapshots import Snapshot
from api.domain.audit import SEAL, Entry

KEYS = (
    SortKey(TABLE.c.at, descending=True, kind="moment"),
    SortKey(TABLE.c.stream, descending=True),
    SortKey(TABLE.c.number, descending=True),
)
Wheres = ColumnElement[bool]


@dataclass(frozen=True)
class Wanted:
    """Which entries are meant; the ends of chains of reads are left out unless asked for."""

    actor: str | None = None
    action: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def where(self) -> Wheres:
        parts: list[Wheres] = [true()]
        if self.actor is not None:
            parts.append(TABLE.c.actor == self.actor)
        if self.action is None:
            parts.append(TABLE.c.action != SEAL)
        else:
            parts.append(TABLE.c.action == self.action)
        if self.since is not None:
            parts.append(TABLE.c.at >= self.since)
        if self.until is not None:
            parts.append(TABLE.c.at < self.until)
        return and_(*parts)


def _place(entry: Entry) -> tuple[Any, ...]:
    return entry.at, entry.stream, entry.number


def list_entries(engines: Sequence[Engine], wanted: Wanted, limit: int) -> list[Entry]:
    """The newest entries, from all places they lie in."""
    distinct = {str(engine.url): engine for engine in engines}
    found = []
    for engine in distinct.values():
        statement = (
            select(*COLUMNS)
            .where(wanted.where())
            .order_by(*(key.ordered(backward=False) for key in KEYS))
            .limit(limit)
        )
        with engine.connect() as connection:
            found.append(list(entries(connection, statement)))
    return list(islice(merge(*found, key=_place, reverse=True), limit))


async def audit_page(snapshots: Sequence[Snapshot], wanted: Wanted, request: PageRequest) -> Page:
    """A page of entries, newest first."""
    statement = select(*COLUMNS).where(wanted.where())
    pages = [await read_page(each, statement, KEYS, request) for each in snapshots]
    if len(pages) == 1:
        return pages[0]
    both = [pair for page in pages for pair in zip(page.positions, page.rows, strict=True)]
    both.sort(key=lambda pair: pair[0], reverse=True)
    kept = both[-request.size :] if request.backward else both[: request.size]
    cut = len(both) > len(kept)
    more = cut or any(page.has_previous if request.backward else page.has_next for page in pages)
    return Page(
        [row for _, row in kept],
        [position for position, _ in kept],
        has_next=request.before is not None if request.backward else more,
        has_previous=more if request.backward else request.after is not None,
    )


async def count_entries(snapshots: Sequence[Snapshot], wanted: Wanted) -> int:
    statement = select(func.count()).select_from(TABLE).where(wanted.where())
    return sum([int((await each.rows(statement))[0][0]) for each in snapshots])
