"""Documents that schemathesis makes up for every root field, on both databases.

A few a field, always the same; `python -m bench.fuzz` asks for hundreds.
"""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import Engine

from api.app import create_app
from bench.fuzz_documents import Documents
from bench.fuzz_findings import codes_of, faults_of, unlike
from bench.fuzz_known import known_values
from tests.api.conftest import Log, clock, seed, settings_for
from tests.live import serving, unhurried

CASES = 3
SEED = 20261130


@pytest.fixture(scope="module")
def documents() -> Documents:
    return Documents()


def test_no_document_is_answered_with_a_fault(
    documents: Documents, engine: Engine, database_url: str
) -> None:
    keys, log = seed(engine, 30), Log()
    headers = {"Authorization": f"Bearer {keys['admin']}"}
    app = create_app(unhurried(settings_for(database_url)), clock=clock, logger=log.logger)
    seen: set[str] = set()
    with serving(app) as address, httpx.Client(headers=headers, timeout=60) as client:
        known = known_values(client, f"{address}/graphql")
        for field in documents.fields():
            for request in documents.requests(field, CASES, SEED, known):
                body = {"query": request.query, "variables": request.variables}
                answer = client.post(f"{address}/graphql", json=body)
                faults = list(faults_of(answer, request.query, documents.graphql))
                assert faults == [], f"{faults}\n{body}\n{answer.text}\n{log.lines[-2:]}"
                seen |= set(codes_of(answer.json())) or {"data"}
    assert "RATE_LIMITED" not in seen
    assert {"data", "VALIDATION_FAILED", "INVALID_INPUT", "NOT_FOUND"} <= seen


@pytest.mark.parametrize(
    ("data", "flaw"),
    [
        ({"customer": {"id": None}}, "Query.customer.id is null"),
        ({"customer": {"id": 7}}, "Query.customer.id is no ID"),
        ({"customer": {}}, "Query.customer.id is missing"),
        ({"customer": []}, "Query.customer is no object"),
        ({}, "Query.customer is missing"),
        ({"customer": None}, None),
        ({"customer": {"id": "x"}}, None),
    ],
)
def test_data_unlike_the_schema_is_seen(
    documents: Documents, data: dict[str, object], flaw: str | None
) -> None:
    found = list(unlike(data, '{ customer(externalId: "x") { id } }', documents.graphql))
    assert found == ([] if flaw is None else [flaw])
