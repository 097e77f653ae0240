"""What one document may ask for, measured in time linear in its length and before validation.

Validation itself compares fields pairwise and follows fragments, so a small document can keep it
busy for seconds. Each fragment is measured once, however often it is spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DefinitionNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    introspection_types,
)

from api.graphql.costs import INTROSPECTION, Place, length_of, weight_of
from api.graphql.errors import DocumentRefused
from api.graphql.page_sizes import PageSizes

LISTS_OF_THE_SCHEMA = frozenset({"fields", "inputFields", "interfaces", "possibleTypes"})
"""Inside one another they go through the schema again and again."""
_SCHEMA_TYPES = {
    "__schema": introspection_types["__Schema"],
    "__type": introspection_types["__Type"],
}


@dataclass(frozen=True)
class Limits:
    """Fragments are counted where they are spread, so that they save nothing."""

    characters: int = 64_000
    tokens: int = 1_500
    comments: int = 1_000
    operations: int = 10
    variables: int = 100
    depth: int = 16
    fields: int = 1_500
    aliases: int = 100
    root_fields: int = 100
    directives: int = 50
    fragments: int = 50
    introspection_fields: int = 250
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
    schema_lists: int = 0
    """How deep lists of the schema lie in one another."""
    introspects: int = 0
    """Fields that ask for the schema, and all below them."""

    def add(self, other: Cost) -> None:
        self.depth = max(self.depth, other.depth)
        self.fields += other.fields
        self.aliases += other.aliases
        self.directives += other.directives
        self.nodes += other.nodes
        self.values += other.values
        self.top += other.top
        self.schema_lists = max(self.schema_lists, other.schema_lists)
        self.introspects += other.introspects


class DocumentMeter:
    """Measures one document with the variables it came with."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._definitions = document.definitions
        self._fragments = {
            each.name.value: each
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }
        self.sizes = PageSizes(document, variables)
        self._known: dict[str, Cost] = {}
        self._open: set[str] = set()

    def check(self, limits: Limits) -> Cost:
        """The cost of the whole document.

        Raises:
            DocumentRefused: it is over a limit; the message has both numbers.
        """
        self._check_counts(limits)
        total, roots = Cost(), 0
        for definition in self._definitions:
            cost = self._definition(definition)
            total.add(cost)
            if isinstance(definition, OperationDefinitionNode):
                roots = max(roots, cost.top)
        refuse_above("TOO_DEEP", "levels of fields", total.depth, limits.depth)
        refuse_above("TOO_MANY_FIELDS", "fields", total.fields, limits.fields)
        refuse_above("TOO_MANY_ALIASES", "aliases", total.aliases, limits.aliases)
        refuse_above("TOO_MANY_DIRECTIVES", "directives", total.directives, limits.directives)
        refuse_above("INTROSPECTION_TOO_DEEP", "lists of the schema in one", total.schema_lists, 1)
        refuse_above(
            "INTROSPECTION_TOO_LARGE",
            "fields of the schema",
            total.introspects,
            limits.introspection_fields,
        )
        refuse_above("TOO_MANY_NODES", "objects at most", total.nodes, limits.nodes)
        refuse_above("TOO_MANY_VALUES", "values or so", total.values, limits.values)
        refuse_above("TOO_MANY_ROOT_FIELDS", "root fields", roots, limits.root_fields)
        return total

    def _check_counts(self, limits: Limits) -> None:
        operations = [e for e in self._definitions if isinstance(e, OperationDefinitionNode)]
        spread = sum(1 for each in self._definitions if isinstance(each, FragmentDefinitionNode))
        variables = sum(len(each.variable_definitions) for each in operations)
        refuse_above("TOO_MANY_FRAGMENTS", "fragments", spread, limits.fragments)
        refuse_above("TOO_MANY_OPERATIONS", "operations", len(operations), limits.operations)
        refuse_above("TOO_MANY_VARIABLES", "variables", variables, limits.variables)

    def places(self, limits: Limits) -> dict[str | None, Place]:
        """The answers that the operations may have, by the operation's name.

        Bounded by the number of fields, so ask after `check`.

        Raises:
            DocumentRefused: so many fields have one place that comparing them takes long.
        """
        found: dict[str | None, Place] = {}
        pairs = 0
        for definition in self._definitions:
            if not isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
                continue
            root = Place()
            parent = self._root(definition)
            for place in self._walk(definition.selection_set, root, parent):
                place.times += 1
                pairs += place.times - 1
            if isinstance(definition, OperationDefinitionNode):
                found[definition.name.value if definition.name else None] = root
        refuse_above("TOO_MANY_REPEATS", "pairs of equal fields", pairs, limits.comparisons)
        return found

    def _root(
        self, definition: OperationDefinitionNode | FragmentDefinitionNode
    ) -> GraphQLNamedType | None:
        if isinstance(definition, FragmentDefinitionNode):
            return self._schema.type_map.get(definition.type_condition.name.value)
        if definition.operation is OperationType.MUTATION:
            return self._schema.mutation_type
        return self._schema.query_type

    def _definition(self, definition: DefinitionNode) -> Cost:
        if isinstance(definition, FragmentDefinitionNode):
            return self._fragment(definition.name.value)
        if isinstance(definition, OperationDefinitionNode):
            cost = self._selections(definition.selection_set, self._root(definition))
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
        cost = self._selections(fragment.selection_set, self._root(fragment))
        cost.directives += len(fragment.directives)
        self._open.remove(name)
        self._known[name] = cost
        return cost

    def _selections(self, selections: SelectionSetNode, parent: GraphQLNamedType | None) -> Cost:
        total = Cost()
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                total.add(self._field(selection, parent))
            elif isinstance(selection, FragmentSpreadNode):
                total.add(self._fragment(selection.name.value))
            elif isinstance(selection, InlineFragmentNode):
                total.add(self._selections(selection.selection_set, self._inner(selection, parent)))
            total.directives += len(selection.directives)
        return total

    def _inner(
        self, selection: InlineFragmentNode, parent: GraphQLNamedType | None
    ) -> GraphQLNamedType | None:
        condition = selection.type_condition
        return parent if condition is None else self._schema.type_map.get(condition.name.value)

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Cost:
        name = node.name.value
        below = (
            self._selections(node.selection_set, type_below(parent, name))
            if node.selection_set
            else Cost()
        )
        place = f"{parent.name}.{name}" if parent is not None else name
        size = self.sizes.of(node)
        length = length_of(place) if size is None else size
        introspects = name in INTROSPECTION
        return Cost(
            depth=below.depth + 1,
            fields=below.fields + 1,
            aliases=below.aliases + (node.alias is not None),
            directives=below.directives,
            nodes=below.nodes if size is None else size * (1 + below.nodes),
            values=1 + weight_of(place) + (0 if introspects else below.values * length),
            top=1,
            schema_lists=below.schema_lists + (name in LISTS_OF_THE_SCHEMA and _of_schema(parent)),
            introspects=below.fields + 1 if introspects else below.introspects,
        )

    def _walk(
        self, selections: SelectionSetNode, place: Place, parent: GraphQLNamedType | None
    ) -> Iterator[Place]:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                name = selection.name.value
                shown = selection.alias.value if selection.alias else name
                below = place.below.setdefault(shown, Place())
                below.take(f"{parent.name}.{name}" if parent is not None else name)
                below.flat = name in INTROSPECTION
                yield below
                if selection.selection_set:
                    yield from self._walk(selection.selection_set, below, type_below(parent, name))
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments.get(selection.name.value)
                if fragment is not None:
                    yield from self._walk(fragment.selection_set, place, self._root(fragment))
            elif isinstance(selection, InlineFragmentNode):
                inner = self._inner(selection, parent)
                yield from self._walk(selection.selection_set, place, inner)


def type_below(parent: GraphQLNamedType | None, name: str) -> GraphQLNamedType | None:
    """What a field of a type gives; none where the type has no such field."""
    if name in INTROSPECTION:
        return _SCHEMA_TYPES[name]
    if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return None
    found = parent.fields.get(name)
    return None if found is None else get_named_type(found.type)


def _of_schema(parent: GraphQLNamedType | None) -> bool:
    return parent is not None and parent.name.startswith("__")


def refuse_above(code: str, what: str, found: int, allowed: int) -> None:
    if found > allowed:
        raise DocumentRefused(
            code, f"The document asks for {found:,} {what}; a document may have {allowed:,}."
        )
