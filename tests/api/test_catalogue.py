"""Segments, tiers, strategies, models and the whole customer base."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from api.documents import POLICIES, read_document
from tests.api.conftest import SIZE, Api, reads
from tests.api.seed import TIERS

TIERED = [number for number in range(1, SIZE + 1) if number % 7]


async def test_segments_count_and_page_their_members(api: Api) -> None:
    found = await api.ask(
        """{ segments { id key name description version rule memberCount
            members(first: 4) { totalCount edges { cursor node { externalId } }
              pageInfo { hasNextPage endCursor } } } }"""
    )
    segments = {each["key"]: each for each in found["segments"]}
    assert list(segments) == sorted(segments)
    first = segments[min(segments)]
    members = [number for number in range(2, SIZE + 1, 2) if number % 13]
    assert first["memberCount"] == first["members"]["totalCount"] == len(members)
    assert [edge["node"]["externalId"] for edge in first["members"]["edges"]] == [
        f"C{number:05d}" for number in members[:4]
    ]
    cursor = first["members"]["pageInfo"]["endCursor"]
    rest = await api.ask(
        f'{{ segment(key: "{first["key"]}") {{ members(first: 100, after: "{cursor}") '
        "{ edges { node { externalId } } } } }"
    )
    names = [edge["node"]["externalId"] for edge in rest["segment"]["members"]["edges"]]
    assert names == [f"C{number:05d}" for number in members[4:]]


async def test_members_of_all_segments_cost_one_statement(api: Api) -> None:
    document = "{ segments { key memberCount members(first: 3) { edges { node { id } } } } }"
    await api.ask(document)
    async with api.statements() as sent:
        await api.ask(document)
    assert len(reads(sent)) == 3


async def test_an_unknown_segment_is_none(api: Api) -> None:
    assert (await api.ask('{ segment(key: "nothing") { key } }'))["segment"] is None


async def test_tiers_of_the_active_policy_best_first(api: Api) -> None:
    document = "{ tiers { key rank name description customerCount } }"
    tiers = (await api.ask(document, headers={"Accept-Language": "zh"}))["tiers"]
    assert [tier["rank"] for tier in tiers] == list(range(1, len(tiers) + 1))
    assert tiers[0]["key"] == "diamond"
    assert tiers[0]["name"] == "钻石"
    counts = {tier["key"]: tier["customerCount"] for tier in tiers}
    assert counts["gold"] == sum(TIERS[number % 5] == "gold" for number in TIERED)


async def test_policies_and_strategies_and_models(api: Api) -> None:
    found = await api.ask(
        """{ tierPolicies { key version active name description document effectiveFrom effectiveTo
              createdAt }
            strategies { key version active name description steps action channel ownerRole dueDays
              cost rule }
            models { name version champion horizonDays trainedAsOf registeredAt metrics } }"""
    )
    policy = found["tierPolicies"][0]
    assert (policy["key"], policy["version"], policy["active"]) == ("default", 1, True)
    assert policy["document"] == read_document(POLICIES / "default.yaml")
    shipped = {each["key"]: each for each in read_document(POLICIES / "strategies.yaml")}
    assert {each["key"] for each in found["strategies"]} == shipped.keys()
    for strategy in found["strategies"]:
        document = shipped[strategy["key"]]
        assert strategy["name"] == document["name"]["en"]
        assert strategy["cost"] == float(document.get("cost", 0))
        assert strategy["rule"] == document["when"]
        assert len(strategy["steps"]) == len(document["steps"])
    assert [(each["name"], each["version"]) for each in found["models"]] == [
        ("churn", 3),
        ("clv", 5),
    ]
    assert found["models"][0]["metrics"] == {"auc": 0.8}


async def test_the_portfolio_adds_up(api: Api) -> None:
    portfolio = (
        await api.ask(
            """{ portfolio { asOf currency customers scoredCustomers revenue365d clv clvAtRisk
              meanChurnProbability byTier { key customers clv meanChurnProbability }
              bySegment { key customers } byRiskBand { key customers clv } } }"""
        )
    )["portfolio"]
    scores = (
        await api.ask(
            """{ riskScores(first: 5000) {
                edges { node { deleted clv churnProbability riskBand } } } }"""
        )
    )["riskScores"]["edges"]
    nodes = [edge["node"] for edge in scores if not edge["node"]["deleted"]]
    assert (portfolio["asOf"], portfolio["currency"]) == ("2026-03-31", "USD")
    assert portfolio["customers"] == SIZE
    assert portfolio["scoredCustomers"] == len(nodes)
    assert portfolio["clv"] == sum(node["clv"] for node in nodes)
    at_risk = [node["clv"] for node in nodes if node["riskBand"] == "HIGH"]
    assert portfolio["clvAtRisk"] == sum(at_risk)
    mean = sum(node["churnProbability"] for node in nodes) / len(nodes)
    assert portfolio["meanChurnProbability"] == pytest.approx(mean)
    assert sum(each["customers"] for each in portfolio["byTier"]) == len(TIERED)
    assert [each["key"] for each in portfolio["byRiskBand"]] == ["low", "medium", "high"]
    assert sum(each["clv"] for each in portfolio["byRiskBand"]) == portfolio["clv"]
    assert portfolio["bySegment"]


async def test_migration_is_a_matrix_from_history(api: Api) -> None:
    document = """{ tierMigration(from: "2026-03-01", to: "2026-03-31") {
        moved customers moves { fromTier toTier customers } counts { tier before after } } }"""
    found = (await api.ask(document))["tierMigration"]
    before = dict.fromkeys(range(3, SIZE + 1, 3), "bronze")
    after = {number: TIERS[number % 5] for number in TIERED}
    cells: dict[tuple[str | None, str | None], int] = {}
    for number in before.keys() | after.keys():
        cell = (before.get(number), after.get(number))
        cells[cell] = cells.get(cell, 0) + 1
    assert {(m["fromTier"], m["toTier"]): m["customers"] for m in found["moves"]} == cells
    assert found["moved"] == sum(n for (a, b), n in cells.items() if a != b)
    assert found["customers"] == sum(cells.values())
    counts = {each["tier"]: (each["before"], each["after"]) for each in found["counts"]}
    assert counts["bronze"] == (len(before), sum(tier == "bronze" for tier in after.values()))
    reversed_days = document.replace("2026-03-01", "2026-04-01")
    assert await api.codes(reversed_days) == ["INVALID_INPUT"]


SIMULATION = """query ($p: JSON!) { simulateTierPolicy(policy: $p) { moved customers
    moves { fromTier toTier customers } counts { tier before after } } }"""


async def simulate(api: Api, policy: Any) -> Any:
    return (await api.ask(SIMULATION, variables={"p": policy}))["simulateTierPolicy"]


async def test_another_policy_is_tried_without_changing_anything(api: Api) -> None:
    policy = read_document(POLICIES / "default.yaml")
    usual = await simulate(api, policy)
    assert usual["customers"] == SIZE
    generous = copy.deepcopy(policy)
    generous["tiers"][0]["when"] = {"clv": {"gte": 0}}
    found = await simulate(api, generous)
    counts = {each["tier"]: each for each in found["counts"]}
    scored = (await api.ask("{ portfolio { scoredCustomers } }"))["portfolio"]["scoredCustomers"]
    assert counts["diamond"]["after"] == scored
    assert counts["gold"]["before"] == sum(TIERS[number % 5] == "gold" for number in TIERED)
    assert await simulate(api, policy) == usual


async def test_policies_may_read_attributes_and_days(api: Api) -> None:
    policy = read_document(POLICIES / "default.yaml")
    policy["tiers"][0]["when"] = {
        "all": [
            {"attribute.household_size": {"gte": 3}},
            {"attribute.owner": True},
            {"known_at": {"lte": "2026-01-01"}},
            {"kind": "b2c"},
        ]
    }
    wanted = [
        number for number in range(1, SIZE + 1) if number % 4 + 1 >= 3 and number % 2 and number % 5
    ]
    counts = {each["tier"]: each["after"] for each in (await simulate(api, policy))["counts"]}
    fallback = {number for number in wanted if number % 10 == 0 or number % 25 == 1}
    assert len(wanted) - len(fallback) <= counts["diamond"] <= len(wanted)


@pytest.mark.parametrize("policy", [{}, [], 1, "x", {"key": "a"}, {"tiers": None}])
async def test_a_policy_that_is_none_is_explained(api: Api, policy: Any) -> None:
    answer = (await api.send(SIMULATION, variables={"p": policy})).json()
    assert answer["errors"][0]["extensions"]["code"] == "INVALID_INPUT"
    assert "policy" in answer["errors"][0]["message"]
