"""Opens the databases that the web process answers from."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from structlog.typing import FilteringBoundLogger

from api.audit_keeping import AuditKeeper
from api.db.audit_files import make_read_log_engine, open_reads, reads_url
from api.db.audit_reads import ReadLog
from api.db.databases import has_schema
from api.db.engine import Patience, make_async_engine, make_engine
from api.db.schema import LATEST_REVISION, current_revision, require_current
from api.domain.keys import RealmName
from api.domain.personal_data import derive_key
from api.errors import NotReady
from api.graphql.businesses import Businesses
from api.graphql.callers import Callers
from api.graphql.pagination import Cursors
from api.graphql.realms import Realm, Realms, Tokens
from api.issuer_settings import has_issuer
from api.rotation import cipher_of, seals_of, settle_secret
from api.settings import Settings
from api.simulation_process import Simulator

if TYPE_CHECKING:
    from api.graphql.issuer import IssuerKeys

Clock = Callable[[], dt.datetime]
ISSUER_SECONDS = 5.0


async def open_realms(
    settings: Settings, connections: int, clock: Clock, logger: FilteringBoundLogger
) -> Realms:
    """The live realm at once, the test realm when its first key comes.

    Raises:
        NotReady: the live database is missing, unreachable, older or newer than this code, or
            belongs to another secret.
    """
    engine = make_engine(settings.resolved_database_url)
    await asyncio.to_thread(require_current, engine)
    await asyncio.to_thread(settle_secret, engine, settings, clock())
    await asyncio.to_thread(open_reads, settings.resolved_database_url)

    async def open_test() -> Realm | None:
        test = settings.of_test_realm()
        engine = make_engine(test.resolved_database_url)
        if await asyncio.to_thread(test_database_exists, engine):
            await asyncio.to_thread(settle_secret, engine, test, clock())
            await asyncio.to_thread(open_reads, test.resolved_database_url)
            return _realm("test", test, connections, clock, logger)
        return None

    people = _people(settings, clock, logger)
    live = _realm("live", settings, connections, clock, logger)
    return Realms(live, open_test, people)


def issuer_keys(settings: Settings, logger: FilteringBoundLogger) -> IssuerKeys:
    """The public keys of the issuer that the settings name."""
    # Only who has an issuer pays for what checks its tokens.
    import httpx

    from api.graphql.issuer import IssuerKeys

    client = httpx.AsyncClient(timeout=ISSUER_SECONDS, follow_redirects=False)
    return IssuerKeys(settings.oidc_issuer, settings.oidc_jwks_url, client, logger)


def _people(settings: Settings, clock: Clock, logger: FilteringBoundLogger) -> Tokens | None:
    """Who issues tokens for people here; none where nobody does.

    Raises:
        InvalidInput: only half of what is needed is set.
    """
    if not has_issuer(settings):
        return None
    from api.graphql.people import Claims, People

    keys = issuer_keys(settings, logger)
    claims = Claims(settings.oidc_roles_claim, settings.oidc_owner_claim, settings.oidc_name_claim)
    return People(settings.oidc_issuer, settings.oidc_audience, claims, keys, clock)


def test_database_exists(engine: Engine) -> bool:
    """Whether there is one.

    Raises:
        NotReady: it has another schema than this code.
    """
    if not has_schema(engine):
        return False  # never made, or not to be reached: `echelon doctor` tells which
    with engine.connect() as connection:
        if current_revision(connection) != LATEST_REVISION:
            raise NotReady(
                "The test database has the schema of another version. Run: echelon db upgrade"
            )
    return True


def _realm(
    name: RealmName,
    settings: Settings,
    connections: int,
    clock: Clock,
    logger: FilteringBoundLogger,
) -> Realm:
    url, secret = settings.resolved_database_url, settings.root_secret()
    previous = settings.previous_secrets()
    patience = Patience(settings.lock_seconds, settings.execution_seconds)
    engine = make_async_engine(url, connections, patience)
    seals, cipher = seals_of(settings), cipher_of(settings)
    beside = None if reads_url(url) == url else make_async_engine(reads_url(url), connections)
    reads = ReadLog(make_read_log_engine(url), seals, beside)
    audit = AuditKeeper(engine, reads, seals, cipher, clock, logger)
    audit.start()
    return Realm(
        name=name,
        engine=engine,
        secret=secret,
        businesses=Businesses(engine),
        callers=Callers(engine, name, clock, logger),
        cursors=Cursors(*(derive_key(each, "cursors") for each in (secret, *previous))),
        cipher=cipher,
        simulator=Simulator(url),
        seals=seals,
        audit=audit,
    )
