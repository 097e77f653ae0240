"""Relay connections over keyset pages, with signed cursors."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

import strawberry

from api.db.pages import Page, PageRequest, Position, SortKey
from api.db.snapshots import Record
from api.domain.feed_cursors import FeedCursors
from api.errors import InvalidCursor, InvalidInput
from api.graphql.access import INHERITED, ITEMS
from api.graphql.described import field
from api.graphql.errors import PageSizeRequired

Item = TypeVar("Item")
SIGNATURE_BYTES = 16
LARGEST_PAGE = 100

First = Annotated[
    int | None, strawberry.argument(description="How many from the front, or after `after`.")
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[
    int | None, strawberry.argument(description="How many from the end, or before `before`.")
]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor.")
]


class Cursors:
    """Writes positions as cursors and reads them back; a signature ties each to its list.

    Cursors that were signed with `previous` keys are still taken: partners keep them for long.
    """

    def __init__(self, key: bytes, *previous: bytes) -> None:
        self._keys = (key, *previous)
        self.feed = FeedCursors(key, *previous)

    def _sign(self, listing: str, payload: bytes, place: int = 0) -> bytes:
        content = listing.encode() + b"\0" + payload
        return hmac.digest(self._keys[place], content, "sha256")[:SIGNATURE_BYTES]

    def _signed(self, listing: str, payload: bytes, signature: bytes) -> bool:
        return any(
            hmac.compare_digest(signature, self._sign(listing, payload, place))
            for place in range(len(self._keys))
        )

    def encode(self, listing: str, keys: Sequence[SortKey], position: Position) -> str:
        values = [key.to_json(value) for key, value in zip(keys, position, strict=True)]
        payload = json.dumps(values, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(listing, payload) + payload).decode()

    def decode(self, listing: str, keys: Sequence[SortKey], cursor: str) -> Position:
        """The position a cursor of this very list means.

        Raises:
            InvalidCursor: it is of another list, order or filter, or was never given out.
        """
        try:
            content = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeError, binascii.Error):
            content = b""
        signature, payload = content[:SIGNATURE_BYTES], content[SIGNATURE_BYTES:]
        if not self._signed(listing, payload, signature):
            raise InvalidCursor(
                "This cursor is not one of this list: a cursor works with the field, the order "
                "and the filter that it was given out for."
            )
        values = json.loads(payload)
        return tuple(key.from_json(value) for key, value in zip(keys, values, strict=True))


@dataclass(frozen=True)
class Listing:
    """One list that can be paged through; `name` tells it from every other one."""

    name: str
    keys: Sequence[SortKey]
    cursors: Cursors
    largest_page: int = LARGEST_PAGE

    def request(
        self, first: int | None, after: str | None, last: int | None, before: str | None
    ) -> PageRequest:
        """The page that the arguments ask for.

        Raises:
            PageSizeRequired: neither `first` nor `last` is given.
            InvalidInput: both are, or one is out of range.
            InvalidCursor: a cursor of something else.
        """
        if first is None and last is None:
            raise PageSizeRequired(
                f"Say how many you want: `first` or `last`, from 1 to {self.largest_page:,}."
            )
        if first is not None and last is not None:
            raise InvalidInput("Give `first` or `last`, not both.")
        size = first if first is not None else last
        if size is None or not 1 <= size <= self.largest_page:
            raise InvalidInput(f"A page has 1 to {self.largest_page:,} entries, not {size}.")
        return PageRequest(size, first is None, self._position(after), self._position(before))

    def _position(self, cursor: str | None) -> Position | None:
        if cursor is None:
            return None
        return self.cursors.decode(self.name, self.keys, cursor)

    def cursor(self, position: Position) -> str:
        return self.cursors.encode(self.name, self.keys, position)


@strawberry.type(description="Where a page lies in its list.", directives=[INHERITED])
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more comes after this page.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before it.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first entry.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last entry: give it as `after` to go on."
    )


@strawberry.type(description="An entry of a list, with its place in it.", directives=[ITEMS])
class Edge(Generic[Item]):
    node: Item = strawberry.field(description="The thing itself.")
    listing: strawberry.Private[Listing]
    position: strawberry.Private[Position]

    @field("This entry's place, for `after` and `before`.")
    def cursor(self) -> str:
        return self.listing.cursor(self.position)


@strawberry.type(description="A page of a list.", directives=[ITEMS])
class Connection(Generic[Item]):
    edges: list[Edge[Item]] = strawberry.field(description="The entries of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @field("How long the whole list is; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.count()


def page_info(listing: Listing, page: Page) -> PageInfo:
    ends = [listing.cursor(page.positions[place]) for place in (0, -1)] if page.positions else []
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=ends[0] if ends else None,
        end_cursor=ends[1] if ends else None,
    )


def connection(
    listing: Listing,
    page: Page,
    build: Callable[[Record], Item],
    count: Callable[[], Awaitable[int]],
) -> Connection[Item]:
    edges = [
        Edge(node=build(row), listing=listing, position=position)
        for row, position in zip(page.rows, page.positions, strict=True)
    ]
    return Connection(edges=edges, page_info=page_info(listing, page), count=count)
