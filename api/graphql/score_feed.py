"""The score feed as a connection: its cursors say what their holder was told, not only a place."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api.db.pages import Position
from api.db.scores import FeedPage
from api.db.snapshots import Record
from api.domain.rules import Rule
from api.graphql.pagination import Connection, Edge, Item, Listing, PageInfo


def feed_name(rule: Rule) -> str:
    """What ties a cursor to its filter; the same for exports, so that one can follow the other."""
    return f"riskScores/{json.dumps(rule.to_document(), sort_keys=True)}"


@dataclass(frozen=True)
class FeedListing(Listing):
    """Positions are pairs: the revision read so far, the one known of when the pull began."""

    def _position(self, cursor: str | None) -> Position | None:
        return None if cursor is None else self.cursors.feed.decode(self.name, cursor)

    def cursor(self, position: Position) -> str:
        revision, known = position
        return self.cursors.feed.encode(self.name, known, revision)


def feed_connection(
    listing: FeedListing,
    page: FeedPage,
    build: Callable[[Record], Item],
    count: Callable[[], Awaitable[int]],
) -> Connection[Item]:
    known = page.position.known
    edges = [
        Edge(node=build(row), listing=listing, position=(row.revision, known)) for row in page.rows
    ]
    return Connection(edges=edges, page_info=feed_page_info(listing, page), count=count)


def feed_page_info(listing: FeedListing, page: FeedPage) -> PageInfo:
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.position.revision > 0,
        start_cursor=listing.cursor((page.rows[0].revision, page.position.known))
        if page.rows
        else None,
        end_cursor=listing.cursor((page.end.revision, page.end.known)),
    )
