"""Documents by their ids, persisted queries, and what each mode of a key allows."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from api.db.keys import create_key
from api.db.trusted_documents import add_documents, remove_documents
from api.domain.trusted_documents import read_manifest, trusted_text
from api.errors import InvalidInput, NotFound
from api.graphql import trusted_documents
from api.graphql.trusted_documents import Texts
from tests.api.conftest import Api, clock, running

TEXT = "query Find($id: String) { customer(externalId: $id) { externalId } }"
SHA = hashlib.sha256(TEXT.encode()).hexdigest()
ID = f"sha256:{SHA}"
C2 = {"id": "C00002"}
FOUND = {"customer": {"externalId": "C00002"}}


@pytest.fixture
def stored(own_api: Api, engine: Engine) -> Api:
    """An application that knows one document, and keys of each mode."""
    add_documents(engine, [(trusted_text(TEXT, "x"), "Find")], clock())
    for mode in ("off", "allow", "only"):
        own_api.keys[mode] = create_key(
            engine, f"documents-{mode}", ["customers:read"], None, clock, documents=mode
        )
    return own_api


async def post(api: Api, key: str = "allow", **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api.keys[key]}"}
    return await api.client.post("/graphql", json={"variables": C2} | body, headers=headers)


async def outcome(api: Api, key: str = "allow", **body: Any) -> Any:
    """The data of an answer, or the code of its only error."""
    answer = (await post(api, key, **body)).json()
    if "errors" not in answer:
        return answer["data"]
    assert "data" not in answer
    (error,) = answer["errors"]
    return error["extensions"]["code"]


def persisted(sha256: Any = SHA, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": sha256}}


OTHER = "query Other($id: String) { customer(externalId: $id) { id } }"
OTHER_SHA = hashlib.sha256(OTHER.encode()).hexdigest()


@pytest.mark.parametrize(
    ("mode", "body", "expected"),
    [
        ("off", {"query": TEXT}, FOUND),
        ("off", {"documentId": ID}, "DOCUMENTS_OFF"),
        ("off", {"extensions": persisted()}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ("off", {"query": TEXT, "extensions": persisted()}, "PERSISTED_QUERY_NOT_SUPPORTED"),
        ("allow", {"query": TEXT}, FOUND),
        ("allow", {"documentId": ID}, FOUND),
        ("allow", {"documentId": f"sha256:{OTHER_SHA}"}, "DOCUMENT_NOT_FOUND"),
        ("allow", {"documentId": SHA}, "DOCUMENT_NOT_FOUND"),
        ("allow", {"documentId": ID.upper()}, "DOCUMENT_NOT_FOUND"),
        ("allow", {"documentId": "sha256:" + "é" * 64}, "DOCUMENT_NOT_FOUND"),
        ("allow", {"extensions": persisted()}, FOUND),
        ("allow", {"extensions": persisted(OTHER_SHA)}, "PERSISTED_QUERY_NOT_FOUND"),
        ("allow", {"query": OTHER, "extensions": persisted()}, "PERSISTED_QUERY_MISMATCH"),
        ("only", {"query": TEXT}, "DOCUMENT_REQUIRED"),
        ("only", {"query": "{ __schema { types { name } } }"}, "DOCUMENT_REQUIRED"),
        ("only", {"documentId": ID}, FOUND),
        ("only", {"extensions": persisted()}, FOUND),
        ("only", {"query": TEXT, "extensions": persisted()}, FOUND),
        (
            "only",
            {"query": OTHER, "extensions": persisted(OTHER_SHA)},
            "PERSISTED_QUERY_NOT_SUPPORTED",
        ),
    ],
)
async def test_each_mode_takes_its_own(
    stored: Api, mode: str, body: dict[str, Any], expected: Any
) -> None:
    assert await outcome(stored, mode, **body) == expected


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": 1},
        {"documentId": ""},
        {"documentId": ID, "query": TEXT},
        {"extensions": {"persistedQuery": 1}},
        {"extensions": persisted(version=2)},
        {"extensions": persisted(version=True)},
        {"extensions": persisted(SHA[:-1])},
        {"extensions": persisted(SHA.upper())},
        {"extensions": {}},
    ],
)
async def test_what_is_no_such_request_is_refused(stored: Api, body: dict[str, Any]) -> None:
    answer = await post(stored, **body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_persisted_query_is_sent_once_and_then_known(stored: Api) -> None:
    by_hash = {"extensions": persisted(OTHER_SHA)}
    unknown = (await post(stored, **by_hash)).json()["errors"][0]
    assert unknown["message"] == "PersistedQueryNotFound"  # what clients look for
    assert "customer" in await outcome(stored, query=OTHER, **by_hash)
    assert "customer" in await outcome(stored, **by_hash)
    # Another process has to be told once, too.
    url = stored.app.state.graphql.realms.live.engine.url.render_as_string(hide_password=False)
    plain = url.replace("+aiosqlite", "").replace("+asyncpg", "")
    async with running(plain, stored.keys) as other:
        assert await outcome(other, **by_hash) == "PERSISTED_QUERY_NOT_FOUND"
        assert await outcome(other, documentId=ID) == FOUND


async def test_only_valid_documents_are_remembered(stored: Api) -> None:
    bad = "{ nothing }"
    by_hash = {"extensions": persisted(hashlib.sha256(bad.encode()).hexdigest())}
    assert await outcome(stored, query=bad, **by_hash) == "VALIDATION_FAILED"
    assert await outcome(stored, **by_hash) == "PERSISTED_QUERY_NOT_FOUND"


async def test_limits_hold_for_stored_documents(stored: Api, engine: Engine) -> None:
    large = "query ($n: Int) { customers(first: $n) { edges { node { segments { key } } } } }"
    document = trusted_text(large, "x")
    add_documents(engine, [(document, "")], clock())
    assert await outcome(stored, documentId=document.id, variables={"n": 99_999}) in (
        "TOO_MANY_NODES",
        "TOO_MANY_VALUES",
    )


async def test_the_media_type_decides_the_status(stored: Api) -> None:
    headers = {
        "Authorization": f"Bearer {stored.keys['only']}",
        "Accept": "application/graphql-response+json",
    }
    answer = await stored.client.post("/graphql", json={"query": TEXT}, headers=headers)
    assert answer.status_code == 400


async def test_a_removed_document_is_answered_no_longer(
    stored: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await outcome(stored, documentId=ID) == FOUND
    assert remove_documents(engine, [bytes.fromhex(SHA)]) == 1
    monkeypatch.setattr(trusted_documents, "STORED_SECONDS", -1.0)
    assert await outcome(stored, documentId=ID) == "DOCUMENT_NOT_FOUND"
    with pytest.raises(NotFound, match=ID):
        remove_documents(engine, [bytes.fromhex(SHA)])


async def test_a_stored_document_is_read_once_for_many_requests(stored: Api) -> None:
    async with stored.statements() as sent:
        for _ in range(5):
            await outcome(stored, documentId=ID)
    assert sum("trusted_documents" in each for each in sent) == 1


def test_what_is_remembered_stays_within_bounds() -> None:
    texts = Texts(most=10, characters=1_000)
    for number in range(100):
        texts.put(bytes([number]), "x" * 90)
    kept = [number for number in range(100) if texts.get(bytes([number]))]
    assert kept == list(range(90, 100))
    texts.put(b"long", "y" * 900)
    assert sum(texts.get(bytes([number])) is not None for number in range(100)) == 1
    texts.put(b"too long", "z" * 1_001)
    assert texts.get(b"too long") is None


def test_adding_twice_is_harmless(engine: Engine) -> None:
    document = trusted_text(TEXT, "x")
    assert add_documents(engine, [(document, "Find"), (document, "Find")], clock()) == 1
    assert add_documents(engine, [(document, "Find")], clock() + dt.timedelta(days=1)) == 0


APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": SHA, "name": "Find", "type": "query", "body": TEXT}],
}


@pytest.mark.parametrize("manifest", [{SHA: TEXT}, {ID: TEXT}, APOLLO])
def test_manifests_of_three_tools_are_read(manifest: Any) -> None:
    assert [each.id for each in read_manifest(json.dumps(manifest), "m")] == [ID]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "JSON object"),
        ("{}", "no documents"),
        (json.dumps({SHA: 1}), "the text"),
        (json.dumps({SHA: " "}), "characters"),
        (json.dumps({OTHER_SHA: TEXT}), "is not the SHA-256"),
        (json.dumps({hashlib.md5(TEXT.encode()).hexdigest(): TEXT}), "algorithm"),  # noqa: S324
        (json.dumps(APOLLO | {"operations": 1}), "operations"),
        (json.dumps(APOLLO | {"operations": [1]}), "operations"),
    ],
)
def test_other_manifests_are_refused_with_the_way_out(content: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=hint):
        read_manifest(content, "m")
