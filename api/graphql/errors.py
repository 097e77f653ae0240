"""Errors as an answer shows them: a stable code each, bugs masked, never more than a few."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError
from structlog.typing import FilteringBoundLogger

from api.errors import EchelonError, Forbidden, InvalidInput, LimitExceeded
from api.graphql.language import Language, message_in

MAX_ERRORS = 9
MAX_ERROR_BYTES = 64_000
MAX_MESSAGE = 1_000
SUGGESTION = re.compile(r"[;,.]?\s*(?:\(?did you mean\b|\(known: ).*$", re.IGNORECASE | re.DOTALL)
MASKED = "Something went wrong on our side; the log has the details under this request's id."

FormattedError = dict[str, Any]


class PageSizeRequired(InvalidInput):
    """A connection was asked for without saying how much of it."""

    code = "PAGE_SIZE_REQUIRED"


class DocumentRefused(LimitExceeded):
    """A document over one of the limits; each limit has its own code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ListTooLong(LimitExceeded):
    """A list without a page size has more entries than any document is charged for."""

    code = "LIST_TOO_LONG"


class ExecutionTimeout(LimitExceeded):
    code = "TIMEOUT"


class IntrospectionForbidden(Forbidden):
    """The schema was asked for without the right to it."""


class ErrorFormatter:
    """Turns the errors of one request into JSON; `code` names those that carry none themselves."""

    def __init__(
        self,
        logger: FilteringBoundLogger,
        request_id: str,
        suggestions: bool = False,
        language: Language = Language.EN,
    ) -> None:
        self._logger = logger
        self._request_id = request_id
        self._suggestions = suggestions
        self._language = language

    def format(self, errors: Sequence[Exception], code: str) -> list[FormattedError]:
        formatted = [self._one(error, code) for error in errors[:MAX_ERRORS]]
        if len(errors) > MAX_ERRORS:
            formatted[-1] = self._left_out(len(errors) - MAX_ERRORS + 1)
        return self._within_size(formatted, len(errors))

    def _one(self, error: Exception, code: str) -> FormattedError:
        located = error if isinstance(error, GraphQLError) else GraphQLError(str(error))
        cause = _cause(error)
        result: dict[str, Any] = {**located.formatted}
        extensions: dict[str, Any] = {"code": code}
        if isinstance(cause, EchelonError):
            extensions["code"] = cause.code
        elif not isinstance(cause, GraphQLError):
            self._log(cause, located)
            extensions = {"code": "INTERNAL", "requestId": self._request_id}
            result["message"] = MASKED
        result["message"] = message_in(self._shortened(result["message"]), self._language)
        result["extensions"] = extensions
        return result

    def _shortened(self, message: str) -> str:
        if not self._suggestions:
            # Without its suggestions, graphql-core ends some sentences twice.
            message = re.sub(r"\.\.$", ".", SUGGESTION.sub(".", message))
        return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"

    def _log(self, cause: BaseException, located: GraphQLError) -> None:
        path = ".".join(map(str, located.path or ()))
        self._logger.error(
            "unexpected_error", request_id=self._request_id, path=path, **described(cause)
        )

    @staticmethod
    def _left_out(number: int) -> FormattedError:
        return {
            "message": f"{number} more errors are left out.",
            "extensions": {"code": "TOO_MANY_ERRORS"},
        }

    def _within_size(self, formatted: list[FormattedError], total: int) -> list[FormattedError]:
        kept: list[FormattedError] = []
        size = 0
        for error in formatted:
            size += len(json.dumps(error).encode()) + 2
            if size > MAX_ERROR_BYTES - 200:
                return [*kept, self._left_out(total - len(kept))]
            kept.append(error)
        return kept


def described(error: BaseException) -> dict[str, Any]:
    """An unexpected failure for the log.

    Frames only: the text of a driver's exception may quote the values it was given.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__qualname__,
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]],
    }


def _cause(error: BaseException) -> BaseException:
    """What a resolver raised, below the wrappings that only say where."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def coded(message: str, code: str) -> FormattedError:
    """An error of the transport, before any document was read."""
    return {"message": message, "extensions": {"code": code}}
