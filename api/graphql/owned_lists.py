"""Lists that belong to something: a customer's orders, a segment's stays.

However many owners there are on a page, each such list costs one statement, and one for its length.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from api.db.listings import Listed
from api.db.pages import Page
from api.db.snapshots import Record
from api.graphql.context import Context
from api.graphql.list_filter import ask
from api.graphql.loaders import NO_PAGE
from api.graphql.pagination import Connection, connection

Item = TypeVar("Item")


@dataclass(frozen=True)
class OwnedList:
    """Which list it is: its name in cursors, its fields, and the loaders that read it."""

    name: str
    listed: Listed
    pages: str
    counts: str


async def page_of(
    which: OwnedList,
    owner: int,
    context: Context,
    build: Callable[[Record], Item],
    *bounds: Any,
    filter: object | None = None,
    order_by: Any = None,
    prepare: Callable[[Page], Awaitable[None]] | None = None,
) -> Connection[Item]:
    """A page of one owner's list; `bounds` are first, after, last and before."""
    pages = getattr(context.loaders, which.pages)
    counts = getattr(context.loaders, which.counts)
    listing, asked = ask(f"{which.name}/{owner}", which.listed, context, bounds, filter, order_by)

    async def count() -> int:
        return await counts.load((owner, asked)) or 0

    page = await pages.load((owner, asked)) or NO_PAGE
    if prepare is not None:
        await prepare(page)
    return connection(listing, page, build, count)
