"""The attacks that graphql-cop tries, by a partner's key: each refused, its harmless neighbour not.

The requests are the tool's own; what it takes for a finding is said at each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.graphql.schema import executable_schema
from tests.api.conftest import Api

CIRCLE = (
    "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }"
)


@dataclass(frozen=True)
class Attack:
    """A request, what it must be answered with, and a request like it that must pass."""

    request: dict[str, Any]
    status: int
    code: str
    neighbour: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def document(query: str) -> dict[str, Any]:
    return {"json": {"query": query}}


def aliases(number: int) -> str:
    return "query cop { " + " ".join(f"alias{n}:__typename" for n in range(number)) + " }"


HARMLESS = document("query cop { __typename }")
ATTACKS = {
    "alias overload: 101 aliases are answered": Attack(
        document(aliases(101)), 200, "TOO_MANY_ALIASES", document(aliases(100))
    ),
    "array batching: ten requests in one are answered": Attack(
        {"json": [{"query": "query cop { __typename }"}] * 10}, 400, "BAD_REQUEST", HARMLESS
    ),
    "array batching: so is a batch of one": Attack(
        {"json": [{"query": "query cop { __typename }"}]}, 400, "BAD_REQUEST", HARMLESS
    ),
    "field duplication: five hundred times the same field is answered": Attack(
        document("query cop { " + "__typename \n" * 500 + "}"),
        200,
        "TOO_MANY_ROOT_FIELDS",
        document("query cop { " + "__typename \n" * 50 + "}"),
    ),
    "directive overload: as many known directives as one likes": Attack(
        document("query cop { __typename " + "@include(if: true) " * 51 + "}"),
        200,
        "TOO_MANY_DIRECTIVES",
        document("query cop { __typename @include(if: true) }"),
    ),
    "circular introspection: types of fields of types of fields": Attack(
        document(CIRCLE), 200, "INTROSPECTION_TOO_DEEP", HARMLESS
    ),
    "introspection: the schema is told": Attack(
        document("query cop { __schema { types { name fields { name } } } }"),
        200,
        "FORBIDDEN",
        HARMLESS,
    ),
    "introspection of one type": Attack(
        document('query cop { __type(name: "Customer") { name } }'), 200, "FORBIDDEN", HARMLESS
    ),
    "GET query: a query in the address is answered": Attack(
        {"params": {"query": "query cop { __typename }"}},
        405,
        "METHOD_NOT_ALLOWED",
        HARMLESS,
        method="GET",
    ),
    "GET mutation: a change in the address is made": Attack(
        {"params": {"query": "mutation cop { __typename }"}},
        405,
        "METHOD_NOT_ALLOWED",
        document("mutation cop { __typename }"),
        method="GET",
    ),
    "url-encoded POST: a form of another site's page is answered": Attack(
        {"data": {"query": "query cop { __typename }"}}, 415, "UNSUPPORTED_MEDIA_TYPE", HARMLESS
    ),
    "GraphiQL: the page is shown to a key that may not see the schema": Attack(
        {}, 403, "FORBIDDEN", HARMLESS, {"Accept": "text/html"}, method="GET"
    ),
}


async def send(api: Api, method: str, request: dict[str, Any], **headers: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {api.keys['partner']}"} | headers
    return await api.client.request(method, "/graphql", headers=headers, **request)


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_refused_and_its_neighbour_is_not(api: Api, name: str) -> None:
    attack = ATTACKS[name]
    answer = await send(api, attack.method, attack.request, **attack.headers)
    content = answer.json()
    codes = [error["extensions"]["code"] for error in content["errors"]]
    assert (answer.status_code, codes, content.get("data")) == (attack.status, [attack.code], None)
    passed = await send(api, "POST", attack.neighbour)
    assert passed.status_code == 200
    assert "errors" not in passed.json(), passed.text


async def test_directive_overload_is_not_answered_one_by_one(api: Api) -> None:
    """Unknown directives: a finding is as many errors as there were directives."""
    overload = document("query cop { __typename " + "@aa" * 10 + " }")
    errors = (await send(api, "POST", overload)).json()["errors"]
    assert len(errors) < 10
    assert {error["extensions"]["code"] for error in errors} == {
        "VALIDATION_FAILED",
        "TOO_MANY_ERRORS",
    }


async def test_no_field_is_suggested_to_those_who_may_not_see_the_schema(api: Api) -> None:
    """A finding is `Did you mean`; a developer gets it."""
    typo = document("query cop { riskScore { edges { cursor } } }")
    refused = (await send(api, "POST", typo)).json()["errors"]
    assert [error["extensions"]["code"] for error in refused] == ["VALIDATION_FAILED"]
    assert "did you mean" not in refused[0]["message"].lower()
    assert "riskScores" not in refused[0]["message"]
    told = (await api.send(typo["json"]["query"], "developer")).json()["errors"][0]["message"]
    assert "Did you mean 'riskScores'" in told


@pytest.mark.parametrize(
    "query", ["query cop { __typename }", "query cop { abc }", "query cop { a(", "\x00"]
)
async def test_no_answer_has_traces(api: Api, query: str) -> None:
    """A finding is `tracing` in `extensions`, or an exception's text or place in an error."""
    answer = await send(api, "POST", document(query), **{"X-Apollo-Tracing": "1"})
    for word in ("tracing", "traceback", "exception", "stacktrace", ".py"):
        assert word not in answer.text.lower()


async def test_a_failure_of_ours_shows_nothing_of_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret of the server")

    root = executable_schema().query_type
    assert root is not None
    monkeypatch.setattr(root.fields["riskScores"], "resolve", fails)
    answer = await send(api, "POST", document("{ riskScores(first: 1) { totalCount } }"))
    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_the_page_is_shown_to_who_may_see_the_schema(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "index.html"
    page.write_text("<title>Echelon</title>")
    monkeypatch.setattr("api.web.pages.GRAPHIQL_SHELL", page)
    headers = {"Accept": "text/html", "Authorization": f"Bearer {api.keys['developer']}"}
    assert (await api.client.get("/graphql", headers=headers)).status_code == 200
