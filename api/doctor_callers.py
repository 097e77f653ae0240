"""What is wrong with who may call: the database of test keys, the issuer of people's tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from sqlalchemy import func, select

from api.db.databases import has_schema
from api.db.engine import make_engine
from api.db.models import RefreshRun
from api.db.schema import require_current
from api.doctor_findings import Finding
from api.errors import EchelonError, InvalidInput, IssuerUnreachable
from api.issuer_settings import has_issuer
from api.settings import Settings

MAKE_TEST_DATA = "echelon keys create --test --name NAME --role partner"


def examine_callers(settings: Settings) -> Iterator[Finding]:
    yield _test_realm(settings)
    yield _issuer(settings)


def _test_realm(settings: Settings) -> Finding:
    # Not by `of_test_realm`: its secret follows from the live one, which that would make.
    engine = make_engine(settings.resolved_test_database_url)
    if not has_schema(engine):
        if settings.test_data_dir.is_dir():
            return Finding(
                "test keys",
                "warning",
                "their database is gone or can't be reached, and with it the keys",
                f"Make them anew: {MAKE_TEST_DATA}",
            )
        return Finding("test keys", "ok", "none yet; the first makes its database")
    try:
        require_current(engine)
    except EchelonError as error:
        return Finding("test keys", "failure", f"their database: {error}")
    with engine.connect() as connection:
        published = connection.scalar(select(func.count()).select_from(RefreshRun))
    if not published:
        return Finding("test keys", "warning", "their data set is only half made", MAKE_TEST_DATA)
    return Finding("test keys", "ok", "see invented customers, in a database of their own")


def _issuer(settings: Settings) -> Finding:
    try:
        if not has_issuer(settings):
            return Finding("people", "ok", "no issuer of tokens is set: keys only")
        count = asyncio.run(_count_keys(settings))
    except InvalidInput as error:
        return Finding("people", "failure", str(error), "Set both, or none of them.")
    except IssuerUnreachable:
        return Finding(
            "people",
            "failure",
            "the public keys of their issuer can't be fetched, so nobody's token opens anything",
            "Is ECHELON_OIDC_ISSUER right, and ECHELON_OIDC_JWKS_URL where it has no discovery?",
        )
    return Finding("people", "ok", f"their issuer is reachable and has {count} keys for signatures")


async def _count_keys(settings: Settings) -> int:
    from api.realms import issuer_keys
    from api.traffic import make_logger

    keys = issuer_keys(settings, make_logger())
    try:
        return await keys.count()
    finally:
        await keys.close()
