"""Two databases behind one address: a key opens one of them and nothing of the other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from api.audit_keeping import AuditKeeper
from api.db.engine import make_engine
from api.db.keys import create_key
from api.domain.keys import key_hash, new_key
from api.domain.personal_data import PersonalDataCipher
from api.settings import Settings
from tests.api.conftest import Api, clock, running, seed, settings_for
from tests.api.seed import Seeder
from tests.conftest import administer

PAGE = "{ customers(first: 100) { edges { node { id externalId name } } } }"
LIVE_SIZE, TEST_SIZE = 30, 7
EVERYTHING = ["admin"]


@pytest.fixture
def test_url(database_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The database of the test realm, where the settings expect it."""
    url = settings_for(database_url).resolved_test_database_url
    if url.startswith("sqlite"):
        shutil.copy(request.getfixturevalue("sqlite_template"), make_url(url).database or "")
        yield url
        return
    server_url, name = request.getfixturevalue("postgres_url"), make_url(url).database
    administer(server_url, f"CREATE DATABASE {name} TEMPLATE template_echelon")
    yield url
    administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def both(engine: Engine, database_url: str, test_url: str) -> AsyncIterator[Api]:
    keys = seed(engine, LIVE_SIZE)
    invented = make_engine(test_url)
    secret = settings_for(database_url).of_test_realm().root_secret()
    Seeder(invented, secret, TEST_SIZE).run()
    keys["test"] = create_key(invented, "admin", EVERYTHING, None, clock, realm="test")
    async with running(database_url, keys) as api:
        yield api


def test_the_test_database_lies_beside_the_other(tmp_path: Path) -> None:
    given = Settings(data_dir=tmp_path, secret_key="s" * 32)
    assert given.resolved_test_database_url == f"sqlite:///{tmp_path}/echelon_test.db"
    served = Settings(database_url="postgresql://u:p@h/echelon", secret_key="s" * 32)
    assert served.resolved_test_database_url == "postgresql://u:p@h/echelon_test"
    chosen = Settings(test_database_url="sqlite:////t/t.db", secret_key="s" * 32, data_dir=tmp_path)
    assert chosen.of_test_realm().resolved_database_url == "sqlite:////t/t.db"


def test_the_realms_share_no_secret_and_no_folder(tmp_path: Path) -> None:
    live = Settings(data_dir=tmp_path, secret_key="s" * 32)
    test = live.of_test_realm()
    sealed = PersonalDataCipher(test.root_secret()).encrypt("name", "C1", "Anna")
    assert not PersonalDataCipher(live.root_secret()).sealed(sealed)
    for folder in ("fact_store", "model_dir", "artifact_root"):
        assert getattr(test, folder) != getattr(live, folder)
    assert test.resolved_mlflow_uri != live.resolved_mlflow_uri


async def test_each_key_sees_the_customers_of_its_realm_only(both: Api) -> None:
    live = (await both.ask(PAGE, "admin"))["customers"]["edges"]
    test = (await both.ask(PAGE, "test"))["customers"]["edges"]
    assert (len(live), len(test)) == (LIVE_SIZE, TEST_SIZE)
    assert all(edge["node"]["name"] for edge in test)
    beyond = live[-1]["node"]["id"]
    assert (await both.ask(f'{{ node(id: "{beyond}") {{ id }} }}', "test"))["node"] is None


async def test_a_change_with_a_test_key_leaves_the_live_rows_alone(
    both: Api, engine: Engine, test_url: str
) -> None:
    change = (
        'mutation { setTierOverride(input: {externalId: "C00001", tier: "gold", '
        'reason: "trial", expiresOn: "2027-01-01"}) { userErrors { message } } }'
    )
    assert (await both.ask(change, "test"))["setTierOverride"]["userErrors"] == []
    with engine.connect() as connection:
        assert not connection.scalar(text("SELECT count(*) FROM overrides WHERE reason = 'trial'"))
    with make_engine(test_url).connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM overrides WHERE reason = 'trial'"))


async def test_a_cursor_of_one_realm_is_none_of_the_other(both: Api) -> None:
    page = "{ customers(first: 2) { pageInfo { endCursor } } }"
    cursor = (await both.ask(page, "admin"))["customers"]["pageInfo"]["endCursor"]
    after = f'{{ customers(first: 2, after: "{cursor}") {{ edges {{ cursor }} }} }}'
    assert (await both.codes(after, "test")) == ["INVALID_CURSOR"]


async def test_a_key_in_the_wrong_database_opens_nothing(
    both: Api, engine: Engine, test_url: str
) -> None:
    """Even where somebody copied its row: the prefix decides where it is looked up."""
    for realm, place in (("test", engine), ("live", make_engine(test_url))):
        stray = new_key(realm)
        with place.begin() as connection:
            connection.execute(
                text("UPDATE api_keys SET key_hash = :hashed WHERE name = 'admin'"),
                {"hashed": key_hash(stray)},
            )
        answer = await both.client.post(
            "/graphql",
            json={"query": "{ __typename }"},
            headers={"Authorization": f"Bearer {stray}"},
        )
        assert answer.status_code == 401


async def test_metrics_are_those_of_the_server_and_for_live_keys(both: Api) -> None:
    for key, status in (("admin", 200), ("test", 403)):
        headers = {"Authorization": f"Bearer {both.keys[key]}"}
        assert (await both.client.get("/metrics", headers=headers)).status_code == status


async def test_a_test_key_without_a_test_database_opens_nothing(api: Api) -> None:
    api.keys = api.keys | {"test": new_key("test")}
    assert (await api.send("{ __typename }", "test")).status_code == 401


async def test_a_test_database_made_meanwhile_is_found(
    engine: Engine, database_url: str, request: pytest.FixtureRequest
) -> None:
    seconds = 0.0
    async with running(database_url, {"test": new_key("test")}) as api:
        realms = api.app.state.graphql.realms
        realms._seconds = lambda: seconds
        assert (await api.send("{ __typename }", "test")).status_code == 401
        url = request.getfixturevalue("test_url")
        made = await asyncio.to_thread(
            create_key, make_engine(url), "p", EVERYTHING, None, clock, realm="test"
        )
        api.keys["test"] = made
        assert (await api.send("{ __typename }", "test")).status_code == 401
        seconds = 5.0
        assert (await api.send("{ __typename }", "test")).status_code == 200


async def test_a_test_database_of_another_schema_is_said_to_be(
    engine: Engine, database_url: str, test_url: str
) -> None:
    with make_engine(test_url).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    async with running(database_url, {"test": new_key("test")}) as api:
        answer = await api.send("{ __typename }", "test")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_READY"
    assert "echelon db upgrade" in answer.json()["errors"][0]["message"]


async def test_a_test_database_of_another_version_is_no_bug(own_api: Api, test_url: str) -> None:
    def age() -> None:
        engine = make_engine(test_url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        engine.dispose()

    await asyncio.to_thread(age)
    answer = await own_api.client.get("/exports/risk-scores.ndjson?realm=test&key=1")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_READY"


async def test_what_keeps_the_audit_log_bears_no_requests_id(
    both: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuditKeeper.start, "__defaults__", (0.05,))
    opening = {"X-Request-Id": "a" * 20}
    await both.send("{ customers(first: 1) { edges { node { name } } } }", "test", headers=opening)
    async with asyncio.timeout(10):
        while not (told := [e for e in both.log.lines if e["event"] == "audit_checkpoint"]):
            await asyncio.sleep(0.02)
    assert not any("request_id" in each for each in told)
