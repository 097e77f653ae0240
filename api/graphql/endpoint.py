"""The GraphQL endpoint: one request from its bytes to its answer."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, OperationDefinitionNode, OperationType
from graphql.pyutils import Undefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from structlog.typing import FilteringBoundLogger

from api.db.snapshots import Snapshot
from api.domain.keys import Caller
from api.errors import NotReady, Unauthenticated
from api.graphql.context import Context
from api.graphql.errors import ErrorFormatter, FormattedError, coded
from api.graphql.execution import Executor, Outcome
from api.graphql.language import preferred_language
from api.graphql.realms import Realms
from api.graphql.transport import (
    JSON_TYPE,
    GraphQLRequest,
    Refusal,
    answer_type,
    check_address,
    check_content_type,
    parse_request,
    read_body,
    status_of,
)
from api.web.pages import CONTENT_SECURITY_POLICY, graphiql_shell

SLOT_SECONDS = 10.0


@dataclass
class GraphQLEndpoint:
    realms: Realms
    executor: Executor
    clock: Callable[[], dt.datetime]
    logger: FilteringBoundLogger
    slots: asyncio.Semaphore
    count_error: Callable[[str], None] = field(default=lambda _code: None)

    async def authenticate(self, request: Request) -> Caller:
        """The caller, noted for the access log.

        Raises:
            Refusal: nothing that opens anything, or what it opens isn't ready.
        """
        try:
            caller = await self.realms.caller(request.headers.get("authorization"))
        except Unauthenticated as error:
            headers = {"WWW-Authenticate": 'Bearer realm="echelon"'}
            raise Refusal(401, error.code, str(error), headers) from None
        except NotReady as error:
            raise Refusal(503, error.code, str(error), {"Retry-After": "5"}) from None
        request.state.caller = caller
        return caller

    async def get(self, request: Request) -> Response:
        """GraphiQL's shell; executes nothing, whatever the address says."""
        check_address(request)
        if "authorization" in request.headers:
            caller = await self.authenticate(request)
            if not caller.may("schema:read"):
                raise Refusal(403, "FORBIDDEN", "GraphiQL needs a key with the scope schema:read.")
        try:
            shell = graphiql_shell()
        except NotReady as error:
            raise Refusal(503, error.code, str(error)) from None
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return HTMLResponse(shell, headers=headers)

    async def post(self, request: Request) -> Response:
        caller = await self.authenticate(request)
        kind = answer_type(request.headers.get("accept"))
        request.state.answer_type = kind
        check_content_type(request.headers)
        asked = parse_request(await read_body(request))
        outcome = await self._outcome(asked, caller, request)
        formatter = ErrorFormatter(
            self.logger, request.state.request_id, suggestions=caller.may("schema:read")
        )
        errors = formatter.format(outcome.errors, outcome.code)
        for error in errors:
            self.count_error(error["extensions"]["code"])
        executed = outcome.data is not Undefined
        return answer(kind, status_of(kind, executed), errors, outcome.data)

    async def _outcome(self, asked: GraphQLRequest, caller: Caller, request: Request) -> Outcome:
        may_introspect = caller.may("schema:read")
        document = self.executor.prepare(asked.query, asked.variables, introspection=may_introspect)
        if isinstance(document, Outcome):
            return document
        request.state.operation = asked.operation_name
        await self._wait_for_slot()
        realm = self.realms.of(caller)
        snapshot = Snapshot(realm.engine)
        try:
            context = Context(
                caller=caller,
                engine=realm.engine,
                snapshot=snapshot,
                business=await realm.businesses.current(),
                cursors=realm.cursors,
                cipher=realm.cipher,
                language=preferred_language(request.headers.get("accept-language")),
                now=self.clock(),
                simulator=realm.simulator,
                seals=realm.seals,
                request_id=request.state.request_id,
            )
            return await self.executor.execute(
                document, asked.variables, asked.operation_name, context, suggestions=may_introspect
            )
        finally:
            if changes(document):
                realm.businesses.forget()
            await snapshot.close()
            self.slots.release()

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(SLOT_SECONDS):
                await self.slots.acquire()
        except TimeoutError:
            raise Refusal(
                503,
                "OVERLOADED",
                "Too many requests are being worked on; try again.",
                {"Retry-After": "1"},
            ) from None


def changes(document: DocumentNode) -> bool:
    return any(
        isinstance(each, OperationDefinitionNode) and each.operation is OperationType.MUTATION
        for each in document.definitions
    )


def answer(
    kind: str, status: int, errors: Sequence[FormattedError], data: Any = Undefined
) -> Response:
    content: dict[str, Any] = {}
    if errors:
        content["errors"] = errors
    if data is not Undefined:
        content["data"] = data
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(body.encode(), status, media_type=f"{kind}; charset=utf-8")


def refused(request: Request, refusal: Refusal) -> Response:
    """The answer to a request that got no further than the transport."""
    kind = getattr(request.state, "answer_type", JSON_TYPE)
    response = answer(kind, refusal.status, [coded(str(refusal), refusal.code)])
    response.headers.update(refusal.headers)
    return response
