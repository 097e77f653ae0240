"""Connections: edges, places in the list and whether more follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLField, GraphQLObjectType, get_named_type

from api.db.ahead.levels import Level, as_json
from api.db.ahead.pages import page_of
from api.db.ahead.relations import page_for
from api.db.pages import PageRequest, Position
from api.graphql.ahead.shapes import Paged, Shape, Unplanned
from api.graphql.ahead.steps import Columns, Objects, parted, read_lists, transposed
from api.graphql.context import Context
from api.graphql.pagination import LARGEST_PAGE, Listing, PageInfo, page_info

if TYPE_CHECKING:
    from api.graphql.ahead.planning import Nodes, Planner

Named = tuple[str, str]
"""The name in the answer, and the field."""
PAGE_INFO = {
    "hasNextPage": "has_next_page",
    "hasPreviousPage": "has_previous_page",
    "startCursor": "start_cursor",
    "endCursor": "end_cursor",
}


@dataclass(frozen=True)
class Pages:
    """How a page becomes a connection."""

    kind: str
    edge: str
    entries: tuple[tuple[str, str, tuple[Named, ...]], ...]
    nodes: Objects
    counts: bool

    def answer(
        self,
        nodes: Sequence[Any],
        positions: Sequence[Position],
        listing: Listing,
        ends: Callable[[], PageInfo],
    ) -> dict[str, Any]:
        """All but `totalCount`, which the caller puts in."""
        found: dict[str, Any] = {}
        for name, field, below in self.entries:
            if field == "edges":
                found[name] = self._edges(below, nodes, positions, listing)
            elif field == "pageInfo":
                info = ends()
                found[name] = {
                    each: "PageInfo" if what == "__typename" else getattr(info, PAGE_INFO[what])
                    for each, what in below
                }
            else:
                found[name] = self.kind if field == "__typename" else None
        return found

    def _edges(
        self,
        below: tuple[Named, ...],
        nodes: Sequence[Any],
        positions: Sequence[Position],
        listing: Listing,
    ) -> list[dict[str, Any]]:
        made: list[Sequence[Any]] = []
        for _, field in below:
            if field == "node":
                made.append(nodes)
            elif field == "cursor":
                made.append([listing.cursor(position) for position in positions])
            else:
                made.append([self.edge] * len(positions))
        names = [name for name, _ in below]
        return [dict(zip(names, values, strict=True)) for values in zip(*made, strict=True)]


@dataclass(frozen=True)
class Inner:
    """A connection for each row, from rows within JSON."""

    pages: Pages
    part: Paged
    request: PageRequest
    place: int
    owner: int
    width: int
    nested: bool

    def __call__(self, columns: Columns, context: Context) -> Sequence[Any]:
        keys = self.part.keys
        lists = read_lists(columns[self.place], self.nested)
        found = [page_of(rows, keys, self.request) for rows in lists]
        kept = [list(rows) for _, rows in found]
        flat = list(chain.from_iterable(kept))
        nodes = parted(self.pages.nodes(transposed(flat, self.width), context), kept)
        answers = []
        for below, (page, _), owner in zip(nodes, found, columns[self.owner], strict=True):
            listing = self.part.listing(owner, context)
            ends = partial(page_info, listing, page)
            answers.append(self.pages.answer(below, page.positions, listing, ends))
        return answers


def plan_inner(
    planner: Planner, part: Paged, field: GraphQLField, nodes: Nodes, level: Level
) -> Inner:
    """Raises:
    Unplanned: there are cursors, or no good size, or something is asked for that isn't mapped.
    """
    arguments = planner.arguments(field, nodes[0])
    sizes = arguments.get("first"), arguments.get("last")
    size = sizes[0] or sizes[1]
    if len(arguments) != 1 or size is None or not 1 <= size <= LARGEST_PAGE:
        raise Unplanned
    request = PageRequest(size, backward=sizes[0] is None)
    inner = part.level()
    kind = cast(GraphQLObjectType, get_named_type(field.type))
    pages = plan_pages(planner, kind, nodes, part.shape, inner)
    if pages.counts:
        raise Unplanned
    place = level.place(as_json(page_for(inner, part.owner, part.keys, request), level))
    width = len(inner.columns) + len(part.keys)
    return Inner(pages, part, request, place, level.place(part.of), width, level.nested)


def plan_pages(
    planner: Planner, kind: GraphQLObjectType, nodes: Nodes, shape: Shape, level: Level
) -> Pages:
    """Raises:
    Unplanned: something below is asked for that no mapping has, or the nodes twice.
    """
    edge = cast(GraphQLObjectType, get_named_type(kind.fields["edges"].type))
    entries, node = [], None
    counts = False
    for name, each in planner.fields(kind, nodes).items():
        field: str = each[0].name.value
        below: tuple[Named, ...] = ()
        if field == "edges":
            if node is not None:
                raise Unplanned
            below, node = _edge(planner, edge, each, shape, level)
        elif field == "pageInfo":
            info = cast(GraphQLObjectType, planner.info.schema.type_map["PageInfo"])
            below = tuple((n, f[0].name.value) for n, f in planner.fields(info, each).items())
            if not {asked for _, asked in below} <= {*PAGE_INFO, "__typename"}:
                raise Unplanned
        elif field == "totalCount":
            counts = True
        elif field != "__typename":
            raise Unplanned
        entries.append((name, field, below))
    return Pages(kind.name, edge.name, tuple(entries), node or Objects((), ()), counts)


def _edge(
    planner: Planner, kind: GraphQLObjectType, nodes: Nodes, shape: Shape, level: Level
) -> tuple[tuple[Named, ...], Objects | None]:
    below, node = [], None
    for name, each in planner.fields(kind, nodes).items():
        field = each[0].name.value
        if field == "node":
            if node is not None:
                raise Unplanned
            node = planner.object(shape, each, level)
        elif field not in ("cursor", "__typename"):
            raise Unplanned
        below.append((name, field))
    return tuple(below), node
