"""From a document's text to its data: parse, measure, validate, execute.

graphql-core spends about 8 microseconds on each field. Most fields are plain: an attribute or a
pure method of the object at hand that gives a scalar. Those are planned once per selection set and
read directly; everything else, and every failure, takes graphql-core's own way.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any, cast

from graphql import (
    DocumentNode,
    ExecutionContext,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    execute,
    is_leaf_type,
    is_non_null_type,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import AwaitableOrValue, Path, Undefined
from strawberry.types.field import StrawberryField

from api.graphql.access import BACKREF, scope_of
from api.graphql.errors import (
    MAX_ERRORS,
    DocumentRefused,
    ExecutionTimeout,
    IntrospectionForbidden,
)
from api.graphql.limits import DocumentMeter, Limits

REMEMBERED_DOCUMENTS = 256
Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Outcome:
    """`data` is absent (`Undefined`) where nothing was executed; `code` is for uncoded errors."""

    data: Any = Undefined
    errors: tuple[Exception, ...] = ()
    code: str = "EXECUTION_FAILED"


@dataclass(frozen=True)
class _Plain:
    """A field that needs no executor: how to read it and how to write it down."""

    read: Read
    serialize: Callable[[Any], Any]
    nullable: bool


class PlannedExecution(ExecutionContext):
    """Executes plain fields in place; a plan lives as long as the selection set it is for."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        fields: dict[str, list[FieldNode]],
    ) -> AwaitableOrValue[dict[str, Any]]:
        results: dict[str, Any] = {}
        waiting: list[str] = []
        for name, nodes, plain in self._plan(parent_type, fields):
            if plain is not None:
                try:
                    value = plain.read(source_value)
                    if value is not None:
                        results[name] = plain.serialize(value)
                        continue
                    if plain.nullable:
                        results[name] = None
                        continue
                except Exception:  # noqa: S110
                    pass  # read again below, where the error gets its place in the answer
            result = self.execute_field(
                parent_type, source_value, nodes, Path(path, name, parent_type.name)
            )
            if result is not Undefined:
                results[name] = result
                if self.is_awaitable(result):
                    waiting.append(name)
        return _gathered(results, waiting) if waiting else results

    def _plan(
        self, parent_type: GraphQLObjectType, fields: dict[str, list[FieldNode]]
    ) -> list[tuple[str, list[FieldNode], _Plain | None]]:
        plans: dict[int, Any] = self.__dict__.setdefault("plans", {})
        found = plans.get(id(fields))
        if found is None:
            plan = [
                (name, nodes, self._plain(parent_type, nodes[0])) for name, nodes in fields.items()
            ]
            # The dictionary is kept with its plan, so that its id can't be given to another.
            plans[id(fields)] = found = (plan, fields)
        return cast("list[tuple[str, list[FieldNode], _Plain | None]]", found[0])

    def _plain(self, parent_type: GraphQLObjectType, node: FieldNode) -> _Plain | None:
        field = parent_type.fields.get(node.name.value)
        if field is None or scope_of(field) is not None:
            return None
        nullable = not is_non_null_type(field.type)
        kind: Any = field.type if nullable else field.type.of_type
        read = self._reader(field, node)
        if read is None or not is_leaf_type(kind):
            return None
        return _Plain(read, kind.serialize, nullable)

    def _reader(self, field: GraphQLField, node: FieldNode) -> Read | None:
        definition = field.extensions.get(BACKREF)
        if not isinstance(definition, StrawberryField) or definition.extensions:
            return None
        if definition.base_resolver is None:
            return attrgetter(definition.python_name)
        resolver = definition.base_resolver
        if definition.is_async or resolver.info_parameter or not resolver.self_parameter:
            return None
        try:
            arguments = get_argument_values(field, node, self.variable_values)
        except GraphQLError:
            return None
        function = cast(Read, resolver.wrapped_func)
        arguments = {name: each for name, each in arguments.items() if each is not None}
        if not arguments:
            return function
        if not all(
            name.islower() and isinstance(each, str | Enum) for name, each in arguments.items()
        ):
            return None
        return partial(_call, function, arguments)


def _call(function: Callable[..., Any], arguments: dict[str, Any], source: Any) -> Any:
    return function(source, **arguments)


async def _gathered(results: dict[str, Any], waiting: list[str]) -> dict[str, Any]:
    values = await asyncio.gather(*(results[name] for name in waiting))
    results.update(zip(waiting, values, strict=True))
    return results


class Executor:
    """Executes documents against one schema; remembers those that proved valid."""

    def __init__(
        self, schema: GraphQLSchema, limits: Limits | None = None, timeout_seconds: float = 30
    ) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._timeout = timeout_seconds
        self._valid: OrderedDict[str, DocumentNode] = OrderedDict()

    def prepare(
        self, query: str, variables: Mapping[str, Any], *, introspection: bool
    ) -> DocumentNode | Outcome:
        """The document if it may be executed, else why not; limits bound the time it takes."""
        document = self._valid.get(query)
        try:
            parsed = document or self._parse(query)
            cost = DocumentMeter(parsed, variables).check(self._limits)
        except (DocumentRefused, GraphQLError) as error:
            return Outcome(errors=(error,), code="SYNTAX_ERROR")
        if cost.introspects and not introspection:
            refusal = IntrospectionForbidden(
                "Introspection needs a key with the scope schema:read."
            )
            return Outcome(errors=(refusal,))
        if document is None:
            errors = validate(
                self._schema, parsed, max_errors=MAX_ERRORS, hide_suggestions=not introspection
            )
            if errors:
                return Outcome(errors=tuple(errors), code="VALIDATION_FAILED")
            self._remember(query, parsed)
        return parsed

    def _parse(self, query: str) -> DocumentNode:
        limits = self._limits
        if len(query) > limits.characters:
            raise DocumentRefused(
                "DOCUMENT_TOO_LONG",
                f"The document has {len(query):,} characters; it may have {limits.characters:,}.",
            )
        try:
            return parse(query, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
        except GraphQLError as error:
            if "Parsing aborted" not in error.message:
                raise
            code = "TOO_DEEP" if "deep" in error.message else "TOO_MANY_TOKENS"
            raise DocumentRefused(code, error.message.removeprefix("Syntax Error: ")) from None

    def _remember(self, query: str, document: DocumentNode) -> None:
        self._valid[query] = document
        if len(self._valid) > REMEMBERED_DOCUMENTS:
            self._valid.popitem(last=False)

    async def execute(
        self,
        document: DocumentNode,
        variables: Mapping[str, Any],
        operation_name: str | None,
        context: Any,
        *,
        suggestions: bool,
    ) -> Outcome:
        try:
            async with asyncio.timeout(self._timeout):
                result = execute(
                    self._schema,
                    document,
                    context_value=context,
                    variable_values=dict(variables),
                    operation_name=operation_name,
                    max_coercion_errors=MAX_ERRORS,
                    execution_context_class=PlannedExecution,
                    hide_suggestions=not suggestions,
                )
                if not isinstance(result, ExecutionResult):
                    result = await result
        except TimeoutError:
            problem = ExecutionTimeout(f"The answer took more than {self._timeout:g} seconds.")
            return Outcome(data=None, errors=(problem,))
        errors = tuple(result.errors or ())
        if result.data is None and all(error.path is None for error in errors):
            return Outcome(errors=errors, code="BAD_REQUEST")
        return Outcome(result.data, errors, "INVALID_INPUT")
