"""From a document's text to its data: parse, measure, validate, execute."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    validate,
)
from graphql.pyutils import Undefined

from api.graphql.ahead.answers import Ahead
from api.graphql.costs import Place, points, values_in
from api.graphql.errors import (
    MAX_ERRORS,
    DocumentRefused,
    ExecutionTimeout,
    IntrospectionForbidden,
)
from api.graphql.limits import Cost, DocumentMeter, Limits
from api.graphql.mutations.execution import ChangingExecution
from api.graphql.page_sizes import PageSizes
from api.graphql.transport import UNUSABLE
from api.tracing import span

REMEMBERED_DOCUMENTS = 256
MOST_COSTS = 100
"""Combinations of page sizes that are remembered of one document."""
Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Outcome:
    """`data` is absent (`Undefined`) where nothing was executed; `code` is for uncoded errors."""

    data: Any = Undefined
    errors: tuple[Exception, ...] = ()
    code: str = "EXECUTION_FAILED"


_INTROSPECTION_FORBIDDEN = Outcome(
    errors=(IntrospectionForbidden("Introspection needs a key with the scope schema:read."),)
)


@dataclass(frozen=True)
class Prepared:
    """A document that may be executed, and what it will cost at most."""

    document: DocumentNode
    places: Mapping[str | None, Place]
    points: int

    @property
    def changes(self) -> bool:
        """Whether any of its operations is a mutation."""
        return any(
            isinstance(each, OperationDefinitionNode) and each.operation is OperationType.MUTATION
            for each in self.document.definitions
        )

    def spent(self, data: Any, operation_name: str | None) -> int:
        """What an answer really cost, in points; never more than was predicted."""
        if len(self.places) == 1:
            operation_name = next(iter(self.places))
        place = self.places.get(operation_name)
        return points(0 if place is None else values_in(data, place))


@dataclass(frozen=True)
class Remembered:
    """A document that proved valid, and what it costs: that depends on nothing but page sizes."""

    document: DocumentNode
    places: Mapping[str | None, Place]
    names: Sequence[str]
    """Variables that are page sizes."""
    costs: dict[tuple[int | None, ...], Cost]

    def sizes(self, variables: Mapping[str, Any]) -> tuple[int | None, ...]:
        if not self.names:
            return ()
        sizes = PageSizes(self.document, variables)
        return tuple(sizes.of_variable(name) for name in self.names)


class Executor:
    """Executes documents against one schema; remembers those that proved valid."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits | None = None,
        timeout_seconds: float = 30,
        missed: Callable[[Exception], None] = lambda _error: None,
    ) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._timeout = timeout_seconds
        self._valid: OrderedDict[str, Remembered] = OrderedDict()
        self._ahead = Ahead(missed)

    def prepare(
        self, query: str, variables: Mapping[str, Any], *, introspection: bool
    ) -> Prepared | Outcome:
        """The document if it may be executed, else why not; limits bound the time it takes."""
        known = self._valid.get(query)
        try:
            if known is None:
                return self._validated(query, variables, introspection)
            sizes = known.sizes(variables)
            cost = known.costs.get(sizes)
            if cost is None:
                cost = DocumentMeter(self._schema, known.document, variables).check(self._limits)
                if len(known.costs) < MOST_COSTS:
                    known.costs[sizes] = cost
        except (DocumentRefused, GraphQLError) as error:
            return Outcome(errors=(error,), code="SYNTAX_ERROR")
        if cost.introspects and not introspection:
            return _INTROSPECTION_FORBIDDEN
        return Prepared(known.document, known.places, points(cost.values))

    def _validated(
        self, query: str, variables: Mapping[str, Any], introspection: bool
    ) -> Prepared | Outcome:
        """Raises:
        DocumentRefused, GraphQLError: it can't be read, or asks for too much.
        """
        document = self._parse(query)
        meter = DocumentMeter(self._schema, document, variables)
        cost = meter.check(self._limits)
        places = meter.places(self._limits)
        if cost.introspects and not introspection:
            return _INTROSPECTION_FORBIDDEN
        with span("graphql.validate"):
            errors = validate(
                self._schema,
                document,
                max_errors=MAX_ERRORS,
                hide_suggestions=not introspection,
            )
        if errors:
            return Outcome(errors=tuple(errors), code="VALIDATION_FAILED")
        known = Remembered(document, places, sorted(meter.sizes.names), {})
        known.costs[known.sizes(variables)] = cost
        self._valid[query] = known
        if len(self._valid) > REMEMBERED_DOCUMENTS:
            self._valid.popitem(last=False)
        return Prepared(document, places, points(cost.values))

    def _parse(self, query: str) -> DocumentNode:
        limits = self._limits
        if len(query) > limits.characters:
            raise DocumentRefused(
                "DOCUMENT_TOO_LONG",
                f"The document has {len(query):,} characters; it may have {limits.characters:,}.",
            )
        try:
            with span("graphql.parse"):
                document = parse(
                    query, max_lexical_tokens=limits.tokens, max_comments=limits.comments
                )
            _check_texts(document)
            return document
        except GraphQLError as error:
            if "Parsing aborted" not in error.message:
                raise
            code = "TOO_DEEP" if "deep" in error.message else "TOO_MANY_TOKENS"
            raise DocumentRefused(code, error.message.removeprefix("Syntax Error: ")) from None

    async def execute(
        self,
        document: DocumentNode,
        variables: Mapping[str, Any],
        operation_name: str | None,
        context: Any,
        *,
        suggestions: bool,
    ) -> Outcome:
        if getattr(ChangingExecution, "looks_ahead", False):
            context.ahead = self._ahead
        try:
            with span("graphql.execute"):
                async with asyncio.timeout(self._timeout):
                    result = execute(
                        self._schema,
                        document,
                        context_value=context,
                        variable_values=dict(variables),
                        operation_name=operation_name,
                        max_coercion_errors=MAX_ERRORS,
                        execution_context_class=ChangingExecution,
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


def _check_texts(document: DocumentNode) -> None:
    """Refuse control characters, which an escape can put into a text."""
    location = document.loc
    token = location.start_token if location else None
    while location and token:
        if UNUSABLE.search(token.value or ""):
            problem = "A text can't hold control characters."
            raise GraphQLSyntaxError(location.source, token.start, problem)
        token = token.next
