"""Executes the plain parts of a document without graphql-core's machinery.

graphql-core spends about 8 microseconds on each field. Most of our fields are plain: an attribute
or a pure method of the object at hand, down to scalars. Such a subtree is planned once a request
and then read directly. What such a subtree has to load, it loads
for all its objects first. Everything else, and every failure, takes graphql-core's own way,
which also gives errors their place.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
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
    GraphQLResolveInfo,
    GraphQLScalarType,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import AwaitableOrValue, Path, Undefined
from strawberry.types.field import StrawberryField

from api.graphql.access import BACKREF, PERSONAL, opens, scopes_of
from api.graphql.context import Finished
from api.graphql.described import LOADING

Step = Callable[[Any], Any]
Collect = Callable[[Any], Iterator[Awaitable[Any]]]
Nodes = list[FieldNode]


@dataclass(frozen=True)
class Part:
    """How a value becomes JSON, and what has to be loaded before."""

    complete: Step
    collect: Collect | None = None


@dataclass(frozen=True)
class Plain:
    """A field that its object can answer, once what `collect` names is loaded."""

    read: Step
    complete: Step
    collect: Collect | None = None


class PlannedExecution(ExecutionContext):
    looks_ahead = True
    """Whether it takes answers that are finished (`api.graphql.ahead`)."""

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_nodes: Nodes,
        info: GraphQLResolveInfo,
        path: Path,
        result: Any,
    ) -> AwaitableOrValue[Any]:
        if isinstance(result, Finished):
            return result.data
        return super().complete_value(return_type, field_nodes, info, path, result)

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
            usual = partial(
                self.execute_field,
                parent_type,
                source_value,
                nodes,
                Path(path, name, parent_type.name),
            )
            if plain is None:
                result = usual()
            elif plain.collect is None:
                result = _at_once(plain, source_value, usual)
            else:
                result = _once_loaded(plain, plain.collect, source_value, usual)
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
            plan = [(name, each, self._plain(parent_type, each)) for name, each in fields.items()]
            # The dictionary is kept with its plan, so that its id can't be given to another.
            plans[id(fields)] = found = (plan, fields)
        return cast("list[tuple[str, Nodes, Plain | None]]", found[0])

    def _plain(self, parent_type: GraphQLObjectType, nodes: Nodes) -> Plain | None:
        if nodes[0].name.value == "__typename":
            return Plain(lambda _source: parent_type.name, str)
        field = parent_type.fields.get(nodes[0].name.value)
        definition = None if field is None else field.extensions.get(BACKREF)
        if field is None or not isinstance(definition, StrawberryField):
            return None
        # What is personal is noted where it is read, which only the guard does.
        if PERSONAL.scope in scopes_of(field) or not opens(field, self.context_value.caller):
            return None
        loading = definition.metadata.get(LOADING)
        if loading is None and definition.is_async:
            return None  # before anything below is looked at
        part = self._part(field.type, nodes)
        if part is None:
            return None
        if loading is not None:
            given = self._arguments(field, nodes[0], Enum | int)
            if given is None or part.collect is not None:
                return None
            collect = partial(_load, partial(_call, loading.load, given))
            return Plain(partial(_call, loading.answer, given), part.complete, collect)
        read = self._reader(field, definition, nodes[0])
        if read is None:
            return None
        below = None if part.collect is None else partial(_below, read, part.collect)
        return Plain(read, part.complete, below)

    def _reader(
        self, field: GraphQLField, definition: StrawberryField, node: FieldNode
    ) -> Step | None:
        """How to get the field's value without asking anyone else; none where that can't be."""
        resolver = definition.base_resolver
        if resolver is None:
            return attrgetter(definition.python_name)
        if definition.is_async or resolver.info_parameter or not resolver.self_parameter:
            return None
        given = self._arguments(field, node, Enum)
        return None if given is None else partial(_call, cast(Step, resolver.wrapped_func), given)

    def _arguments(self, field: GraphQLField, node: FieldNode, kinds: Any) -> dict[str, Any] | None:
        """The arguments, if they need no conversion, which would be Strawberry's own business."""
        try:
            arguments = get_argument_values(field, node, self.variable_values)
        except GraphQLError:
            return None
        given = {name: value for name, value in arguments.items() if value is not None}
        usable = all(name.islower() and isinstance(each, kinds) for name, each in given.items())
        return given if usable else None

    def _part(self, kind: GraphQLOutputType, nodes: Nodes) -> Part | None:
        """How to make JSON of a value of this type; none where its subtree isn't plain."""
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type, nodes)
        part = self._present(kind, nodes)
        return None if part is None else Part(partial(_optional, part.complete), part.collect)

    def _present(self, kind: GraphQLOutputType, nodes: Nodes) -> Part | None:
        if isinstance(kind, GraphQLScalarType | GraphQLEnumType):
            return Part(partial(_leaf, kind.serialize))
        if isinstance(kind, GraphQLList):
            item = self._part(kind.of_type, nodes)
            if item is None:
                return None
            collect = None if item.collect is None else partial(_of_each, item.collect)
            return Part(partial(_list, item.complete), collect)
        if not isinstance(kind, GraphQLObjectType):
            return None
        entries, collects = [], []
        for name, below in self.collect_subfields(kind, nodes).items():
            plain = self._plain(kind, below)
            if plain is None:
                return None
            entries.append((name, plain.read, plain.complete))
            if plain.collect is not None:
                collects.append(plain.collect)
        return Part(partial(_object, entries), partial(_of_all, collects) if collects else None)


def _at_once(plain: Plain, source: Any, usual: Callable[[], Any]) -> Any:
    try:
        return plain.complete(plain.read(source))
    except Exception:
        return usual()  # fails again there, where the error gets its place in the answer


async def _once_loaded(
    plain: Plain, collect: Collect, source: Any, usual: Callable[[], Any]
) -> Any:
    try:
        await asyncio.gather(*collect(source))
        return plain.complete(plain.read(source))
    except Exception:
        result = usual()
        return await result if inspect.isawaitable(result) else result


def _call(function: Callable[..., Any], arguments: dict[str, Any], source: Any) -> Any:
    return function(source, **arguments)


def _load(load: Step, source: Any) -> Iterator[Awaitable[Any]]:
    yield load(source)


def _below(read: Step, collect: Collect, source: Any) -> Iterator[Awaitable[Any]]:
    return collect(read(source))


def _of_each(collect: Collect, values: Any) -> Iterator[Awaitable[Any]]:
    for value in values or ():
        yield from collect(value)


def _of_all(collects: list[Collect], source: Any) -> Iterator[Awaitable[Any]]:
    if source is not None:
        for collect in collects:
            yield from collect(source)


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
