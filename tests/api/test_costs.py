"""What is predicted of a document's cost is never less than what its answer comes to."""

from __future__ import annotations

import random
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
    is_required_argument,
    parse,
)

from api.db import cases, class_reading, class_writes, model_versions
from api.graphql.costs import Place, points, values_in
from api.graphql.errors import ListTooLong
from api.graphql.limits import DocumentMeter, Limits
from api.graphql.page_sizes import PAGE_ARGUMENTS
from api.graphql.prices import LENGTHS, WEIGHTS
from api.graphql.schema import executable_schema
from tests.api.conftest import Api

SCHEMA = executable_schema()
DOCUMENTS = 120
KNOWN_ARGUMENTS = {
    "externalId": '"C{n}"',
    "from": '"2026-01-01"',
    "to": '"2026-06-01"',
    "key": '"gold"',
    "value": '"A"',
}
HEAVY_OR_STRANGE = {"simulateTierPolicy", "validateTierPolicy", "policyDocument"}


def fields_of(kind: Any) -> dict[str, GraphQLField]:
    return kind.fields if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else {}


class Writer:
    """Writes documents at random that the schema admits."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - nothing secret

    def document(self) -> str:
        roots = [self._field(name, field, 0) for name, field in self._some(SCHEMA.query_type, 2)]
        return "{ " + " ".join(each for each in roots if each) + " __typename }"

    def _some(self, kind: Any, number: int) -> list[tuple[str, GraphQLField]]:
        usable = [
            (name, field)
            for name, field in fields_of(kind).items()
            if name not in HEAVY_OR_STRANGE and self._arguments(field) is not None
        ]
        return self._random.sample(usable, min(number, len(usable)))

    def _arguments(self, field: GraphQLField) -> str | None:
        written = []
        for name, argument in field.args.items():
            if name == "first":
                written.append(f"first: {self._random.randint(1, 6)}")
            elif name in ("externalId", *KNOWN_ARGUMENTS) and (
                is_required_argument(argument) or name == "externalId"
            ):
                value = KNOWN_ARGUMENTS[name].format(n=self._random.randint(1, 60))
                written.append(f"{name}: {value}")
            elif is_required_argument(argument):
                return None
        return f"({', '.join(written)})" if written else ""

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        kind = get_named_type(field.type)
        alias = f"a{self._random.randint(0, 9)}{name}: " if self._random.random() < 0.2 else ""
        head = f"{alias}{name}{self._arguments(field)}"
        if not is_composite_type(kind):
            return head
        inner = [] if depth > 5 else self._some(kind, self._random.randint(1, 6))
        below = " ".join(self._field(*each, depth + 1) for each in inner)
        return f"{head} {{ __typename {below} }}"


def measured(document: str) -> tuple[int, Place]:
    """The predicted values of a document with one operation, and its answer's places."""
    meter = DocumentMeter(SCHEMA, parse(document), {})
    limits = Limits(values=10**9, nodes=10**9, fields=10**9, aliases=10**9, comparisons=10**9)
    return meter.check(limits).values, meter.places(limits)[None]


async def test_no_answer_costs_more_than_was_predicted(api: Api) -> None:
    answered = 0
    for seed in range(DOCUMENTS):
        document = Writer(seed).document()
        answer = (await api.send(document)).json()
        cost = answer["extensions"]["cost"]
        if answer.get("data") is None:
            continue
        predicted, place = measured(document)
        real = values_in(answer["data"], place)
        assert real <= predicted, document
        assert (cost["predicted"], cost["actual"]) == (points(predicted), points(real)), document
        answered += real > 20
    assert answered > DOCUMENTS / 4


@pytest.mark.parametrize(
    ("document", "values"),
    [
        ("{ tiers { key } }", 1 + 21),
        ("{ customers(first: 3) { edges { node { id externalId } } } }", 1 + 3 * (1 + 1 + 2)),
        ("{ customers(first: 3) { totalCount } }", 1 + 3),
        ("{ revenueBridge { before } }", 1 + 40_000 + 1),
        ("{ __schema { types { name } } }", 1 + 25_000),
        (
            'mutation { endTierOverride(externalId: "x") { userErrors { code } } }',
            1 + 1_000 + 1 + 100,
        ),
        ("{ ...F } fragment F on Query { ... on Query { tiers { key } } }", 1 + 21),
    ],
)
def test_the_formula(document: str, values: int) -> None:
    meter = DocumentMeter(SCHEMA, parse(document), {})
    operation = meter.check(Limits()).values
    # A fragment is counted where it is spread, and once where it stands.
    assert operation == values * (2 if "fragment" in document else 1)


async def test_page_sizes_are_read_as_the_executor_reads_them(api: Api) -> None:
    """Whatever a variable holds that can stand for a number or a list is charged as such."""
    page = "query ($n: Int) { customers(first: $n) { edges { node { externalId } } } }"
    for given in (5, 5.0):
        answer = (await api.send(page, variables={"n": given})).json()
        found = answer["data"]["customers"]["edges"]
        predicted = DocumentMeter(SCHEMA, parse(page), {"n": given}).check(Limits()).values
        assert len(found) == 5
        assert predicted == 1 + 5 * 3
    several = """query A($n: Int = 2) { customers(first: $n) { totalCount } }
        query B($n: Int = 90) { customers(first: $n) { totalCount } }"""
    assert DocumentMeter(SCHEMA, parse(several), {}).check(Limits()).values == 2 * (1 + 90)
    nodes = "query ($i: [ID!]!) { nodes(ids: $i) { id } }"
    assert DocumentMeter(SCHEMA, parse(nodes), {"i": "one"}).check(Limits()).values == 2
    assert DocumentMeter(SCHEMA, parse(nodes), {"i": ["a", "b"]}).check(Limits()).values == 3
    default = "query ($n: Int! = 3) { customers(first: $n) { totalCount } }"
    assert DocumentMeter(SCHEMA, parse(default), {}).check(Limits()).values == 4


def test_a_list_that_is_longer_than_charged_for_is_refused() -> None:
    _, place = measured("{ tiers { key } }")
    assert values_in({"tiers": [{"key": "a"}] * 21}, place) == 22
    with pytest.raises(ListTooLong, match=r"Query\.tiers has 22 entries; 21 can be shown"):
        values_in({"tiers": [{"key": "a"}] * 22}, place)


def lists(kind: Any) -> bool:
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        if isinstance(kind, GraphQLList):
            return True
        kind = kind.of_type
    return False


def test_every_list_has_a_page_size_or_a_longest_length() -> None:
    missing = [
        f"{kind.name}.{name}"
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name, field in kind.fields.items()
        if lists(field.type)
        and is_composite_type(get_named_type(field.type))
        and not set(field.args) & set(PAGE_ARGUMENTS)
        and name not in ("edges", "userErrors")
        and f"{kind.name}.{name}" not in LENGTHS
    ]
    assert missing == []


def test_the_price_list_names_fields_that_exist() -> None:
    for place in {*LENGTHS, *WEIGHTS}:
        kind, _, name = place.partition(".")
        assert name.startswith("__") or name in fields_of(SCHEMA.type_map[kind]), place


def test_lists_are_cut_where_their_price_ends() -> None:
    cuts = {
        "CustomerClass.history": class_reading.MOST_MOVES,
        "Classes.statuses": class_reading.MOST_STEPS,
        "Classes.all": class_writes.MOST_CLASSIFICATIONS,
        "Query.classifications": class_writes.MOST_CLASSIFICATIONS,
        "Classification.versions": class_reading.MOST_VERSIONS,
        "Query.models": 2 * model_versions.MOST_VERSIONS,
        "Customer.cases": cases.MOST_CASES,
    }
    assert cuts == {name: LENGTHS[name] for name in cuts}
