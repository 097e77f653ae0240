"""Who may export, by which address, and what everybody else is told."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from sqlalchemy import Engine, text

from api.db.keys import create_key, revoke_keys
from api.exports.signing import LONGEST_SECONDS
from api.exports.workers import Worker
from api.graphql.callers import REMEMBERED_SECONDS
from tests.api.conftest import Api, clock, running
from tests.api.seed_facts import NOW
from tests.exports.reading import FORMATS, PATH, export, rows_of


def code(answer: httpx.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


async def address(api: Api, kind: str = "ndjson", **query: str) -> str:
    answer = await export(api, kind, method="POST", **query)
    assert answer.status_code == 201
    return str(answer.json()["url"])


@pytest.mark.parametrize(
    ("query", "status", "found"),
    [
        ({"riskBand": "high"}, 400, "INVALID_INPUT"),
        ({"minChurnProbability": "2"}, 400, "INVALID_INPUT"),
        ({"minChurnProbability": "nan"}, 400, "INVALID_INPUT"),
        ({"limit": "5"}, 400, "INVALID_INPUT"),
        ({"riskBand": ["HIGH", "LOW"]}, 400, "INVALID_INPUT"),
        ({"after": "x"}, 400, "INVALID_CURSOR"),
    ],
)
async def test_what_cannot_be_exported_is_refused_before_the_first_byte(
    api: Api, query: dict[str, str], status: int, found: str
) -> None:
    answer = await export(api, "ndjson", **query)
    assert (answer.status_code, code(answer)) == (status, found)


async def test_formats_keys_and_scopes(api: Api) -> None:
    assert (await export(api, "csv")).status_code == 404
    assert (await export(api, "ndjson", key=None)).status_code == 401
    refused = await export(api, "ndjson", key="frontend")
    assert (refused.status_code, code(refused)) == (403, "FORBIDDEN")
    refused = await export(api, "ndjson", key="frontend", method="POST")
    assert (refused.status_code, code(refused)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("kind", FORMATS)
async def test_head_says_what_get_would_deliver(api: Api, kind: str) -> None:
    said, got = await export(api, kind, method="HEAD"), await export(api, kind)
    assert said.status_code == 200
    assert said.content == b""
    for name in ("echelon-row-count", "echelon-next-cursor", "content-type"):
        assert said.headers[name] == got.headers[name]


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_signed_address_opens_its_export_without_a_key(api: Api, kind: str) -> None:
    signed = await api.client.get(
        await address(api, kind, riskBand="HIGH"), headers={"Accept-Encoding": "identity"}
    )
    assert signed.status_code == 200
    assert rows_of(kind, signed.content) == rows_of(
        kind, (await export(api, kind, riskBand="HIGH")).content
    )


async def test_a_changed_address_opens_nothing(api: Api) -> None:
    path, _, query = (await address(api, riskBand="HIGH")).partition("?")
    pairs = dict(parse_qsl(query))
    later = str(int(pairs["expires"]) + 60)
    changes = [
        {"riskBand": "LOW"},
        {"expires": later},
        {"key": "1"},
        {"signature": "A" * 43},
        {"signature": ""},
        {"after": "x"},
    ]
    for change in changes:
        answer = await api.client.get(f"{path}?{urlencode(pairs | change)}")
        assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED"), change
    other = await api.client.get(f"{PATH}parquet?{query}")
    assert other.status_code == 401
    twice = await api.client.get(f"{path}?{query}&signature={pairs['signature']}")
    assert twice.status_code == 401
    assert (await api.client.get(f"{path}?key=1&expires=9")).status_code == 401


async def test_an_address_ends_with_its_time(own_api: Api, database_url: str) -> None:
    signed = await address(own_api)
    for seconds, status in ((LONGEST_SECONDS - 1, 200), (LONGEST_SECONDS, 401)):
        moment = NOW + dt.timedelta(seconds=seconds)
        async with running(database_url, own_api.keys, clock=lambda at=moment: at) as later:
            assert (await later.client.get(signed)).status_code == status


async def test_an_address_ends_with_its_key(own_api: Api, engine: Engine) -> None:
    signed = await address(own_api)
    assert (await own_api.client.get(signed)).status_code == 200
    await asyncio.to_thread(revoke_keys, engine, "partner", clock)
    refused = await own_api.client.get(signed)
    assert (refused.status_code, code(refused)) == (401, "UNAUTHENTICATED")


async def test_no_log_line_holds_a_signature(api: Api) -> None:
    signed = await address(api)
    await api.client.get(signed)
    signature = dict(parse_qsl(signed.partition("?")[2]))["signature"]
    assert signature not in str(api.log.lines)
    assert any(line.get("path") == f"{PATH}ndjson" for line in api.log.lines)


async def test_who_sees_own_customers_only_exports_nothing(own_api: Api, engine: Engine) -> None:
    """As `riskScores` is refused: the feed is about all customers."""
    signed = await address(own_api)

    def limit() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE api_keys SET owner = 'anna' WHERE name = 'partner'"))

    await asyncio.to_thread(limit)
    await asyncio.sleep(REMEMBERED_SECONDS * 1.1)
    for answer in (await export(own_api, "ndjson"), await own_api.client.get(signed)):
        assert (answer.status_code, code(answer)) == (403, "FORBIDDEN")


async def test_an_old_cursor_has_its_own_code(own_api: Api, engine: Engine) -> None:
    cursor = (await export(own_api, "ndjson")).headers["echelon-next-cursor"]

    def drop() -> None:
        with engine.begin() as connection:
            connection.execute(text("UPDATE installation SET last_revision = 99, feed_floor = 98"))

    await asyncio.to_thread(drop)
    answer = await export(own_api, "ndjson", after=cursor)
    assert (answer.status_code, code(answer)) == (410, "CURSOR_EXPIRED")


async def test_a_key_bound_to_stored_documents_exports_nothing(
    own_api: Api, engine: Engine
) -> None:
    def make() -> str:
        return create_key(engine, "app", ["scores:read"], None, clock, documents="only")

    own_api.keys["app"] = await asyncio.to_thread(make)
    for method in ("GET", "POST"):
        answer = await export(own_api, "ndjson", key="app", method=method)
        assert (answer.status_code, code(answer)) == (403, "FORBIDDEN")


async def test_who_leaves_before_the_first_byte_gives_the_place_up(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(_worker: Worker, _request: object) -> None:
        await asyncio.sleep(60)

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    sent: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    headers = [(b"authorization", f"Bearer {own_api.keys['partner']}".encode())]
    scope = {"type": "http", "method": "GET", "path": f"{PATH}ndjson", "headers": headers}
    with monkeypatch.context() as patch:
        patch.setattr(Worker, "begin", slow)
        async with asyncio.timeout(20):
            await own_api.app({**scope, "query_string": b"", "http_version": "1.1"}, receive, send)
    assert sent == [499]
    assert (await export(own_api, "ndjson")).status_code == 200
