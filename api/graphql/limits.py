"""What one document may ask for, measured in time linear in its length and before validation.

Validation itself compares fields pairwise and follows fragments, so a small document can keep it
busy for seconds. Each fragment is measured once, however often it is spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from api.graphql.errors import DocumentRefused

PAGE_ARGUMENTS = ("first", "last", "ids")
INTROSPECTION_FIELDS = ("__schema", "__type")
LARGEST_SIZE = 10**12
"""Larger page sizes count as this: Python is slow to write numbers of thousands of digits."""
USUAL_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "recommendedStrategies": 20,
        "withheldStrategies": 20,
        "all": 20,
        "strategyActions": 10,
        "lines": 10,
        "measures": 10,
        "history": 5,
        "segments": 5,
        "reasons": 3,
        "clvReasons": 3,
        "conditions": 2,
        "needs": 2,
    }
)
"""About how long lists are that are asked for without a page size."""
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "simulateTierPolicy": 200_000,
        "revenueBridge": 40_000,
        "retentionByTier": 40_000,
        "slaBreaches": 40_000,
        "resourceGuard": 40_000,
        "tierMigration": 20_000,
        "boundary": 20_000,
        "validateTierPolicy": 5_000,
        "policyDocument": 5_000,
        "whatIf": 2_500,
        "withheldStrategies": 500,
        "explainTier": 500,
        "tierDecision": 500,
    }
)
"""What takes as long as so many values: it looks at everybody, or decides again."""


@dataclass(frozen=True)
class Limits:
    """Fragments are counted where they are spread, so that they save nothing."""

    characters: int = 64_000
    tokens: int = 2_000
    comments: int = 1_000
    depth: int = 16
    fields: int = 1_500
    aliases: int = 100
    root_fields: int = 100
    directives: int = 50
    fragments: int = 50
    nodes: int = 12_000
    """Page sizes multiplied down the tree."""
    values: int = 250_000
    """Fields, each as often as the lists above it may repeat it: about a second of work."""
    comparisons: int = 5_000
    """Pairs of fields with one response name in one place, which validation has to compare."""


@dataclass
class Cost:
    """What a selection set comes to with its fragments spread out."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    nodes: int = 0
    values: int = 0
    top: int = 0
    introspects: bool = False

    def add(self, other: Cost) -> None:
        self.depth = max(self.depth, other.depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.nodes += other.nodes
        self.values += other.values
        self.top += other.top
        self.introspects |= other.introspects


@dataclass
class _Place:
    """One path of the answer: how often it is asked for, and what is below it."""

    times: int = 0
    below: dict[str, _Place] = field(default_factory=dict)


class DocumentMeter:
    """Measures one document with the variables it came with."""

    def __init__(self, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._definitions = document.definitions
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self._variables = _defaults(document) | dict(variables)
        self._known: dict[str, Cost] = {}
        self._open: set[str] = set()

    def check(self, limits: Limits) -> Cost:
        """The cost of the whole document.

        Raises:
            DocumentRefused: it is over a limit; the message has both numbers.
        """
        spread = sum(1 for each in self._definitions if isinstance(each, FragmentDefinitionNode))
        _refuse_above("TOO_MANY_FRAGMENTS", "fragments", spread, limits.fragments)
        total, roots = Cost(), 0
        for definition in self._definitions:
            cost = self._definition(definition)
            total.add(cost)
            if isinstance(definition, OperationDefinitionNode):
                roots = max(roots, cost.top)
        _refuse_above("TOO_DEEP", "levels of fields", total.depth, limits.depth)
        _refuse_above("TOO_MANY_FIELDS", "fields", total.fields, limits.fields)
        _refuse_above("TOO_MANY_ALIASES", "aliases", total.aliases, limits.aliases)
        _refuse_above("TOO_MANY_DIRECTIVES", "directives", total.directives, limits.directives)
        _refuse_above("TOO_MANY_NODES", "objects at most", total.nodes, limits.nodes)
        _refuse_above("TOO_MANY_VALUES", "values or so", total.values, limits.values)
        repeats = self._comparisons()
        _refuse_above("TOO_MANY_REPEATS", "pairs of equal fields", repeats, limits.comparisons)
        _refuse_above("TOO_MANY_ROOT_FIELDS", "root fields", roots, limits.root_fields)
        return total

    def _definition(self, definition: DefinitionNode) -> Cost:
        if isinstance(definition, FragmentDefinitionNode):
            return self._fragment(definition.name.value)
        if isinstance(definition, OperationDefinitionNode):
            cost = self._selections(definition.selection_set)
            cost.directives += len(definition.directives)
            return cost
        return Cost()

    def _fragment(self, name: str) -> Cost:
        if name in self._known:
            return self._known[name]
        fragment = self._fragments.get(name)
        if fragment is None:
            return Cost()
        if name in self._open:
            raise DocumentRefused("FRAGMENT_CYCLE", "A fragment spreads itself.")
        self._open.add(name)
        cost = self._selections(fragment.selection_set)
        cost.directives += len(fragment.directives)
        self._open.remove(name)
        self._known[name] = cost
        return cost

    def _selections(self, selections: SelectionSetNode) -> Cost:
        total = Cost()
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                total.add(self._field(selection))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self._fragment(selection.name.value))
            elif isinstance(selection, InlineFragmentNode):
                total.add(self._selections(selection.selection_set))
            total.directives += len(selection.directives)
        return total

    def _field(self, node: FieldNode) -> Cost:
        below = self._selections(node.selection_set) if node.selection_set else Cost()
        size = self._page_size(node)
        return Cost(
            depth=below.depth + 1,
            fields=below.fields + 1,
            aliases=below.aliases + (node.alias is not None),
            directives=below.directives,
            nodes=below.nodes if size is None else size * (1 + below.nodes),
            values=1 + WEIGHTS.get(node.name.value, 0) + below.values * _length(node, size),
            top=1,
            introspects=below.introspects or node.name.value in INTROSPECTION_FIELDS,
        )

    def _page_size(self, node: FieldNode) -> int | None:
        sizes = [
            self._size(argument.value)
            for argument in node.arguments
            if argument.name.value in PAGE_ARGUMENTS
        ]
        return min(max(sizes), LARGEST_SIZE) if sizes else None

    def _size(self, value: ValueNode) -> int:
        if isinstance(value, VariableNode):
            given = self._variables.get(value.name.value)
            if isinstance(given, int):
                return max(given, 0)
            return len(given) if isinstance(given, list) else 0
        if isinstance(value, IntValueNode):
            return max(int(value.value[:10]), 0)
        return len(value.values) if isinstance(value, ListValueNode) else 0

    def _comparisons(self) -> int:
        """Bounded by the number of fields, which is checked before."""
        total = 0
        for definition in self._definitions:
            if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
                root = _Place()
                for place in self._walk(definition.selection_set, root):
                    place.times += 1
                    total += place.times - 1
        return total

    def _walk(self, selections: SelectionSetNode, place: _Place) -> Iterator[_Place]:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                name = (selection.alias or selection.name).value
                below = place.below.setdefault(name, _Place())
                yield below
                if selection.selection_set:
                    yield from self._walk(selection.selection_set, below)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments.get(selection.name.value)
                if fragment is not None:
                    yield from self._walk(fragment.selection_set, place)
            elif isinstance(selection, InlineFragmentNode):
                yield from self._walk(selection.selection_set, place)


def _length(node: FieldNode, size: int | None) -> int:
    """How often what is below a field may be there: once below most."""
    return USUAL_LENGTHS.get(node.name.value, 1) if size is None else size


def _refuse_above(code: str, what: str, found: int, allowed: int) -> None:
    if found > allowed:
        raise DocumentRefused(
            code, f"The document asks for {found:,} {what}; a document may have {allowed:,}."
        )


def _defaults(document: DocumentNode) -> dict[str, Any]:
    """Numbers that variables have when the request leaves them out."""
    found = {}
    for definition in document.definitions:
        for variable in getattr(definition, "variable_definitions", None) or ():
            if isinstance(variable.default_value, IntValueNode):
                found[variable.variable.name.value] = int(variable.default_value.value[:10])
    return found
