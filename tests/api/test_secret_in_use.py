"""A database belongs to one root secret; who has another one, or a former one, seals nothing."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from api.db.secret_in_use import take_over
from api.db.writes import writing
from api.domain.audit import Seals
from api.domain.personal_data import PersonalDataCipher
from api.errors import NotReady
from tests.api.conftest import Api, clock, running, seed
from tests.api.mutation_samples import SAMPLES, Samples
from tests.api.seed_facts import NOW
from tests.conftest import TEST_SECRET

NEW = b"another secret for tests, just as useless"
FORMER = [TEST_SECRET.encode()]


def renew(engine: Engine) -> None:
    """As somebody does it who has both secrets."""
    with writing(engine) as connection:
        take_over(connection, PersonalDataCipher(NEW, FORMER), Seals(NEW, FORMER), NOW)


async def test_a_server_with_another_secret_does_not_start(
    engine: Engine, database_url: str
) -> None:
    keys = await asyncio.to_thread(seed, engine, 5)
    with pytest.raises(NotReady, match="under another secret"):
        async with running(database_url, keys, settings={"secret_key": SecretStr("w" * 40)}):
            pass


@pytest.mark.parametrize("key", [None, "key 1"])
async def test_a_server_that_was_not_started_anew_changes_nothing(
    own_api: Api, engine: Engine, key: str | None
) -> None:
    await asyncio.to_thread(renew, engine)
    name, sample = "setTierOverride", SAMPLES["setTierOverride"]
    answer = await Samples(own_api).call(name, sample, sample.arguments, key)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_READY"
    assert "Start it again" in answer["errors"][0]["message"]
    # What it reads it can still open.
    document = '{ customer(externalId: "C00001") { name } }'
    assert (await own_api.ask(document, "admin"))["customer"]["name"]


async def test_nor_does_it_seal_its_reads_into_the_chain_of_changes(
    own_api: Api, engine: Engine
) -> None:
    await own_api.ask('{ customer(externalId: "C00001") { name } }', "admin")
    await asyncio.to_thread(renew, engine)
    await own_api.app.state.graphql.realms.live.audit.tidy()
    postponed = [each for each in own_api.log.lines if each["event"] == "audit_postponed"]
    assert [each["error"] for each in postponed] == ["NotReady"]


def test_what_holds_nothing_sealed_is_anybodys(engine: Engine) -> None:
    for secret in (b"a" * 40, b"b" * 40):
        with writing(engine) as connection:
            take_over(connection, PersonalDataCipher(secret), Seals(secret), clock())
