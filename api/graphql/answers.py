"""Answers as bytes: data, errors, and what the request cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from graphql.pyutils import Undefined
from starlette.requests import Request
from starlette.responses import Response

from api.graphql.charging import Charge
from api.graphql.errors import FormattedError, coded
from api.graphql.language import Language, message_in, preferred_language
from api.graphql.transport import JSON_TYPE, Refusal


def answer(
    kind: str,
    status: int,
    errors: Sequence[FormattedError],
    data: Any = Undefined,
    charge: Charge | None = None,
) -> Response:
    content: dict[str, Any] = {}
    if errors:
        content["errors"] = errors
    if data is not Undefined:
        content["data"] = data
    if charge is not None:
        content["extensions"] = {"cost": charge.extension}
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(body.encode(), status, media_type=f"{kind}; charset=utf-8")


def refused(request: Request, refusal: Refusal) -> Response:
    """The answer to a request that got no further than the transport."""
    kind = getattr(request.state, "answer_type", JSON_TYPE)
    charge = getattr(request.state, "charge", None)
    language = preferred_language(request.headers.get("accept-language"))
    return refusal_answer(refusal, kind, language, charge)


def refusal_answer(
    refusal: Refusal, kind: str, language: Language, charge: Charge | None = None
) -> Response:
    error = coded(message_in(str(refusal), language), refusal.code)
    response = answer(kind, refusal.status, [error], charge=charge)
    response.headers.update(refusal.headers)
    return response
