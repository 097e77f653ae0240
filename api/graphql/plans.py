"""Executes the plain parts of a document without graphql-core's machinery.

graphql-core spends about 8 microseconds on each field. Most of our fields are plain: an attribute
or a pure method of the object at hand, down to scalars. Such a subtree is planned once a request
and then read directly. Everything else, and every failure, takes graphql-core's own way, which
also gives errors their place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any, cast

from graphql import (
    ExecutionContext,
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import AwaitableOrValue, Path, Undefined
from strawberry.types.field import StrawberryField

from api.graphql.access import BACKREF, scope_of

Step = Callable[[Any], Any]
Nodes = list[FieldNode]


@dataclass(frozen=True)
class Plain:
    """A field read from the object that holds it, and made JSON."""

    read: Step
    complete: Step


class PlannedExecution(ExecutionContext):
    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        fields: dict[str, Nodes],
    ) -> AwaitableOrValue[dict[str, Any]]:
        results: dict[str, Any] = {}
        waiting: list[str] = []
        for name, nodes, plain in self._plan(parent_type, fields):
            if plain is not None:
                try:
                    results[name] = plain.complete(plain.read(source_value))
                    continue
                except Exception:  # noqa: S110
                    pass  # done again below, where the error gets its place in the answer
            result = self.execute_field(
                parent_type, source_value, nodes, Path(path, name, parent_type.name)
            )
            if result is not Undefined:
                results[name] = result
                if self.is_awaitable(result):
                    waiting.append(name)
        return _gathered(results, waiting) if waiting else results

    def _plan(
        self, parent_type: GraphQLObjectType, fields: dict[str, Nodes]
    ) -> list[tuple[str, Nodes, Plain | None]]:
        plans: dict[int, Any] = self.__dict__.setdefault("plans", {})
        found = plans.get(id(fields))
        if found is None:
            plan = [
                (name, nodes, self._plain(parent_type, nodes)) for name, nodes in fields.items()
            ]
            # The dictionary is kept with its plan, so that its id can't be given to another.
            plans[id(fields)] = found = (plan, fields)
        return cast("list[tuple[str, Nodes, Plain | None]]", found[0])

    def _plain(self, parent_type: GraphQLObjectType, nodes: Nodes) -> Plain | None:
        if nodes[0].name.value == "__typename":
            return Plain(lambda _source: parent_type.name, str)
        field = parent_type.fields.get(nodes[0].name.value)
        if field is None or scope_of(field) is not None:
            return None
        read = self._reader(field, nodes[0])
        complete = None if read is None else self._completer(field.type, nodes)
        return None if read is None or complete is None else Plain(read, complete)

    def _reader(self, field: GraphQLField, node: FieldNode) -> Step | None:
        """How to get the field's value without asking anyone else; none where that can't be."""
        definition = field.extensions.get(BACKREF)
        if not isinstance(definition, StrawberryField) or definition.extensions:
            return None
        resolver = definition.base_resolver
        if resolver is None:
            return attrgetter(definition.python_name)
        if definition.is_async or resolver.info_parameter or not resolver.self_parameter:
            return None
        try:
            arguments = get_argument_values(field, node, self.variable_values)
        except GraphQLError:
            return None
        given = {name: value for name, value in arguments.items() if value is not None}
        # Other arguments would have to be converted, which is Strawberry's own business.
        if not all(name.islower() and isinstance(each, Enum) for name, each in given.items()):
            return None
        function = cast(Step, resolver.wrapped_func)
        return partial(_call, function, given) if given else function

    def _completer(self, kind: GraphQLOutputType, nodes: Nodes) -> Step | None:
        """How to make JSON of a value of this type; none where its subtree isn't plain."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, nodes)
        complete = self._present(kind, nodes)
        return None if complete is None else partial(_optional, complete)

    def _present(self, kind: GraphQLOutputType, nodes: Nodes) -> Step | None:
        if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            return partial(_leaf, kind.serialize)
        if isinstance(kind, GraphQLList):
            item = self._completer(kind.of_type, nodes)
            return None if item is None else partial(_list, item)
        if not isinstance(kind, GraphQLObjectType):
            return None
        entries = []
        for name, below in self.collect_subfields(kind, nodes).items():
            plain = self._plain(kind, below)
            if plain is None:
                return None
            entries.append((name, plain.read, plain.complete))
        return partial(_object, entries)


def _call(function: Callable[..., Any], arguments: dict[str, Any], source: Any) -> Any:
    return function(source, **arguments)


def _optional(complete: Step, value: Any) -> Any:
    return None if value is None else complete(value)


def _leaf(serialize: Step, value: Any) -> Any:
    if value is None:
        raise TypeError("a value is missing")
    return serialize(value)


def _list(item: Step, values: Any) -> list[Any]:
    return [item(value) for value in values]


def _object(entries: list[tuple[str, Step, Step]], source: Any) -> dict[str, Any]:
    if source is None:
        raise TypeError("an object is missing")
    return {name: complete(read(source)) for name, read, complete in entries}


async def _gathered(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    values = await asyncio.gather(*(results[name] for name in waiting))
    results.update(zip(waiting, values, strict=True))
    return results
