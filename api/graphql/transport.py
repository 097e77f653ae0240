"""GraphQL over HTTP: which media types, which bodies, which status."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from api.domain.trusted_documents import parse_hash

JSON_TYPE = "application/json"
GRAPHQL_TYPE = "application/graphql-response+json"
LARGEST_BODY = 256_000
DEEPEST_JSON = 32
MOST_VALUES = 10_000
BODY_SECONDS = 10.0
DOCUMENT_PARAMETERS = frozenset({"query", "documentId", "operationName", "variables", "extensions"})
UNUSABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, which steer the terminals that show a text, and halves of characters."""


class Refusal(Exception):
    """A request that gets an answer before any document is read."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class GraphQLRequest:
    query: str
    """Empty where only an id or a hash says which document is meant."""
    variables: Mapping[str, Any]
    operation_name: str | None
    document_id: str | None = None
    persisted: bytes | None = None
    """The SHA-256 of a persisted query."""


def answer_type(accept: str | None) -> str:
    """The media type to answer in.

    Raises:
        Refusal: the client takes neither of ours.
    """
    if accept is None or not accept.strip():
        return JSON_TYPE
    weights = {JSON_TYPE: 0.0, GRAPHQL_TYPE: 0.0}
    places = {JSON_TYPE: -1, GRAPHQL_TYPE: -1}
    for place, part in enumerate(accept.split(",")):
        kind, weight = _accepted(part)
        # A wildcard means the type that every client of JSON understands.
        kind = JSON_TYPE if kind in ("*/*", "application/*") else kind
        if kind in weights and weight > weights[kind]:
            weights[kind], places[kind] = weight, -place
    best = max(weights, key=lambda kind: (weights[kind], places[kind]))
    if weights[best] <= 0:
        raise Refusal(406, "NOT_ACCEPTABLE", f"Answers come as {GRAPHQL_TYPE} or {JSON_TYPE}.")
    return best


def _accepted(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
        elif name.strip() == "charset" and value.strip('" ') not in ("utf-8", "utf8"):
            weight = 0.0
    return kind, weight


def check_address(request: Request) -> None:
    """Tell programs that GET executes nothing, where a document stands in the address.

    A browser that shows the page gets the page, whatever its address says.
    """
    asks = DOCUMENT_PARAMETERS & request.query_params.keys()
    if asks and "text/html" not in request.headers.get("accept", ""):
        raise Refusal(
            405,
            "METHOD_NOT_ALLOWED",
            "GET executes nothing: send the document by POST, as JSON.",
            {"Allow": "POST"},
        )


def check_content_type(headers: Headers) -> None:
    """Refuse what isn't JSON in UTF-8: a form post of another site's page can't be JSON."""
    kind, *parameters = (
        piece.strip().lower() for piece in headers.get("content-type", "").split(";")
    )
    charsets = [each.partition("=")[2].strip('" ') for each in parameters if "charset" in each]
    encoded = headers.get("content-encoding", "identity").strip().lower() != "identity"
    if kind != JSON_TYPE or encoded or any(each not in ("utf-8", "utf8") for each in charsets):
        raise Refusal(
            415, "UNSUPPORTED_MEDIA_TYPE", f"Send {JSON_TYPE}, in UTF-8 and uncompressed."
        )


async def read_body(request: Request) -> bytes:
    """The whole body, within limits of size and time.

    Raises:
        Refusal: it is too large, too slow, or was broken off.
    """
    too_large = Refusal(
        413, "BODY_TOO_LARGE", f"A request's body has at most {LARGEST_BODY:,} bytes."
    )
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:12]) > LARGEST_BODY:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise too_large
    except TimeoutError:
        raise Refusal(
            408, "BODY_TOO_SLOW", f"The body did not arrive within {BODY_SECONDS:g} seconds."
        ) from None
    except ClientDisconnect:
        raise Refusal(400, "BAD_REQUEST", "The request was broken off.") from None
    return bytes(body)


def parse_request(body: bytes) -> GraphQLRequest:
    """The request in a body.

    Raises:
        Refusal: says what about it can't be a GraphQL request.
    """
    content = _parse_json(body)
    if isinstance(content, list):
        raise _bad("Send one request at a time: batches are not supported.")
    if not isinstance(content, dict):
        raise _bad("The body must be a JSON object with the entry `query`.")
    _check_values(content)
    document_id, persisted = _document_id(content), _persisted(content)
    query = content.get("query")
    if query is None and (document_id is not None or persisted is not None):
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise _bad("The entry `query` must be a text: the GraphQL document.")
    variables = content.get("variables")
    if variables is not None and not isinstance(variables, dict):
        raise _bad("The entry `variables` must be an object.")
    name = content.get("operationName")
    if name is not None and not isinstance(name, str):
        raise _bad("The entry `operationName` must be a text.")
    return GraphQLRequest(query, variables or {}, name or None, document_id, persisted)


def _document_id(content: Mapping[str, Any]) -> str | None:
    found = content.get("documentId")
    if found is None:
        return None
    if not isinstance(found, str) or not found:
        raise _bad("The entry `documentId` must be a text: sha256: and 64 hexadecimal digits.")
    if content.get("query") is not None:
        raise _bad("Send `documentId` or `query`, not both.")
    return found


def _persisted(content: Mapping[str, Any]) -> bytes | None:
    """The hash of a persisted query (`extensions.persistedQuery`, version 1)."""
    extensions = content.get("extensions")
    if extensions is None:
        return None
    if not isinstance(extensions, dict):
        raise _bad("The entry `extensions` must be an object.")
    found = extensions.get("persistedQuery")
    if found is None:
        return None
    version = found.get("version") if isinstance(found, dict) else None
    digits = found.get("sha256Hash") if isinstance(found, dict) else None
    sha256 = parse_hash(digits) if isinstance(digits, str) else None
    if type(version) is not int or version != 1 or sha256 is None:
        raise _bad("`persistedQuery` takes `version: 1` and `sha256Hash`: 64 hexadecimal digits.")
    return sha256


def _bad(message: str) -> Refusal:
    return Refusal(400, "BAD_REQUEST", message)


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise _bad("The body is not UTF-8.") from None
    except RecursionError:
        raise _bad("The body is nested too deeply.") from None
    except ValueError:
        raise _bad("The body is not JSON.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_values(content: Any) -> None:
    """Refuse what no field could take: deep nesting, masses of values, unusable characters."""
    level, values = [content], 0
    for _depth in range(DEEPEST_JSON + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and UNUSABLE.search(value):
                raise _bad("The body has text with control characters or half characters.")
        if not below:
            return
        values += len(below)
        if values > MOST_VALUES:
            raise _bad(f"The body has more than {MOST_VALUES:,} names and values.")
        level = below
    raise _bad(f"The body is nested more than {DEEPEST_JSON} levels deep.")


def status_of(kind: str, executed: bool) -> int:
    """What the answer's media type makes of a request that was never executed."""
    return 400 if kind == GRAPHQL_TYPE and not executed else 200
