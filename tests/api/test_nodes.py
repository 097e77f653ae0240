"""Whatever has an id is found again by it: in one list, in one statement a kind."""

from __future__ import annotations

import datetime as dt

from graphql import GraphQLInterfaceType
from sqlalchemy import Engine, insert

from api.db.models import CustomerCase, Override
from api.graphql.ids import global_id
from api.graphql.nodes import FINDERS
from api.graphql.schema import executable_schema
from tests.api.conftest import Api
from tests.api.seed import DAY


async def test_cases_are_filtered_sorted_and_found_by_id(own_api: Api, engine: Engine) -> None:
    rows = [
        {
            "id": number,
            "customer_id": number,
            "kind": "retention",
            "strategy_id": 1,
            "opened_on": DAY - dt.timedelta(days=number),
            "closed_on": DAY if number % 2 else None,
            "cause": "price" if number % 2 else None,
            "outcome": "stayed" if number % 2 else None,
            "reasons": [],
            "version": 1,
        }
        for number in range(1, 9)
    ]
    with engine.begin() as connection:
        connection.execute(insert(CustomerCase), rows)
    document = """query ($filter: CustomerCaseFilter) { customerCases(kind: RETENTION, first: 10,
        filter: $filter, orderBy: [{field: OPENED_ON, direction: DESC}]) { totalCount
          edges { node { id openedOn cause } } } }"""
    wish = {"cause": {"eq": "PRICE"}, "openedOn": {"gte": (DAY - dt.timedelta(days=5)).isoformat()}}
    found = (await own_api.ask(document, variables={"filter": wish}))["customerCases"]
    days = [edge["node"]["openedOn"] for edge in found["edges"]]
    assert days == [(DAY - dt.timedelta(days=each)).isoformat() for each in (1, 3, 5)]
    first = found["edges"][0]["node"]["id"]
    node = (
        await own_api.ask("query ($id: ID!) { node(id: $id) { id ... on CustomerCase { cause } } }",
                          variables={"id": first})
    )["node"]  # fmt: skip
    assert node == {"id": first, "cause": "PRICE"}


async def test_what_was_set_by_hand_and_classifications_are_nodes(
    own_api: Api, engine: Engine
) -> None:
    given = {
        "id": 7,
        "customer_id": 2,
        "kind": "tier",
        "value": "gold",
        "reason": "a friend of the house",
        "author": "care",
        "created_at": dt.datetime(2026, 4, 1, tzinfo=dt.UTC),
        "starts_on": DAY,
        "expires_on": DAY + dt.timedelta(days=9),
    }
    with engine.begin() as connection:
        connection.execute(insert(Override), [given])
    keys = "{ classifications { id key } }"
    known = (await own_api.ask(keys))["classifications"]
    ids = [global_id("Override", 7), global_id("Override", 8), known[0]["id"]]
    document = """query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id
        ... on Override { value } ... on Classification { key } } }"""
    async with own_api.statements() as sent:
        found = (await own_api.ask(document, "frontend", variables={"ids": ids}))["nodes"]
    assert found == [
        {"__typename": "Override", "id": ids[0], "value": "gold"},
        None,
        {"__typename": "Classification", "id": ids[2], "key": known[0]["key"]},
    ]
    assert sum("FROM overrides" in each for each in sent) == 2


def test_whatever_is_a_node_can_be_found() -> None:
    schema = executable_schema()
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    nodes = schema.get_possible_types(node)
    assert {each.name for each in nodes} == FINDERS.keys()
