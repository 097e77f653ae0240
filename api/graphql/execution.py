"""From a document's text to its data: parse, measure, validate, execute."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    execute,
    parse,
    validate,
)
from graphql.pyutils import Undefined

from api.graphql.errors import (
    MAX_ERRORS,
    DocumentRefused,
    ExecutionTimeout,
    IntrospectionForbidden,
)
from api.graphql.limits import DocumentMeter, Limits
from api.graphql.mutations.execution import ChangingExecution
from api.graphql.transport import UNUSABLE

REMEMBERED_DOCUMENTS = 256
Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Outcome:
    """`data` is absent (`Undefined`) where nothing was executed; `code` is for uncoded errors."""

    data: Any = Undefined
    errors: tuple[Exception, ...] = ()
    code: str = "EXECUTION_FAILED"


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
            document = parse(query, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
            _check_texts(document)
            return document
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
