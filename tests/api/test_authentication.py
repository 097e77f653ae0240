"""Who may ask for what."""

from __future__ import annotations

import asyncio
import datetime as dt
import re

import httpx
import pytest
from sqlalchemy import Engine, select

from api.db.keys import create_key, revoke_keys
from api.db.models import ApiKey
from api.domain.keys import new_key
from api.graphql.callers import REMEMBERED_SECONDS
from tests.api.conftest import Api, clock, running
from tests.api.seed_facts import NOW

PING = "{ __typename }"
ROOTS = {
    "customers:read": (
        '{ customer(externalId: "x") { id } }',
        "{ customers(first: 1) { edges { cursor } } }",
        '{ node(id: "x") { id } }',
        '{ nodes(ids: ["x"]) { id } }',
    ),
    "rules:read": (
        "{ segments { key } }",
        '{ segment(key: "x") { key } }',
        "{ tiers { key } }",
        "{ tierPolicies { key } }",
        "{ strategies { key } }",
    ),
    "statistics:read": (
        '{ tierMigration(from: "2026-01-01", to: "2026-02-01") { moved } }',
        "{ portfolio { customers } }",
        "{ models { name } }",
    ),
    "scores:read": ("{ riskScores(first: 1) { edges { cursor } } }",),
}
READERS = {"admin", "frontend", "support", "developer"}
HOLDERS = {
    "customers:read": READERS,
    "rules:read": READERS,
    "statistics:read": READERS,
    "scores:read": {"admin", "partner"},
}


@pytest.mark.parametrize("key", ["admin", "frontend", "partner", "monitor"])
@pytest.mark.parametrize("scope", sorted(ROOTS))
async def test_a_root_field_opens_to_its_scope_only(api: Api, key: str, scope: str) -> None:
    for document in ROOTS[scope]:
        answer = (await api.send(document, key)).json()
        if key in HOLDERS[scope]:
            assert "errors" not in answer, document
        else:
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
            assert scope in answer["errors"][0]["message"]
            assert list(answer["data"].values()) == [None]


async def test_personal_fields_are_null_without_their_scope(api: Api) -> None:
    document = '{ customer(externalId: "C00002") { externalId name email phone } }'
    full = (await api.ask(document, "support"))["customer"]
    assert full == {
        "externalId": "C00002",
        "name": "Clara Lopez",
        "email": "c2@example.org",
        "phone": "+442071800002",
    }
    answer = (await api.send(document, "frontend")).json()
    assert answer["data"]["customer"] == {
        "externalId": "C00002",
        "name": None,
        "email": None,
        "phone": None,
    }
    found = {error["path"][-1]: error["extensions"]["code"] for error in answer["errors"]}
    assert found == {"name": "FORBIDDEN", "email": "FORBIDDEN", "phone": "FORBIDDEN"}


@pytest.mark.parametrize("field", ["name", "email", "phone"])
async def test_personal_filters_need_their_scope(api: Api, field: str) -> None:
    document = f'{{ customers(first: 1, filter: {{{field}: "x"}}) {{ totalCount }} }}'
    assert await api.codes(document, "frontend") == ["FORBIDDEN"]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic YTpi",
        "Bearer ech_live_" + "0" * 38,
        "Bearer " + new_key(),
        "Bearer " + "é" * 47,
    ],
    ids=["none", "empty", "no_space", "no_key", "short", "basic", "zeros", "unknown", "not_ascii"],
)
async def test_no_or_wrong_keys_are_refused_alike(api: Api, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    for path, method in (("/graphql", "POST"), ("/metrics", "GET")):
        answer = await api.client.request(
            method, path, json={"query": PING} if method == "POST" else None, headers=headers
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert "valid key" in answer.json()["errors"][0]["message"]


async def test_a_mistyped_key_costs_no_statement(api: Api) -> None:
    wrong = api.keys["admin"][:-1] + ("a" if api.keys["admin"][-1] != "a" else "b")
    async with api.statements() as sent:
        answer = await api.client.post(
            "/graphql", json={"query": PING}, headers={"Authorization": f"Bearer {wrong}"}
        )
    assert answer.status_code == 401
    assert sent == []


async def test_a_revoked_key_stops_within_a_second(own_api: Api, engine: Engine) -> None:
    assert (await own_api.send(PING, "frontend")).status_code == 200
    # Beside the loop, which has to finish noting the key's use: SQLite has one writer at a time.
    await asyncio.to_thread(revoke_keys, engine, "frontend", clock)
    assert REMEMBERED_SECONDS < 1
    await asyncio.sleep(REMEMBERED_SECONDS + 0.1)
    assert (await own_api.send(PING, "frontend")).status_code == 401


async def test_an_expired_key_is_refused(engine: Engine, database_url: str) -> None:
    key = create_key(engine, "short", ["admin"], NOW + dt.timedelta(hours=1), clock)
    async with running(database_url, {"short": key}) as before:
        assert (await before.send(PING, "short")).status_code == 200
    later = NOW + dt.timedelta(hours=1)
    async with running(database_url, {"short": key}, clock=lambda: later) as after:
        assert (await after.send(PING, "short")).status_code == 401


async def test_the_use_of_a_key_is_noted_once_a_minute(engine: Engine, database_url: str) -> None:
    key = create_key(engine, "one", ["admin"], None, clock)
    moment = NOW
    async with running(database_url, {"one": key}, clock=lambda: moment) as api:
        for seconds in (0, 30, 61):
            moment = NOW + dt.timedelta(seconds=seconds)
            async with api.statements() as sent:
                await api.send(PING, "one")
                await asyncio.gather(*api.app.state.graphql.realms.live.callers._touches)
            assert any(each.startswith("UPDATE") for each in sent) == (seconds != 30)
    with engine.connect() as connection:
        assert connection.scalar(select(ApiKey.last_used_at)) == NOW + dt.timedelta(seconds=61)


@pytest.mark.parametrize(
    ("document", "key", "code"),
    [
        ("{ __schema { types { name } } }", "frontend", "FORBIDDEN"),
        ('{ __type(name: "Query") { name } }', "frontend", "FORBIDDEN"),
        ("{ ...F } fragment F on Query { __schema { types { name } } }", "support", "FORBIDDEN"),
        ("{ __schema { types { name } } }", "developer", None),
        ("{ __schema { types { name } } }", "admin", None),
        ("{ __typename }", "frontend", None),
    ],
)
async def test_introspection_needs_its_scope(
    api: Api, document: str, key: str, code: str | None
) -> None:
    answer = (await api.send(document, key)).json()
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert codes == ([code] if code else [])
    assert ("data" in answer) == (code is None)


SUGGESTIVE = (
    "{ customer { externalIdd } }",
    '{ customer(externalI: "x") { id } }',
    "{ customers(first: 1, orderBy: [{field: CLVV}]) { totalCount } }",
    "query ($d: OrderDirection) { customers(first: 1, orderBy: [{field: CLV, direction: $d}]) "
    "{ totalCount } }",
    '{ customers(first: 1, filter: {attribute: {name: "incom"}}) { totalCount } }',
)


async def test_lists_of_known_names_are_suggestions(api: Api) -> None:
    document = "{ simulateTierPolicy(policy: {entry: 1}) { moved } }"
    for key, known in (("frontend", False), ("developer", True)):
        message = (await api.send(document, key)).json()["errors"][0]["message"]
        assert message.startswith("policy: unknown entry 'entry'")
        assert ("known: " in message) == known


@pytest.mark.parametrize("document", SUGGESTIVE)
async def test_suggestions_need_the_scope_of_the_schema(api: Api, document: str) -> None:
    options = {"variables": {"d": "DSC"}} if "$d" in document else {}
    hidden: httpx.Response = await api.send(document, "frontend", **options)
    shown: httpx.Response = await api.send(document, "developer", **options)
    assert "errors" in hidden.json()
    assert "did you mean" not in hidden.text.lower()
    assert re.fullmatch(r".*\w['\"]?\.", hidden.json()["errors"][0]["message"])
    assert "did you mean" in shown.text.lower()
