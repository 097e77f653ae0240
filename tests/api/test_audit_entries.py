"""The audit log over GraphQL: pages over both of its places, filters, and who may see it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.api.conftest import Api, running, seed
from tests.api.mutation_samples import TIER
from tests.api.seed_facts import NOW

SET = """mutation ($i: SetTierOverrideInput!) { setTierOverride(input: $i) {
    userErrors { code } } }"""
READ = "{ customers(first: 2) { edges { node { name } } } }"
LIST = """query ($filter: AuditFilter, $first: Int, $after: String, $last: Int, $before: String) {
    auditEntries(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      edges { cursor node { place at actorKind actor action requestId objects arguments
        read { fields customers customerIds } } } } }"""


class Moments:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now


async def listed(api: Api, **variables: Any) -> Any:
    return (await api.ask(LIST, "auditor", variables=variables))["auditEntries"]


@pytest.fixture
def moments() -> Moments:
    return Moments()


async def filled(api: Api, moments: Moments) -> None:
    """Changes and reads in turn, a minute apart, three of each."""
    for number in range(3):
        await api.ask(SET, "care", variables={"i": TIER | {"reason": f"For {number}"}})
        moments.now += dt.timedelta(minutes=1)
        await api.ask(READ, "support")
        moments.now += dt.timedelta(minutes=1)


async def test_changes_and_reads_are_one_list_newest_first(
    engine: Engine, database_url: str, moments: Moments
) -> None:
    async with running(database_url, seed(engine, 30), clock=moments) as api:
        await filled(api, moments)
        found = await listed(api, first=10)
        nodes = [edge["node"] for edge in found["edges"]]
        assert [node["action"] for node in nodes] == ["personal.read", "setTierOverride"] * 3
        assert found["totalCount"] == 6
        assert [node["at"] for node in nodes] == sorted((n["at"] for n in nodes), reverse=True)
        read, change = nodes[0], nodes[1]
        assert (read["actorKind"], read["actor"]) == ("KEY", "support")
        assert read["read"]["fields"] == ["Customer.name"]
        assert (read["read"]["customers"], len(read["read"]["customerIds"])) == (2, 2)
        assert change["read"] is None
        assert change["objects"][0] == "Customer:3"
        assert len(change["arguments"]) == 64
        assert change["arguments"] != nodes[3]["arguments"]
        assert all(len(node["requestId"]) == 32 for node in nodes)


async def test_pages_forward_and_backward_lose_and_repeat_nothing(
    engine: Engine, database_url: str, moments: Moments
) -> None:
    async with running(database_url, seed(engine, 30), clock=moments) as api:
        await filled(api, moments)
        whole = [edge["node"]["place"] for edge in (await listed(api, first=10))["edges"]]
        for size in (1, 2, 4):
            seen, after, more = [], None, True
            while more:
                page = await listed(api, first=size, after=after)
                seen += [edge["node"]["place"] for edge in page["edges"]]
                more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
            assert seen == whole
            seen, before, more = [], None, True
            while more:
                page = await listed(api, last=size, before=before)
                seen = [edge["node"]["place"] for edge in page["edges"]] + seen
                more, before = page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["startCursor"]
            assert seen == whole


async def test_filters_by_actor_action_and_time(
    engine: Engine, database_url: str, moments: Moments
) -> None:
    async with running(database_url, seed(engine, 30), clock=moments) as api:
        await filled(api, moments)
        for wanted, count in (
            ({"actor": "care"}, 3),
            ({"actor": "nobody"}, 0),
            ({"action": "personal.read"}, 3),
            ({"actor": "care", "action": "personal.read"}, 0),
            ({"since": (NOW + dt.timedelta(minutes=4)).isoformat()}, 2),
            ({"until": (NOW + dt.timedelta(minutes=4)).isoformat()}, 4),
        ):
            assert (await listed(api, first=10, filter=wanted))["totalCount"] == count, wanted


async def test_it_needs_a_scope_of_its_own(api: Api) -> None:
    for key in ("support", "frontend", "partner"):
        codes = await api.codes(LIST, key, variables={"first": 1})
        assert codes == ["FORBIDDEN"]
