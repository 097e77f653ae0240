"""The schema as users see it: in git, described, and closed unless a scope opens it."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from graphql import (
    ExecutionContext,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    print_schema,
)

from api.db.customers import CUSTOMERS
from api.domain import fields
from api.domain.keys import SCOPES
from api.graphql import execution
from api.graphql.access import enforce
from api.graphql.classes import AbcClass, CustomerKind, LifecycleStage, RfmGroup
from api.graphql.customer_order import CustomerOrderField
from api.graphql.schema import SDL_PATH, executable_schema, sdl
from api.graphql.scores import RiskBand
from tests.api.conftest import Api
from tests.api.test_contract import CONTRACT

WHOLE = """
fragment Stay on CustomerTier { tier name since until version policy reasons { code params text } }
{ customer(externalId: "C00017") { __typename id externalId kind knownSince region
    attributes { name type value label }
    tier { ...Stay gapToNextTier { tier conditions { field operator current needed text } } }
    prediction { churnProbability churnPercentile riskBand clv clvLow clvHigh currency horizonDays
      clvHorizonDays expectedNextPurchaseOn asOf scoredAt validUntil stale modelVersion
      reasons { code value effect zh: text(language: ZH_HANS) } clvReasons { code } }
    classes { rfm { rScore fScore mScore group } abc lifecycle { stage since }
      recencyDays netSpend }
    segments { key name(language: ZH_HANS) since reasons { text } }
    recommendedStrategies(first: 2) { priority expectedGain
      strategy { key name steps action cost } }
    recommendedProducts { rank product probability reason { code text } }
    preferredChannels { channel evidence { text } } churnHints { actions text }
    group { key name(language: ZH_HANS) customers }
    tierHistory(first: 3) { edges { cursor node { ...Stay } } }
    orders(last: 2) { totalCount
      edges { cursor node { total currency lines { quantity amount } } } }
    interactions(first: 2) { edges { node { kind direction } } pageInfo { hasNextPage } } }
  riskScores(first: 30) { edges { cursor node { customerId riskBand revision deleted clv
    reasons { text } } } pageInfo { endCursor } } }
"""


def schema_from_text() -> GraphQLSchema:
    return build_schema(sdl())


def test_the_schema_in_git_is_the_schema() -> None:
    assert SDL_PATH.read_text() == sdl(), "run: echelon export-schema"
    assert "type Query" in print_schema(schema_from_text())


def test_no_argument_has_a_default_that_says_nothing() -> None:
    assert "= null" not in sdl()


def test_everything_is_described() -> None:
    missing = []
    for name, kind in schema_from_text().type_map.items():
        if name.startswith("__"):
            continue
        if not kind.description:
            missing.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    missing.append(f"{name}.{field_name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        missing.append(f"{name}.{field_name}({argument_name})")
        if isinstance(kind, GraphQLEnumType):
            missing += [f"{name}.{key}" for key, one in kind.values.items() if not one.description]
    assert missing == []


def test_every_root_field_needs_a_scope_that_exists() -> None:
    query = schema_from_text().query_type
    assert query is not None
    assert len(query.fields) >= 13
    for name, field in query.fields.items():
        assert field.ast_node is not None
        needs = [each for each in field.ast_node.directives if each.name.value == "requires"]
        assert len(needs) == 1, name
        assert needs[0].arguments[0].value.value in SCOPES


def test_a_root_field_without_a_scope_is_not_served() -> None:
    with pytest.raises(LookupError, match=r"Query\.open declares no scope"):
        enforce(build_schema("type Query { open: String }"))


@pytest.mark.parametrize(
    ("enum", "choices"),
    [
        (CustomerKind, fields.CUSTOMER_KINDS),
        (RiskBand, fields.RISK_BANDS),
        (AbcClass, fields.ABC_CLASSES),
        (LifecycleStage, fields.LIFECYCLE_STAGES),
        (RfmGroup, fields.RFM_GROUPS),
    ],
)
def test_enums_have_the_values_that_are_stored(
    enum: type[Enum], choices: tuple[fields.Choice, ...]
) -> None:
    assert {each.value for each in enum} == {each.value for each in choices}


def test_orders_are_those_the_database_knows() -> None:
    assert {each.value for each in CustomerOrderField} == CUSTOMERS.columns.keys()


@pytest.mark.parametrize("document", [CONTRACT, WHOLE])
async def test_planned_execution_answers_as_graphql_core_does(
    api: Api, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = (await api.send(document)).json()
    monkeypatch.setattr(execution, "ChangingExecution", ExecutionContext)
    assert (await api.send(document)).json() == planned
    assert "errors" not in planned


async def test_planned_execution_fails_as_graphql_core_does(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = """{ customers(first: 3) { edges { node { externalId prediction { clv }
        recommendedStrategies(first: 21) { priority } tier { tier reasons { text } } } } }
        portfolio { customers } }"""

    def failing(*_arguments: object) -> str:
        raise KeyError("nothing")

    monkeypatch.setattr("api.graphql.reasons.render", failing)

    async def answer() -> tuple[Any, list[Any]]:
        found = (await api.send(document)).json()
        # Bugs carry their request's id, and which of several null the list first may differ.
        errors = [(error["path"], error["extensions"]["code"]) for error in found["errors"]]
        return found["data"], errors

    planned = await answer()
    monkeypatch.setattr(execution, "ChangingExecution", ExecutionContext)
    assert await answer() == planned
    assert planned[0]["customers"] is None
    assert planned[0]["portfolio"]


def test_the_schema_is_built_once() -> None:
    assert executable_schema() is executable_schema()
