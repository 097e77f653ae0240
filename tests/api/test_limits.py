"""Documents that ask for too much are refused before they cost anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from graphql import get_introspection_query, parse

from api.graphql.errors import DocumentRefused
from api.graphql.execution import Executor, Outcome
from api.graphql.limits import DocumentMeter, Limits
from api.graphql.schema import executable_schema
from api.graphql.transport import Refusal, parse_request
from tests.api.conftest import Api
from tests.api.hostile import BODIES, DOCUMENTS, chain
from tests.api.test_contract import CONTRACT


def refusal(document: str, variables: Mapping[str, Any] | None = None) -> str:
    """The code a document is refused with; empty if it is within limits."""
    outcome = Executor(executable_schema()).prepare(document, variables or {}, introspection=True)
    if not isinstance(outcome, Outcome):
        return ""
    error = outcome.errors[0]
    return error.code if isinstance(error, DocumentRefused) else outcome.code


WHOLE_FEED = """{ riskScores(first: 5000) { edges { cursor node { customerId externalId
  churnProbability churnPercentile riskBand clv horizonDays asOf scoredAt validUntil modelVersion
  revision deleted reasons { code text value effect } } } pageInfo { hasNextPage endCursor } } }"""


@contextmanager
def counted(most: int) -> Iterator[None]:
    """Holds that what runs meanwhile calls and returns no oftener; `bench.refusals` has times."""
    events = 0

    def count(*_: object) -> None:
        nonlocal events
        events += 1

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)
    assert events <= most


@pytest.mark.parametrize("name", DOCUMENTS)
def test_hostile_documents_are_refused_with_little_work(name: str) -> None:
    document, variables, code = DOCUMENTS[name]
    refusal("{ __typename }")  # builds the schema
    with counted(400_000):
        found = refusal(document, variables)
    assert found == code


@pytest.mark.parametrize("name", BODIES)
def test_hostile_bodies_are_refused_with_little_work(name: str) -> None:
    with counted(50_000), pytest.raises(Refusal) as caught:
        parse_request(BODIES[name])
    assert (caught.value.status, caught.value.code) == (400, "BAD_REQUEST")


def test_page_sizes_count_wherever_they_are_said() -> None:
    inner = "{ edges { node { orders(first: 100) { edges { cursor } } } } }"
    document = f"query ($n: Int = 2) {{ customers(first: $n) {inner} }}"
    assert refusal(document, {"n": 100}) == ""
    assert refusal(document, {"n": 2_000_000_000}) == "TOO_MANY_NODES"
    assert refusal(document) == ""
    assert refusal(f"query ($n: Int = 900) {{ customers(last: $n) {inner} }}") == "TOO_MANY_NODES"


def test_numbers_of_thousands_of_digits_are_only_large() -> None:
    document = (
        "query ($n: Int) { customers(first: $n) { edges { node { orders(first: $n) { x } } } } }"
    )
    assert refusal(document, {"n": 10**4_000}) == "TOO_MANY_NODES"


def test_messages_have_both_numbers() -> None:
    meter = DocumentMeter(executable_schema(), parse("{ a b c }"), {})
    with pytest.raises(DocumentRefused, match=r"asks for 3 root fields.* may have 2\."):
        meter.check(Limits(root_fields=2))


def test_a_fragment_counts_each_time_it_is_spread() -> None:
    document = parse("{ ...F x { ...F } } fragment F on Query { a b: c @skip(if: false) }")
    cost = DocumentMeter(executable_schema(), document, {}).check(Limits())
    assert (cost.fields, cost.aliases, cost.directives, cost.depth) == (5 + 2, 3, 3, 2)


def test_what_people_ask_for_is_admitted() -> None:
    assert refusal(CONTRACT) == ""
    assert refusal(CONTRACT.replace("first: 20", "first: 100")) == ""
    assert refusal("{" + " ".join(f"a{n}: __typename" for n in range(100)) + "}") == ""
    assert refusal(get_introspection_query(input_value_deprecation=True)) == ""
    assert refusal("{ riskScores(first: 5000) { edges { node { externalId } } } }") == ""
    assert refusal(WHOLE_FEED) == ""


@pytest.mark.parametrize("text", ['"\\u0000"', '"\\u{0}"', '"\\u001b[31m"', '"\\u0085"'])
async def test_texts_without_nul_are_all_that_a_database_sees(api: Api, text: str) -> None:
    assert await api.codes(f"{{ customer(externalId: {text}) {{ id }} }}") == ["SYNTAX_ERROR"]
    assert await api.codes(f"query ($x: ID = {text}) {{ a }}") == ["SYNTAX_ERROR"]
    assert (await api.send('{ customer(externalId: "\\u00e9") { id } }')).status_code == 200


async def test_refusals_reach_the_caller(api: Api) -> None:
    assert await api.codes(chain(20, 2)) == ["TOO_MANY_FIELDS"]
    assert await api.codes("{") == ["SYNTAX_ERROR"]
    assert await api.codes("{ nothing }") == ["VALIDATION_FAILED"]


def test_valid_documents_are_remembered_and_bad_ones_are_not() -> None:
    executor = Executor(executable_schema())
    for place in range(300):
        for name in ("__typename", "nothing"):
            executor.prepare(f"{{ a{place}: {name} }}", {}, introspection=False)
    assert len(executor._valid) == 256
    assert all("nothing" not in each for each in executor._valid)


def test_a_document_that_is_known_is_priced_by_the_page_sizes_of_each_request() -> None:
    executor = Executor(executable_schema())
    document = """query ($n: Int = 20) { customers(first: $n) { edges { node {
        orders(first: $n) { edges { node { externalId } } } } } } }"""

    def points(**variables: Any) -> int | None:
        found = executor.prepare(document, variables, introspection=False)
        return None if isinstance(found, Outcome) else found.points

    small, usual = points(n=5), points()
    assert small is not None
    assert usual is not None
    assert small < usual
    assert points(n=1_000) is None, "twelve thousand objects are the most"
    assert (points(n=5), points(), points(n=20)) == (small, usual, usual)
