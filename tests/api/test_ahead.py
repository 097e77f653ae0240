"""Documents that are answered from one statement are answered as graphql-core would."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from graphql import ExecutionContext

from api.graphql import execution
from api.graphql.ahead import answers
from api.graphql.ahead.customers import CUSTOMER
from api.graphql.ahead.predictions import RISK_SCORE
from api.graphql.ahead.shapes import Documents, Entry, Many, One, Paged, Shape, Value
from api.graphql.ahead.steps import Missing
from api.graphql.ids import global_id
from bench.graphql.queries import ECHELON_CUSTOMER, ECHELON_PAGE, ECHELON_SCORES
from tests.api.conftest import SIZE, Api, reads
from tests.api.seed_facts import external_id

SPOKEN = {"text", "name", "description", "label"}
LANGUAGES = ("EN", "ZH_HANS", "ZH_HANT")
DOCUMENTS = 25
UNMAPPED = ("classes { recencyDays rfmGroup }", "overrides { value }", "cases { kind }")


class Writer:
    """Writes documents of what mappings have, and at times of what they don't."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a seeded one is meant
        self.fragments: list[str] = []

    def document(self) -> str:
        self.fragments = []
        roots = self.chance.choices((self.customers, self.customer, self.scores), (6, 3, 2), k=1)
        if self.chance.random() < 0.2:
            roots.append(self.customer)
        body = " ".join(f"r{place}: {root()}" for place, root in enumerate(roots))
        declared = "query ($yes: Boolean = true, $no: Boolean = false, $few: Int = 2)"
        used = "u: __typename @include(if: $yes) n: __typename @skip(if: $no) "
        few = "f: customers(first: $few) { pageInfo { hasNextPage } } "
        alone = self.chance.random() < 0.5
        if alone:
            return f"{{ {body} }} {' '.join(self.fragments)}"
        return f"{declared} {{ {used}{few}{body} }} {' '.join(self.fragments)}"

    def customers(self) -> str:
        size = self.chance.choice(("first", "last"))
        order = self.chance.choice(
            (
                "",
                "orderBy: [{field: CLV, direction: DESC}]",
                "orderBy: [{field: KNOWN_SINCE}, {field: NET_SPEND, direction: DESC}]",
            )
        )
        condition = self.chance.choice(
            (
                "",
                "filter: {churnProbability: {gte: 0.3}}",
                'filter: {or: [{region: {eq: "North"}}, {tier: {in: ["gold", "silver"]}}]}',
                'filter: {not: {externalId: {contains: "1"}}}',
            )
        )
        arguments = f"{size}: {self.chance.randint(1, 12)} {order} {condition}"
        return f"customers({arguments}) {self.connection(CUSTOMER)}"

    def customer(self) -> str:
        number = self.chance.randint(1, SIZE + 2)
        which = self.chance.choice(
            (f'id: "{global_id("Customer", number)}"', f'externalId: "{external_id(number)}"')
        )
        return f"customer({which}) {self.selection(CUSTOMER)}"

    def scores(self) -> str:
        return f"riskScores(first: {self.chance.randint(1, 40)}) {self.connection(RISK_SCORE)}"

    def connection(self, shape: Shape) -> str:
        parts = [f"edges {{ cursor node {self.selection(shape)} __typename }}"]
        parts += self.chance.sample(
            (
                "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }",
                "t: totalCount",
                "__typename",
                "again: pageInfo { e: endCursor __typename }",
            ),
            self.chance.randint(0, 2),
        )
        self.chance.shuffle(parts)
        return f"{{ {' '.join(parts)} }}"

    def selection(self, shape: Shape, depth: int = 0) -> str:
        names = self.chance.sample(sorted(shape.fields), self.chance.randint(1, len(shape.fields)))
        parts = [self.field(name, shape.fields[name], depth) for name in names]
        if self.chance.random() < 0.2:
            parts.append("__typename")
        if shape is CUSTOMER and self.chance.random() < 0.15:
            parts.append(self.chance.choice(UNMAPPED))
        body = " ".join(parts)
        if self.chance.random() < 0.15:
            return f"{{ ... on {shape.type} {{ {body} }} }}"
        if self.chance.random() < 0.15:
            name = f"Part{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {shape.type} {{ {body} }}")
            return f"{{ ...{name} }}"
        return f"{{ {body} }}"

    def field(self, name: str, part: Any, depth: int) -> str:
        alias = f"a{self.chance.randint(0, 10**9)}: " if self.chance.random() < 0.2 else ""
        match part:
            case Value() | Entry():
                spoken = name in SPOKEN and "type" not in name and self.chance.random() < 0.3
                spoken = spoken and not (name == "name" and part.convert is None)
                given = f"(language: {self.chance.choice(LANGUAGES)})" if spoken else ""
                return f"{alias}{name}{given}"
            case One() | Documents():
                return f"{alias}{name} {self.selection(part.shape, depth + 1)}"
            case Many():
                limit = name == "recommendedStrategies" and self.chance.random() < 0.7
                given = f"(first: {self.chance.randint(1, 5)})" if limit else ""
                return f"{alias}{name}{given} {self.selection(part.shape, depth + 1)}"
            case Paged():
                size = self.chance.choice(("first", "last"))
                given = f"({size}: {self.chance.randint(1, 4)})"
                return f"{alias}{name}{given} {self.connection(part.shape)}"
        raise LookupError(name)


def same(response: httpx.Response) -> dict[str, Any]:
    """An answer without what two requests never share."""
    answer: dict[str, Any] = response.json()
    for error in answer.get("errors", ()):
        error["extensions"].pop("requestId", None)
    cost = answer.get("extensions", {}).get("cost", {})
    for name in ("remaining", "resetSeconds"):
        cost.pop(name, None)
    return answer


@pytest.mark.parametrize("key", ["admin", "frontend", "support", "sales", "partner"])
@pytest.mark.parametrize("language", ["en", "zh-Hant"])
async def test_random_documents_are_answered_as_graphql_core_does(
    api: Api, key: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "EXCUSED", (Missing,))
    writer = Writer(len(key) * 100 + len(language))
    documents = [writer.document() for _ in range(DOCUMENTS)]
    headers = {"Accept-Language": language}
    ahead = [same(await api.send(each, key, headers=headers)) for each in documents]
    monkeypatch.setattr(execution, "ChangingExecution", ExecutionContext)
    for document, answer in zip(documents, ahead, strict=True):
        assert answer == same(await api.send(document, key, headers=headers)), document
    answered = sum("errors" not in answer for answer in ahead)
    assert answered > (0 if key == "partner" else DOCUMENTS // 3)


STANDARD: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
    "customer": (ECHELON_CUSTOMER, lambda: {"id": global_id("Customer", 6)}),
    "page": (ECHELON_PAGE, lambda: {"least": 0.1}),
    "scores": (ECHELON_SCORES, dict),
}


@pytest.mark.parametrize("name", STANDARD)
async def test_a_standard_question_is_one_statement(
    api: Api, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, variables = STANDARD[name]
    key = "partner" if name == "scores" else "frontend"
    answer = await api.ask(document, key, variables=variables())
    async with api.statements() as sent:
        assert await api.ask(document, key, variables=variables()) == answer
    assert len(reads(sent)) == 1
    monkeypatch.setattr(execution, "ChangingExecution", ExecutionContext)
    assert await api.ask(document, key, variables=variables()) == answer


async def test_other_values_of_variables_get_their_own_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """query ($id: ID, $least: Float, $first: Int!, $deep: Boolean!, $after: String) {
      customer(id: $id) { externalId recommendedStrategies(first: $first) { priority } }
      customers(first: $first, after: $after, filter: {churnProbability: {gte: $least}}) {
        edges { cursor node { externalId segments @include(if: $deep) { key } } } } }"""
    asked: list[dict[str, Any]] = [
        {"id": global_id("Customer", number), "least": least, "first": first, "deep": deep}
        for number, least, first, deep in ((3, 0.1, 1, True), (4, 0.6, 3, False), (3, 0.6, 3, True))
    ]
    after = (await api.ask(document, variables=asked[0]))["customers"]["edges"][0]["cursor"]
    asked.append(asked[1] | {"least": 0.1, "after": after})
    ahead = [await api.ask(document, variables=each) for each in asked]
    monkeypatch.setattr(execution, "ChangingExecution", ExecutionContext)
    assert ahead == [await api.ask(document, variables=each) for each in asked]
    assert len({str(each) for each in ahead}) == len(asked)


async def test_what_goes_wrong_gets_its_place(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_arguments: object) -> str:
        raise KeyError("nothing")

    monkeypatch.setattr("api.graphql.ahead.reasons.render", failing)
    monkeypatch.setattr("api.graphql.reasons.render", failing)
    document = "{ customers(first: 3) { edges { node { tier { reasons { code text } } } } } }"
    answer = (await api.send(document, "frontend")).json()
    assert answer["errors"][0]["path"][:2] == ["customers", "edges"]
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_guarded_field_takes_the_usual_way(api: Api) -> None:
    document = "{ customers(first: 2) { edges { node { externalId name } } } }"
    assert await api.codes(document, "frontend") == ["FORBIDDEN"] * 2
    names = (await api.ask(document, "support"))["customers"]["edges"]
    assert all(each["node"]["name"] for each in names)


async def test_a_fault_of_look_ahead_is_answered_and_noted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = "{ customers(first: 2) { edges { node { externalId } } } }"
    expected = await api.ask(document, "frontend")

    async def failing(*_arguments: object, **_options: object) -> object:
        raise KeyError("a value of somebody's")

    monkeypatch.setattr(answers, "page_of_customers", failing)
    assert await api.ask(document, "frontend") == expected
    noted = [line for line in api.log.lines if line["event"] == "look_ahead_failed"]
    assert [line["error"] for line in noted] == ["KeyError"]
    assert "somebody" not in str(noted)


async def test_what_is_remembered_stays_small_whatever_callers_send(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.graphql.ahead.reading.REMEMBERED_PLANS", 8)
    plans = api.app.state.graphql.executor._ahead._plans
    rest = "orders(first: $n, filter: $f) { totalCount } } } } }"
    for number in range(3):
        query = "query ($f: OrderFilter, $n: Int!) { customers(first: 1) { edges { node {"
        for size in range(1, 7):
            # Refused as too long, which nobody knows who plans.
            variables = {"f": {"store": {"eq": "x" * 10_000}}, "n": size}
            await api.send(f"{query} n{number}: {rest}", variables=variables)
    kept = [key for seen in plans._seen.values() for key in seen.plans]
    assert len(kept) == plans._made <= 8
    assert len(repr(kept)) < 20_000


async def test_texts_of_statements_are_kept_within_bounds(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = api.app.state.graphql.executor._ahead._plans._shelf
    monkeypatch.setattr(shelf, "_most", 3)
    for field in ("externalId", "region", "industry"):
        for op in ("eq", "ne"):
            filtered = f'filter: {{{field}: {{{op}: "x"}}}}'
            await api.ask(f"{{ customers(first: 1, {filtered}) {{ edges {{ cursor }} }} }}")
    assert len(shelf) == 3
