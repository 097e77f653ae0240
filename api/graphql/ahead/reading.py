"""Looks ahead: plans a root field once for each document, and answers it from one statement."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    Node,
    VariableNode,
    get_named_type,
)

from api.db.ahead.levels import Level
from api.db.ahead.reading import Shelf, Texts
from api.graphql.ahead.connections import Pages, plan_pages
from api.graphql.ahead.planning import Planner
from api.graphql.ahead.shapes import Access, Shape, Unplanned
from api.graphql.ahead.steps import Objects
from api.graphql.context import Context

REMEMBERED_FIELDS = 512
REMEMBERED_PLANS = 2048
"""Of all fields together: variables make plans differ, and callers choose their values."""


@dataclass
class Plan:
    """What one root field of one document takes; `step` is how rows become its answer."""

    level: Level
    step: Objects | Pages
    alone: bool
    """Whether nothing else is read for the document."""
    texts: Texts

    def width(self, more: int) -> int:
        """Of rows, of which the last columns tell their places."""
        return len(self.level.columns) + more


@dataclass
class Seen:
    """A root field's node, kept so that its id stays its own, and the variables below it."""

    node: FieldNode
    variables: tuple[str, ...]
    plans: dict[Hashable, Plan | None] = field(default_factory=dict)


class Plans:
    """Remembers plans of documents that are remembered themselves."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, Seen] = OrderedDict()
        self._made = 0
        self._shelf = Shelf()

    def plan(
        self, info: GraphQLResolveInfo, context: Context, shape: Shape, level: Callable[[], Level]
    ) -> Plan | None:
        """None where the usual way has to answer."""
        if len(info.field_nodes) != 1:
            return None
        seen = self._seen_before(info)
        access = Access(context.caller, context.business.personal_segments)
        values = info.variable_values
        key = (access.key(), *((name, _still(values.get(name))) for name in seen.variables))
        if key not in seen.plans:
            seen.plans[key] = _planned(info, shape, level(), access, Texts(self._shelf))
            self._made += 1
        found = seen.plans[key]
        while self._made > REMEMBERED_PLANS or len(self._seen) > REMEMBERED_FIELDS:
            self._forget(self._seen.popitem(last=False)[1])
        return found

    def _forget(self, seen: Seen) -> None:
        self._made -= len(seen.plans)

    def _seen_before(self, info: GraphQLResolveInfo) -> Seen:
        node = info.field_nodes[0]
        seen = self._seen.get(id(node))
        if seen is None or seen.node is not node:
            if seen is not None:
                self._forget(seen)
            below = set(_variables(node.selection_set, info, set()))
            seen = self._seen[id(node)] = Seen(node, tuple(sorted(below)))
        return seen


def _still(value: Any) -> bytes:
    """A variable's value to remember a plan by: short, however long the value; 1 is not true."""
    return hashlib.sha256(repr(value).encode(errors="backslashreplace")).digest()


def _variables(node: Node | None, info: GraphQLResolveInfo, done: set[str]) -> Iterator[str]:
    """Names of the variables in a subtree, in the fragments it spreads too."""
    if isinstance(node, VariableNode):
        yield node.name.value
    elif isinstance(node, FragmentSpreadNode) and node.name.value not in done:
        done.add(node.name.value)
        yield from _variables(info.fragments[node.name.value], info, done)
    if node is None:
        return
    for key in node.keys:
        value = getattr(node, key, None)
        for each in value if isinstance(value, tuple | list) else (value,):
            if isinstance(each, Node) and key != "loc":
                yield from _variables(each, info, done)


def _planned(
    info: GraphQLResolveInfo, shape: Shape, level: Level, access: Access, texts: Texts
) -> Plan | None:
    planner = Planner(info, access)
    kind = cast(GraphQLObjectType, get_named_type(info.return_type))
    nodes = list(info.field_nodes)
    step: Objects | Pages
    try:
        if kind.name == shape.type:
            step = planner.object(shape, nodes, level)
        else:
            step = plan_pages(planner, kind, nodes, shape, level)
    except Unplanned:
        return None
    selections = info.operation.selection_set.selections
    alone = len(selections) == 1 and isinstance(selections[0], FieldNode)
    return Plan(level, step, alone and not (isinstance(step, Pages) and step.counts), texts)
