"""The web process, put together: settings in, ASGI application out."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from structlog.typing import FilteringBoundLogger

from api.crowd import Crowd, TurnedAway
from api.delivery import Delivery
from api.exports.endpoint import ExportEndpoint
from api.graphql.admission import Admission
from api.graphql.answers import refused
from api.graphql.authentication import Authentication
from api.graphql.charging import Charging
from api.graphql.endpoint import GraphQLEndpoint
from api.graphql.errors import ErrorFormatter, described
from api.graphql.execution import Executor
from api.graphql.limits import Limits
from api.graphql.realms import Realms
from api.graphql.schema import executable_schema
from api.graphql.transport import Refusal
from api.graphql.trusted_documents import TrustedDocuments
from api.health import Readiness, live
from api.metrics import Metrics
from api.rates import Allowance, Buckets
from api.realms import open_realms
from api.scraping import count_connections, exposition
from api.settings import Settings, load_settings
from api.tracing import Tracing, following, otlp_tracing
from api.traffic import Traffic, make_logger
from api.web.files import PageFiles, PolicyFiles, compressed
from api.web.pages import (
    GRAPHIQL_DIR,
    POLICY_CONTENT_SECURITY_POLICY,
    POLICY_DIR,
    policy_shell,
)

SPARE_CONNECTIONS = 4
"""For looking up keys and health while all slots are taken."""
BUCKETS = "rates"
"""The file in the data folder that workers share."""

Clock = Callable[[], dt.datetime]


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def app_from_environment() -> Starlette:
    """What each worker of `echelon serve` calls: workers share one account of each key."""
    settings = load_settings()
    return create_app(settings, buckets=Buckets(settings.data_dir / BUCKETS))


def create_app(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    logger: FilteringBoundLogger | None = None,
    limits: Limits | None = None,
    buckets: Buckets | None = None,
    tracing: Tracing | None = None,
) -> Starlette:
    """The application; its lifespan opens the database.

    Raises (when it starts):
        NotReady: the database is missing, unreachable, older or newer than this code.
    """
    log = logger or make_logger()
    metrics = Metrics()
    turned_away = TurnedAway(metrics, log)
    tracing = tracing or tracing_of(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        connections = settings.slots + SPARE_CONNECTIONS
        realms = await open_realms(settings, connections, clock, log)
        app.state.readiness = Readiness(realms.live.engine, clock)
        count_connections(metrics, realms.live.engine, connections)
        executor = Executor(executable_schema(), limits, settings.execution_seconds, _missed(log))
        charging = Charging(buckets or Buckets(), allowance_of(settings))
        app.state.graphql = GraphQLEndpoint(
            realms=realms,
            executor=executor,
            authentication=Authentication(realms, charging),
            charging=charging,
            admission=Admission(settings.slots, settings.most_waiting),
            documents=TrustedDocuments(realms.live.engine, settings.documents),
            clock=clock,
            logger=log,
            count_error=metrics.count_error,
        )
        async with following(tracing), _closed(app, realms), _exporting(app, settings, clock, log):
            yield

    app = Starlette(
        routes=_routes(metrics),
        middleware=_middleware(settings, log, metrics, tracing, turned_away),
        exception_handlers={Refusal: _refused, HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.state.metrics = metrics
    app.state.turned_away = turned_away
    # A redirect would be to whatever host the request claims.
    app.router.redirect_slashes = False
    return app


def _missed(logger: FilteringBoundLogger) -> Callable[[Exception], None]:
    """Notes a fault of look-ahead, which nobody sees who gets the answer."""
    return lambda error: logger.warning("look_ahead_failed", **described(error))


@asynccontextmanager
async def _closed(app: Starlette, realms: Realms) -> AsyncIterator[None]:
    try:
        yield
    finally:
        app.state.turned_away.tell()
        await app.state.readiness.close()
        await realms.close()


@asynccontextmanager
async def _exporting(
    app: Starlette, settings: Settings, clock: Clock, log: FilteringBoundLogger
) -> AsyncIterator[None]:
    app.state.exports = ExportEndpoint(app.state.graphql, clock, log, settings.export_parts_of)
    try:
        yield
    finally:
        await app.state.exports.workers.close()


def tracing_of(settings: Settings) -> Tracing | None:
    return otlp_tracing(settings.otlp_endpoint) if settings.otlp_endpoint else None


def _middleware(
    settings: Settings,
    log: FilteringBoundLogger,
    metrics: Metrics,
    tracing: Tracing | None,
    turned_away: TurnedAway,
) -> list[Middleware]:
    """From the outermost to the innermost.

    Other origins come before what masks bugs, so that their pages can read that there was one.
    """
    traffic = Middleware(
        Traffic,
        logger=log,
        metrics=metrics,
        unexpected=_masking(log, metrics),
        slow_seconds=settings.slow_request_seconds,
        tracing=tracing,
    )
    others = _other_origins(settings.allowed_origins)
    crowd = Middleware(Crowd, turned_away=turned_away)
    return [crowd, *others, traffic, Middleware(Delivery)]


def _masking(
    log: FilteringBoundLogger, metrics: Metrics
) -> Callable[[Request, Exception], Response]:
    """How a bug outside of any document's execution is answered."""

    def unexpected(request: Request, error: Exception) -> Response:
        formatter = ErrorFormatter(log, request.state.request_id)
        masked = formatter.format([error], "INTERNAL")[0]
        metrics.count_error("INTERNAL")
        return refused(request, Refusal(500, "INTERNAL", masked["message"]))

    return unexpected


def allowance_of(settings: Settings) -> Allowance:
    """What each key may spend."""
    return Allowance(settings.points_per_second, settings.points_at_once)


def _other_origins(allowed: list[str]) -> list[Middleware]:
    """Lets browsers ask for pages of these origins; keys are sent by name, cookies never."""
    if not allowed:
        return []
    shown = ["Content-Language", "Idempotent-Replayed", "RateLimit", "RateLimit-Policy"]
    shown += ["Retry-After", "X-Request-Id", "Content-Disposition", "Echelon-As-Of"]
    shown += ["Echelon-Model-Version", "Echelon-Next-Cursor", "Echelon-Row-Count"]
    named = ["Authorization", "Content-Type", "X-Request-Id", "traceparent", "tracestate"]
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=allowed,
            allow_credentials=False,
            expose_headers=shown,
            max_age=7200,
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=named,
        )
    ]


def _routes(metrics: Metrics) -> list[Route | Mount]:
    async def scrape(request: Request) -> Response:
        endpoint = _graphql(request)
        caller = await endpoint.authenticate(request)
        if caller.realm != "live" or not caller.may("metrics:read"):
            raise Refusal(403, "FORBIDDEN", "Metrics need a live key with the scope metrics:read.")
        return await exposition(metrics, endpoint.realms.live.engine, endpoint.clock())

    return [
        Route("/", _home),
        Route("/graphql", _graphql_endpoint, methods=["GET", "POST"]),
        Route("/exports/risk-scores.{format}", _exports, methods=["GET", "POST"]),
        Route("/health/live", live),
        Route("/health/ready", _ready),
        Route("/metrics", scrape),
        Route("/policy", _policy_page),
        Mount("/static/policy", compressed(PolicyFiles(directory=POLICY_DIR))),
        Mount("/static/graphiql", compressed(PageFiles(directory=GRAPHIQL_DIR, check_dir=False))),
    ]


def _graphql(request: Request) -> GraphQLEndpoint:
    return cast(GraphQLEndpoint, request.app.state.graphql)


async def _graphql_endpoint(request: Request) -> Response:
    endpoint = _graphql(request)
    return await (endpoint.post(request) if request.method == "POST" else endpoint.get(request))


async def _exports(request: Request) -> Response:
    return await cast(ExportEndpoint, request.app.state.exports)(request)


async def _policy_page(_request: Request) -> Response:
    headers = {"Content-Security-Policy": POLICY_CONTENT_SECURITY_POLICY}
    return HTMLResponse(policy_shell(), headers=headers)


async def _home(_request: Request) -> Response:
    return RedirectResponse("/graphql")


async def _ready(request: Request) -> Response:
    readiness = cast(Readiness, request.app.state.readiness)
    return await readiness(request)


async def _refused(request: Request, error: Exception) -> Response:
    refusal = cast(Refusal, error)
    cast(Metrics, request.app.state.metrics).count_refusal(refusal.code)
    return refused(request, refusal)


async def _http_error(request: Request, error: Exception) -> Response:
    """Starlette's own refusals: no such path, no such method."""
    problem = cast(HTTPException, error)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(problem.status_code, "BAD_REQUEST")
    return refused(request, Refusal(problem.status_code, code, problem.detail, problem.headers))
