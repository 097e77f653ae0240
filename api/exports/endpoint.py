"""The export endpoint: who asks, for what, and the answer as it is made."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from structlog.typing import FilteringBoundLogger

from api.db.callers import caller_of_key
from api.domain.keys import Caller, RealmName
from api.domain.money import exponent_of
from api.errors import Forbidden, InvalidInput, NotReady, Unauthenticated
from api.exports.asked import Asked, parse_asked
from api.exports.formats import FORMATS, coding_for
from api.exports.job import Job
from api.exports.planning import Reader, job_of
from api.exports.signing import LONGEST_SECONDS, is_signed, read_signed, signed_address
from api.exports.streaming import ExportResponse
from api.exports.workers import ExportRefused, ExportsBusy, Workers
from api.graphql.charging import Charge
from api.graphql.departures import CLIENT_LEFT, ClientLeft, while_connected
from api.graphql.endpoint import GraphQLEndpoint
from api.graphql.realms import Realm
from api.graphql.transport import Refusal

ROWS_A_POINT = 1_000
"""An export is charged by what it delivers: a page of the feed costs far more a row."""
EXPORTS_AT_ONCE = 2
SCOPE = "scores:read"
STATUSES = {"CURSOR_EXPIRED": 410}
BUSY_SECONDS = "5"


@dataclass
class ExportEndpoint:
    """Exports of scores, by a key or by a signed address; `graphql` knows keys and realms.

    `folder_of` says where a realm keeps parts of its feed.
    """

    graphql: GraphQLEndpoint
    clock: Callable[[], dt.datetime]
    logger: FilteringBoundLogger
    folder_of: Callable[[RealmName], Path]
    workers: Workers = field(default_factory=lambda: Workers(EXPORTS_AT_ONCE))

    async def __call__(self, request: Request) -> Response:
        """Raises:
        Refusal: why there is nothing to deliver.
        """
        kind = request.path_params["format"]
        if kind not in FORMATS:
            known = ", ".join(FORMATS)
            raise Refusal(404, "NOT_FOUND", f"Scores are exported as {known}.")
        try:
            if request.method == "POST":
                return await self._sign(request)
            return await self._export(request, kind)
        except ExportRefused as error:
            raise Refusal(STATUSES.get(error.code, 400), error.code, str(error)) from None
        except ExportsBusy as error:
            raise Refusal(503, error.code, str(error), {"Retry-After": BUSY_SECONDS}) from None
        except ClientLeft:
            return Response(status_code=CLIENT_LEFT)
        except NotReady as error:
            raise Refusal(503, error.code, str(error)) from None
        except InvalidInput as error:
            raise Refusal(400, error.code, str(error)) from None
        except Forbidden as error:
            raise Refusal(403, error.code, str(error)) from None

    async def _sign(self, request: Request) -> Response:
        """An address that opens this export for some minutes without the key."""
        caller = await self.graphql.authenticate(request)
        self._require_rights(caller)
        self.graphql.charging.open(caller, request)
        if caller.key_id is None:
            raise Forbidden("Addresses are signed for keys, and you come with a token.")
        asked = parse_asked(request.query_params.multi_items())
        realm = self.graphql.realms.of(caller)
        job_of(asked, request.path_params["format"], await self._reader(realm))
        expires = self.clock() + dt.timedelta(seconds=LONGEST_SECONDS)
        secret, path = realm.secret, request.url.path
        query = [*asked.query().items(), *_realm_mark(caller)]
        address = signed_address(secret, path, query, caller.key_id, expires)
        content = {"url": address, "expiresAt": expires.replace(microsecond=0).isoformat()}
        return JSONResponse(content, status_code=201)

    async def _caller(self, request: Request) -> tuple[Caller, Asked]:
        query = request.query_params.multi_items()
        if not is_signed(query):
            caller = await self.graphql.authenticate(request)
            return caller, parse_asked(query)
        try:
            return await self._signed(request, query)
        except Unauthenticated as error:
            raise Refusal(401, error.code, str(error)) from None

    async def _signed(self, request: Request, query: list[tuple[str, str]]) -> tuple[Caller, Asked]:
        """Whoever holds a signed address is the key that it was signed for."""
        name: RealmName = "test" if ("realm", "test") in query else "live"
        realm = await self.graphql.realms.named(name)
        if realm is None:
            raise Unauthenticated("This address opens nothing, or no longer: ask for a new one.")
        key_id, rest = read_signed(realm.secret, request.url.path, query, self.clock())
        caller = await caller_of_key(realm.engine, key_id, realm.name, self.clock())
        if caller is None:
            raise Unauthenticated("The key that this address was signed for works no longer.")
        request.state.caller = caller
        return caller, parse_asked([pair for pair in rest if pair[0] != "realm"])

    async def _export(self, request: Request, kind: str) -> Response:
        caller, asked = await self._caller(request)
        self._require_rights(caller)
        charge = self.graphql.charging.open(caller, request)
        realm = self.graphql.realms.of(caller)
        coding = coding_for(kind, request.headers.get("accept-encoding", ""))
        reader = await self._reader(realm)
        job = job_of(asked, kind, reader, coding=coding, head=request.method == "HEAD")
        answer = ExportResponse(self.workers, self.logger, FORMATS[kind], coding)
        found = await while_connected(
            request, answer.begin(self._request(job, realm), caller.identity)
        )
        try:
            self._charge(charge, found["rows"])
            answer.headers.update(self._facts(found, job, realm, kind))
        except BaseException:
            await answer.abandon()
            raise
        if job.head:
            await answer.end()
            return _without_body(answer)
        return answer

    def _charge(self, charge: Charge, rows: int) -> None:
        """Every key may export as many rows as it likes, but not again and again at once."""
        points = charge.taken + math.ceil(rows / ROWS_A_POINT)
        charge.take(min(points, max(int(charge.allowance.burst), charge.taken)))

    async def _reader(self, realm: Realm) -> Reader:
        business = await realm.businesses.current()
        exponent = exponent_of(business.installation.base_currency)
        dialect = realm.engine.dialect.name
        parts = str(self.folder_of(realm.name))
        return Reader(dialect, business.fields, exponent, realm.cursors.feed, parts)

    @staticmethod
    def _request(job: Job, realm: Realm) -> dict[str, Any]:
        url = realm.engine.url.render_as_string(hide_password=False)
        return {"url": url, "key": realm.cursors.feed.key.hex(), "job": job.document()}

    @staticmethod
    def _facts(found: dict[str, Any], job: Job, realm: Realm, kind: str) -> dict[str, str]:
        """What is known before the first row, as headers."""
        cursor = realm.cursors.feed.encode(job.listing, found["last"], found["last"])
        return {
            "Echelon-Row-Count": str(found["rows"]),
            "Echelon-Model-Version": found["model_version"],
            "Echelon-As-Of": found["as_of"],
            "Echelon-Next-Cursor": cursor,
            "Content-Disposition": f'attachment; filename="risk-scores.{kind}"',
        }

    def _require_rights(self, caller: Caller) -> None:
        if not caller.may(SCOPE):
            raise Forbidden(f"Exports of scores need a key with the scope {SCOPE}.")
        if caller.owner is not None:
            raise Forbidden("Exports are about all customers, and this key sees its owner's only.")
        if self.graphql.documents.mode_of(caller) == "only":
            raise Forbidden("Exports are no stored document, and this key sends those only.")


def _without_body(answer: Response) -> Response:
    """The answer to HEAD: the same headers, and no length, which nobody knows."""
    bare = Response(headers=dict(answer.headers))
    del bare.headers["content-length"]
    return bare


def _realm_mark(caller: Caller) -> list[tuple[str, str]]:
    return [] if caller.realm == "live" else [("realm", caller.realm)]
