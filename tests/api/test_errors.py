"""Errors say what the caller can act on, and nothing of what is inside."""

from __future__ import annotations

import asyncio
import json
from asyncio import timeout

import pytest
from graphql import GraphQLError
from sqlalchemy import select, text

from api.db.snapshots import Snapshot
from api.errors import Conflict
from api.graphql.errors import MAX_ERROR_BYTES, MAX_ERRORS, ErrorFormatter
from tests.api.conftest import Api, Log, Seeded, running

UNMAPPED = "customers(first: 1) { edges { node { overrides { id } } } }"
"""What look-ahead leaves to the usual way."""


def broken(*_arguments: object) -> None:
    raise RuntimeError("a secret of anna@example.org")


async def test_a_bug_is_masked_and_logged_with_the_id_of_its_request(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.graphql.customer_search.customer_page", broken)
    answer = await api.send(f"{{ {UNMAPPED} tiers {{ key }} }}")
    assert answer.status_code == 200
    error = answer.json()["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
    assert error["path"] == ["customers"]
    assert answer.json()["data"]["customers"] is None
    assert answer.json()["data"]["tiers"]
    assert "secret" not in answer.text
    logged = [line for line in api.log.lines if line["event"] == "unexpected_error"]
    assert logged[0]["request_id"] == answer.headers["x-request-id"]
    assert logged[0]["error"] == "RuntimeError"
    assert any("broken" in frame for frame in logged[0]["frames"])
    assert "example.org" not in str(api.log.lines)


async def test_a_fault_of_the_database_is_masked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.db.customers.COLUMNS", (text("no_such_column"),))
    answer = await api.send(f"{{ {UNMAPPED} }}")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "no_such_column" not in answer.text + str(api.log.lines)


async def test_a_bug_outside_of_execution_is_a_500_that_tells_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.graphql.endpoint.parse_request", broken)
    answer = await api.send("{ __typename }")
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret" not in answer.text


async def test_an_answer_has_at_most_nine_errors(api: Api) -> None:
    document = "{ customers(first: 50) { edges { node { name email } } } }"
    errors = (await api.send(document, "frontend")).json()["errors"]
    assert len(errors) == MAX_ERRORS
    assert errors[-1]["extensions"]["code"] == "TOO_MANY_ERRORS"
    assert errors[-1]["message"] == "92 more errors are left out."
    unknown = "{" + " ".join(f"f{number}" for number in range(50)) + "}"
    assert len((await api.send(unknown)).json()["errors"]) <= MAX_ERRORS


def test_errors_stay_within_their_size() -> None:
    path = ["x" * 60_000]
    errors = [GraphQLError("y" * 5_000, path=path) for _ in range(3)]
    formatted = ErrorFormatter(Log().logger, "id").format(errors, "CODE")
    assert len(json.dumps(formatted)) < MAX_ERROR_BYTES
    assert formatted[-1]["message"] == "2 more errors are left out."
    assert len(formatted[0]["message"]) == 1_000


def test_expected_failures_keep_their_message_and_code() -> None:
    problem = GraphQLError("located", original_error=Conflict("A refresh is running."))
    formatted = ErrorFormatter(Log().logger, "id").format([problem], "CODE")
    assert formatted[0]["extensions"] == {"code": "CONFLICT"}


SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) "
    "SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(60)",
}


@pytest.mark.parametrize("asked", [UNMAPPED, "customers(first: 1) { edges { cursor } }"])
async def test_a_slow_answer_is_cut_off_and_so_is_its_statement(
    seeded: Seeded, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(snapshot: Snapshot, *_arguments: object) -> None:
        await snapshot.rows(select(text(f"({SLOW[snapshot.dialect]})")))

    async def slow_ahead(snapshot: Snapshot, *_arguments: object, alone: bool) -> None:
        await snapshot.tuples(f"SELECT ({SLOW[snapshot.dialect]})", (), alone=alone)

    monkeypatch.setattr("api.graphql.customer_search.customer_page", slow)
    monkeypatch.setattr("api.graphql.ahead.answers.page_of_customers", slow_ahead)
    async with (
        running(seeded.url, seeded.keys, settings={"execution_seconds": 0.5}) as api,
        timeout(10),
    ):
        answer = await api.send(f"{{ {asked} }}")
        assert answer.json()["errors"][0]["extensions"]["code"] == "TIMEOUT"
        assert answer.json()["data"] is None
        assert await api.client.get("/health/ready")


async def test_many_requests_at_once_all_get_their_answers(api: Api) -> None:
    document = "{ customers(first: 5) { edges { node { tier { tier } segments { key } } } } }"
    answers = await asyncio.gather(*(api.send(document) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({str(answer.json()["data"]) for answer in answers}) == 1
