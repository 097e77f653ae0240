"""The door in a flood: who would be refused anyhow is told so before anything else is done.

Most requests of a flood are turned away, and what each of them takes is taken from the answers to
the others. So this looks at nothing but the key, only at one that has opened something before, and
leaves one line a second in the log instead of one a request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import lru_cache

from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from api.delivery import ANSWERS_VARY
from api.drain import is_draining
from api.graphql.admission import overloaded
from api.graphql.answers import refusal_answer
from api.graphql.endpoint import GraphQLEndpoint
from api.graphql.language import Language, preferred_language
from api.graphql.transport import JSON_TYPE, Refusal, answer_type
from api.metrics import Metrics
from api.traffic import RAW_HEADERS

TOLD_EVERY_SECONDS = 1.0
RawHeaders = tuple[tuple[bytes, bytes], ...]


class TurnedAway:
    """Counts them for the metrics, and by the key's name for the log."""

    def __init__(self, metrics: Metrics, logger: FilteringBoundLogger) -> None:
        self._counters = (
            metrics.refused.labels(overloaded().code),
            metrics.requests.labels("/graphql", "POST", "503"),
        )
        self._logger = logger
        self._names = Counter[str]()

    def note(self, name: str) -> None:
        if not self._names:
            asyncio.get_running_loop().call_later(TOLD_EVERY_SECONDS, self.tell)
        self._names[name] += 1
        for counter in self._counters:
            counter.inc()

    def tell(self) -> None:
        """Write down what was counted since this was done last."""
        names, self._names = self._names, Counter()
        for name, count in sorted(names.items()):
            self._logger.info("turned_away", key=name, requests=count)


class Crowd:
    """Middleware around all others; its application has the endpoint as `state.graphql`."""

    def __init__(self, app: ASGIApp, turned_away: TurnedAway) -> None:
        self._app = app
        self._turned_away = turned_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/graphql" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        endpoint: GraphQLEndpoint = scope["app"].state.graphql
        headers = dict(scope["headers"])
        caller = endpoint.authentication.known(_text(headers, b"authorization"))
        arrival = None if caller is None else endpoint.admission.arrive(caller.identity)
        # A page of another site has to be told by headers of its own that it may read the answer.
        if caller is None or arrival is not None or b"origin" in headers:
            scope.setdefault("state", {})["arrival"] = arrival
            try:
                await self._app(scope, receive, send)
            finally:
                endpoint.admission.left(arrival)
            return
        self._turned_away.note(caller.name)
        raw, body = _answer(*_wanted(headers))
        ending = [(b"connection", b"close")] if is_draining(scope.get("state", {})) else []
        await send({"type": "http.response.start", "status": 503, "headers": [*raw, *ending]})
        await send({"type": "http.response.body", "body": body})


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _wanted(headers: dict[bytes, bytes]) -> tuple[str, Language]:
    """The media type and the language of the answer; a client that takes none of ours gets JSON."""
    try:
        kind = answer_type(_text(headers, b"accept"))
    except Refusal:
        kind = JSON_TYPE
    return kind, preferred_language(_text(headers, b"accept-language"))


@lru_cache
def _answer(kind: str, language: Language) -> tuple[RawHeaders, bytes]:
    answer = refusal_answer(overloaded(), kind, language)
    answer.headers["Content-Language"] = language.value
    answer.headers["Vary"] = ANSWERS_VARY
    return (*answer.raw_headers, *RAW_HEADERS), bytes(answer.body)
