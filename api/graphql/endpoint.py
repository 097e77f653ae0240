"""The GraphQL endpoint: one request from its bytes to its answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from graphql.pyutils import Undefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from structlog.typing import FilteringBoundLogger

from api.db.snapshots import Snapshot
from api.domain.keys import Caller
from api.errors import EchelonError, NotReady
from api.graphql.admission import Admission, Arrival
from api.graphql.answers import answer
from api.graphql.authentication import Authentication
from api.graphql.charging import Charge, Charging
from api.graphql.context import Context
from api.graphql.costs import BASE_POINTS, HEAVY_POINTS
from api.graphql.departures import CLIENT_LEFT, ClientLeft, while_connected
from api.graphql.errors import ErrorFormatter, ListTooLong
from api.graphql.execution import Executor, Outcome, Prepared
from api.graphql.language import preferred_language
from api.graphql.realms import Realms
from api.graphql.recording import record_reads
from api.graphql.transport import (
    GraphQLRequest,
    Refusal,
    answer_type,
    check_address,
    check_content_type,
    parse_request,
    read_body,
    status_of,
)
from api.graphql.trusted_documents import TrustedDocuments
from api.web.pages import CONTENT_SECURITY_POLICY, graphiql_shell


@dataclass
class GraphQLEndpoint:
    realms: Realms
    executor: Executor
    authentication: Authentication
    charging: Charging
    admission: Admission
    documents: TrustedDocuments
    clock: Callable[[], dt.datetime]
    logger: FilteringBoundLogger
    count_error: Callable[[str], None] = field(default=lambda _code: None)

    async def authenticate(self, request: Request) -> Caller:
        """The caller, noted for the access log.

        Raises:
            Refusal: nothing that opens anything, what it opens isn't ready, or there came too
                many from there that opened nothing.
        """
        return await self.authentication.caller(request)

    async def get(self, request: Request) -> Response:
        """GraphiQL's shell; executes nothing, whatever the address says."""
        check_address(request)
        if "authorization" in request.headers:
            caller = await self.authenticate(request)
            self.charging.open(caller, request)
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
        charge = self.charging.open(caller, request)
        check_content_type(request.headers)
        asked = parse_request(await read_body(request))
        try:
            outcome = await self._outcome(asked, caller, request, charge)
        except ClientLeft:
            return Response(status_code=CLIENT_LEFT)
        formatter = ErrorFormatter(
            self.logger,
            request.state.request_id,
            suggestions=caller.may("schema:read"),
            language=preferred_language(request.headers.get("accept-language")),
        )
        errors = formatter.format(outcome.errors, outcome.code)
        for error in errors:
            self.count_error(error["extensions"]["code"])
        executed = outcome.data is not Undefined
        return answer(kind, status_of(kind, executed), errors, outcome.data, charge)

    async def _outcome(
        self, asked: GraphQLRequest, caller: Caller, request: Request, charge: Charge
    ) -> Outcome:
        """The answer to a request that was read, and what it cost."""
        try:
            text = await self.documents.text(asked, self.documents.mode_of(caller))
        except EchelonError as error:
            charge.settle(BASE_POINTS)
            return Outcome(errors=(error,))
        request.state.query = text
        prepared = self.executor.prepare(
            text, asked.variables, introspection=caller.may("schema:read")
        )
        if isinstance(prepared, Outcome):
            charge.settle(BASE_POINTS)
            return prepared
        self.documents.keep(asked)
        request.state.operation = asked.operation_name
        request.state.points = prepared.points
        charge.take(prepared.points)
        work = self._admitted(prepared, asked, caller, request)
        # What has begun to change something is brought to its end, whoever still listens.
        try:
            outcome = await (work if prepared.changes else while_connected(request, work))
        except Refusal:
            charge.settle(BASE_POINTS)
            raise
        try:
            charge.settle(prepared.spent(outcome.data, asked.operation_name))
        except ListTooLong as error:
            return Outcome(data=None, errors=(error,))
        return outcome

    async def _admitted(
        self, prepared: Prepared, asked: GraphQLRequest, caller: Caller, request: Request
    ) -> Outcome:
        heavy = prepared.points > HEAVY_POINTS
        arrival: Arrival | None = request.state.arrival
        async with self.admission.slot(caller.identity, heavy=heavy, arrival=arrival):
            return await self._execute(prepared, asked, caller, request)

    async def _execute(
        self, prepared: Prepared, asked: GraphQLRequest, caller: Caller, request: Request
    ) -> Outcome:
        realm = self.realms.of(caller)
        snapshot, log = Snapshot(realm.engine, caller.owner), realm.audit.reads
        reads = log.snapshot(snapshot)
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
                reads=reads,
            )
            outcome = await self.executor.execute(
                prepared.document,
                asked.variables,
                asked.operation_name,
                context,
                suggestions=caller.may("schema:read"),
            )
        finally:
            if prepared.changes:
                realm.businesses.forget()
            try:
                await snapshot.close()
            finally:
                await reads.close()
        await record_reads(log, context, outcome.data, request.state.query)
        request.state.replayed = context.replayed
        return outcome
