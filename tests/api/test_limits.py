"""Documents that ask for too much are refused before they cost anything."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import get_introspection_query, parse

from api.graphql.errors import DocumentRefused
from api.graphql.execution import Executor, Outcome
from api.graphql.limits import DocumentMeter, Limits
from api.graphql.schema import executable_schema
from tests.api.conftest import Api
from tests.api.test_contract import CONTRACT


def refusal(document: str, variables: dict[str, Any] | None = None) -> str:
    """The code a document is refused with; empty if it is within limits."""
    outcome = Executor(executable_schema()).prepare(document, variables or {}, introspection=True)
    if not isinstance(outcome, Outcome):
        return ""
    error = outcome.errors[0]
    return error.code if isinstance(error, DocumentRefused) else outcome.code


def chain(length: int, times: int) -> str:
    """Fragments that each spread the next one several times."""
    fragments = [
        f"fragment F{place} on Query {{ {f'...F{place + 1} ' * times} }}" for place in range(length)
    ]
    return "\n".join(["{ ...F0 }", *fragments, f"fragment F{length} on Query {{ __typename }}"])


def nested(depth: int) -> str:
    return "{ a " * depth + "}" * depth


WHOLE_FEED = """{ riskScores(first: 5000) { edges { cursor node { customerId externalId
  churnProbability churnPercentile riskBand clv horizonDays asOf scoredAt validUntil modelVersion
  revision deleted reasons { code text value effect } } } pageInfo { hasNextPage endCursor } } }"""
HOSTILE = {
    "fragments spread twice, twenty deep": (chain(20, 2), "TOO_MANY_FIELDS"),
    "fragments spread ten times, forty deep": (chain(40, 10), "TOO_MANY_FIELDS"),
    "a circle of fragments": (
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A ...A }",
        "FRAGMENT_CYCLE",
    ),
    "every fragment spreads all": (
        "{ ...F0 }"
        + "".join(
            f" fragment F{n} on Query {{ {' '.join(f'...F{m}' for m in range(20) if m != n)} }}"
            for n in range(20)
        ),
        "FRAGMENT_CYCLE",
    ),
    "a field five hundred times": ("{" + "__typename " * 500 + "}", "TOO_MANY_ROOT_FIELDS"),
    "a field five hundred times in a fragment nobody spreads": (
        "{ __typename } fragment F on Query {" + "__typename " * 500 + "}",
        "TOO_MANY_REPEATS",
    ),
    "one hundred and one aliases": (
        "{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}",
        "TOO_MANY_ALIASES",
    ),
    "aliases below a field": (
        "{ portfolio {" + " ".join(f"a{n}: customers" for n in range(101)) + "} }",
        "TOO_MANY_ALIASES",
    ),
    "aliases in a fragment spread often": (
        "{ portfolio { ...F b { ...F } } } fragment F on Portfolio {"
        + " ".join(f"a{n}: customers" for n in range(60))
        + "}",
        "TOO_MANY_ALIASES",
    ),
    "directives": ("{ __typename " + "@skip(if: false) " * 60 + "}", "TOO_MANY_DIRECTIVES"),
    "many levels": (nested(17), "TOO_DEEP"),
    "hundreds of levels": (nested(300), "TOO_DEEP"),
    "many root fields": (
        "{ a " + " ".join(f"f{n}" for n in range(101)) + "}",
        "TOO_MANY_ROOT_FIELDS",
    ),
    "many tokens": ("{" + "a " * 3_000 + "}", "TOO_MANY_TOKENS"),
    "many comments": ("#\n" * 5_000 + "{ __typename }", "TOO_MANY_TOKENS"),
    "many characters": ("{ __typename }" + " " * 64_000, "DOCUMENT_TOO_LONG"),
    "nested lists": ("{ a(x: " + "[" * 900 + "]" * 900 + ") }", "TOO_DEEP"),
    "many fragments": (
        "{ __typename }" + "".join(f" fragment F{n} on Query {{ a }}" for n in range(51)),
        "TOO_MANY_FRAGMENTS",
    ),
    "pages of pages of pages": (
        "{ segments { members(first: 100) { edges { node { orders(first: 100) { edges { node {"
        " lines { amount } } } } interactions(first: 100) { edges { cursor } } } } } } }",
        "TOO_MANY_NODES",
    ),
    "many fields of many rows": (
        "{ riskScores(first: 5000) { edges { node {"
        + " ".join(f"a{n}: reasons {{ code text }}" for n in range(98))
        + "} } } }",
        "TOO_MANY_VALUES",
    ),
    "many lists of many rows": (
        "{ customers(first: 100) { edges { node {"
        + " ".join(f"a{n}: recommendedStrategies {{ reasons {{ code text }} }}" for n in range(98))
        + "} } } }",
        "TOO_MANY_VALUES",
    ),
    "a simulation beside another": (
        "query ($p: JSON!) { a: simulateTierPolicy(policy: $p) { moved } "
        "b: simulateTierPolicy(policy: $p) { moved } }",
        "TOO_MANY_VALUES",
    ),
    "many looks at everybody's orders": (
        "{"
        + " ".join(
            f'a{n}: revenueBridge(from: "2026-01-01", to: "2026-01-{n + 10}") {{ before }}'
            for n in range(10)
        )
        + "}",
        "TOO_MANY_VALUES",
    ),
    "what would better everybody's tier": (
        "{ customers(first: 200) { edges { node { whatIf { changes { name } } } } } }",
        "TOO_MANY_VALUES",
    ),
    "a hundred explanations with what would better the tier": (
        "{"
        + " ".join(
            f'a{n}: explainTier(externalId: "C{n}") {{ whatIf {{ changes {{ name }} }} }}'
            for n in range(100)
        )
        + "}",
        "TOO_MANY_VALUES",
    ),
    "the boundaries of every classification, often": (
        "{"
        + " ".join(f"a{n}: classifications {{ boundary {{ value }} }}" for n in range(20))
        + "}",
        "TOO_MANY_VALUES",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_quickly(name: str) -> None:
    document, code = HOSTILE[name]
    refusal("{ __typename }")  # builds the schema
    best = 1.0
    for _ in range(5):
        started = time.thread_time()
        assert refusal(document) == code
        best = min(best, time.thread_time() - started)
    assert best < 0.05


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
