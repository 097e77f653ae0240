"""GraphQL over HTTP: types, bodies, statuses, headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.graphql import transport
from api.graphql.transport import GRAPHQL_TYPE, JSON_TYPE, LARGEST_BODY, Refusal, answer_type
from tests.api.conftest import Api

PING = {"query": "{ __typename }"}


async def post(api: Api, content: Any = None, **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {api.keys['frontend']}", "Content-Type": JSON_TYPE}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    if not isinstance(content, bytes | AsyncIterator):
        content = json.dumps(PING if content is None else content).encode()
    return await api.client.post("/graphql", content=content, headers=sent)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, JSON_TYPE),
        ("*/*", JSON_TYPE),
        ("application/*", JSON_TYPE),
        (JSON_TYPE, JSON_TYPE),
        (GRAPHQL_TYPE, GRAPHQL_TYPE),
        (f"{GRAPHQL_TYPE}, {JSON_TYPE};q=0.9", GRAPHQL_TYPE),
        (f"{GRAPHQL_TYPE};q=0.5, {JSON_TYPE}", JSON_TYPE),
        (f"{GRAPHQL_TYPE}; charset=utf-8, */*;q=0.1", GRAPHQL_TYPE),
        (f"text/html, {JSON_TYPE};q=0.1", JSON_TYPE),
        (f"{GRAPHQL_TYPE}, {JSON_TYPE}", GRAPHQL_TYPE),
        (f"{JSON_TYPE}, {GRAPHQL_TYPE}", JSON_TYPE),
    ],
)
def test_the_answer_has_the_type_that_is_asked_for(accept: str | None, kind: str) -> None:
    assert answer_type(accept) == kind


@pytest.mark.parametrize("accept", ["text/html", f"{JSON_TYPE};q=0", "image/*", ";;"])
def test_other_types_are_not_acceptable(accept: str) -> None:
    with pytest.raises(Refusal) as caught:
        answer_type(accept)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("document", "as_json", "as_graphql"),
    [
        ("{ __typename }", 200, 200),
        ('{ customer(externalId: "x") { id } }', 200, 200),
        ("{ riskScores(first: 1) { edges { cursor } } }", 200, 200),
        ("{ nothing }", 200, 400),
        ("{", 200, 400),
        ("query ($x: ID!) { node(id: $x) { id } }", 200, 400),
        ("query A { __typename } query B { __typename }", 200, 400),
        ("mutation { x }", 200, 400),
    ],
)
async def test_statuses_follow_the_media_type(
    api: Api, document: str, as_json: int, as_graphql: int
) -> None:
    for kind, status in ((JSON_TYPE, as_json), (GRAPHQL_TYPE, as_graphql)):
        answer = await post(api, {"query": document}, Accept=kind)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
        assert ("data" in answer.json()) == (as_graphql == 200)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"1",
        b'"query"',
        b"[]",
        b'[{"query": "{ __typename }"}]',
        b"{}",
        b'{"query": 1}',
        b'{"query": null}',
        b'{"query": " "}',
        b'{"query": ["{ __typename }"]}',
        b'{"query": "{ __typename }", "variables": []}',
        b'{"query": "{ __typename }", "variables": "x"}',
        b'{"query": "{ __typename }", "operationName": 1}',
        b'{"query": "{ __typename }", "extensions": [1]}',
        b'{"query": "{ __typename }", "extensions": 0}',
        b'{"query": "{ __typename }", "extensions": false}',
        b'{"query": "{ __typename }", "variables": {"x": NaN}}',
        b'{"query": "{ __typename }", "variables": {"x": "\\ud800"}}',
        b'{"query": "{ __typename }", "variables": {"\\u0000": 1}}',
        b'{"query": "\xff"}',
        b"[" * 100_000,
        b'{"query": "{ __typename }", "variables": {"x": ' + b"[" * 40 + b"]" * 40 + b"}}",
        b'{"query": "{ __typename }", "variables": {"x": 1' + b"0" * 5000 + b"}}",
        b'{"query": "{ __typename }", "variables": {"x": [' + b"{}," * 10_000 + b"1]}}",
    ],
)
async def test_malformed_bodies_get_400_and_say_why(api: Api, body: bytes) -> None:
    answer = await post(api, body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert error["message"].endswith(".")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "application/graphql"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Type": ""},
        {"Content_Encoding": "gzip"},
    ],
)
async def test_only_json_in_utf8_is_read(api: Api, headers: dict[str, str]) -> None:
    assert (await post(api, **headers)).status_code == 415


async def test_a_charset_of_utf8_may_be_named(api: Api) -> None:
    assert (await post(api, Content_Type="application/json; charset=UTF-8")).status_code == 200


async def test_large_bodies_are_refused_announced_or_not(api: Api) -> None:
    large = b'{"query": "' + b" " * LARGEST_BODY + b'"}'
    assert (await post(api, large)).status_code == 413

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield large[: LARGEST_BODY // 4]

    answer = await post(api, unannounced())
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_half_received_bodies_hold_no_slot(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "BODY_SECONDS", 1.0)
    # The test client sends a body only as a whole, so the application is called directly.
    slow = [asyncio.create_task(half_a_request(api)) for _ in range(20)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.9):
        assert (await post(api)).status_code == 200
    assert await asyncio.gather(*slow) == [408] * 20


async def half_a_request(api: Api) -> int:
    """Sends headers and half a body, then nothing; the status of the answer."""
    headers = [
        (b"authorization", f"Bearer {api.keys['frontend']}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": headers}
    first = [{"type": "http.request", "body": b'{"query":', "more_body": True}]
    statuses: list[int] = []

    async def receive() -> Any:
        return first.pop() if first else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await api.app({**scope, "query_string": b"", "http_version": "1.1"}, receive, send)
    return statuses[0]


async def test_get_executes_nothing_and_shows_the_shell_to_those_who_may(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "index.html"
    page.write_text("<title>Echelon</title>")
    monkeypatch.setattr("api.web.pages.GRAPHIQL_SHELL", page)
    async with api.statements() as sent:
        anonymous = await api.client.get(
            "/graphql", params={"query": "{ __typename }"}, headers={"Accept": "text/html,*/*"}
        )
    assert (anonymous.status_code, anonymous.text) == (200, "<title>Echelon</title>")
    assert "default-src 'self'" in anonymous.headers["content-security-policy"]
    assert sent == []
    for key, status in (("developer", 200), ("admin", 200), ("frontend", 403), ("partner", 403)):
        headers = {"Authorization": f"Bearer {api.keys[key]}"}
        answer = await api.client.get("/graphql", headers=headers)
        assert answer.status_code == status
        assert ("title" in answer.text) == (status == 200)
    wrong = await api.client.get("/graphql", headers={"Authorization": "Bearer x"})
    assert wrong.status_code == 401


@pytest.mark.parametrize("name", ["query", "documentId", "extensions"])
async def test_a_document_in_the_address_is_refused(api: Api, name: str) -> None:
    headers = {"Authorization": f"Bearer {api.keys['admin']}"}
    async with api.statements() as sent:
        answer = await api.client.get("/graphql", params={name: "mutation { x }"}, headers=headers)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert sent == []


async def test_a_page_that_is_not_built_says_how(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.web.pages.GRAPHIQL_SHELL", tmp_path / "none.html")
    answer = await api.client.get("/graphql")
    assert answer.status_code == 503
    assert "python -m api.web.build" in answer.json()["errors"][0]["message"]


async def test_static_files_come_from_the_built_page_only(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.web.files.GRAPHIQL_DIR", tmp_path / "none")
    assert (await api.client.get("/static/graphiql/index.html")).status_code == 404
    assert (await api.client.get("/static/graphiql/../../app.py")).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_named_as_such(api: Api, method: str) -> None:
    answer = await api.client.request(method, "/graphql")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


async def test_home_leads_to_the_page_and_nothing_else_is_there(api: Api) -> None:
    home = await api.client.get("/")
    assert (home.status_code, home.headers["location"]) == (307, "/graphql")
    for path in ("/graphql/", "/nothing", "/docs"):
        answer = await api.client.get(path)
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_every_answer_has_safe_headers(api: Api) -> None:
    answers = [
        await post(api),
        await post(api, b"{"),
        await api.client.post("/graphql"),
        await api.client.get("/nothing"),
        await api.client.get("/health/live"),
        await api.client.get("/"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert len(answer.headers["x-request-id"]) == 32
        assert "server" not in answer.headers
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


async def test_the_log_has_one_line_a_request_and_no_values(api: Api) -> None:
    document = "query Find($e: String) { customers(first: 1, filter: {email: $e}) { totalCount } }"
    await api.send(document, "support", variables={"e": "c2@example.org"})
    lines = [line for line in api.log.lines if line["event"] == "request"]
    assert len(lines) == 1
    assert {key: lines[0][key] for key in ("method", "path", "status", "key")} == {
        "method": "POST",
        "path": "/graphql",
        "status": 200,
        "key": "support",
    }
    assert "example.org" not in str(api.log.lines)
    assert "customers" not in str(api.log.lines)
    assert api.keys["support"] not in str(api.log.lines)
