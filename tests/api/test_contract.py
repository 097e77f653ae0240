"""The document that frontends were promised, and what it costs."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api, reads

CONTRACT = """
{ customers(first: 20, filter: {churnProbability: {gte: 0.5}}, orderBy: [{field: CLV, direction: DESC}]) {
    edges { node { externalId tier { tier since reasons { code text } }
      prediction { churnProbability clv clvLow clvHigh modelVersion asOf reasons { code text } }
      segments { key } recommendedStrategies(first: 3) { strategy { key } priority reasons { code text } } } }
    pageInfo { hasNextPage endCursor } } }
"""  # noqa: E501 (as it was promised)


async def test_the_promised_document_works_as_it_stands(api: Api) -> None:
    page = (await api.ask(CONTRACT, "frontend"))["customers"]
    nodes: list[dict[str, Any]] = [edge["node"] for edge in page["edges"]]
    assert len(nodes) == 20
    values = [node["prediction"]["clv"] for node in nodes]
    assert values == sorted(values, reverse=True)
    assert all(node["prediction"]["churnProbability"] >= 0.5 for node in nodes)
    node = next(node for node in nodes if node["tier"] and node["segments"])
    assert node["prediction"]["modelVersion"] == "churn-3/clv-5"
    assert node["prediction"]["asOf"] == node["tier"]["since"] == "2026-03-31"
    assert node["prediction"]["reasons"][0] == {
        "code": "recency_days",
        "text": "No purchase for 45 days",
    }
    assert node["tier"]["reasons"] == [
        {
            "code": "tier.condition_met",
            "text": "Predicted lifetime value is 220.00 USD, at least 150.00 USD",
        }
    ]
    assert [each["priority"] for each in node["recommendedStrategies"]] == [1, 2, 3]
    assert page["pageInfo"]["endCursor"]


async def test_it_costs_as_many_statements_for_fifty_customers_as_for_one(api: Api) -> None:
    costs = []
    for size in (1, 50):
        document = CONTRACT.replace("first: 20", f"first: {size}").replace("gte: 0.5", "gte: 0")
        await api.ask(document)  # keys and settings are remembered from here on
        async with api.statements() as sent:
            page = await api.ask(document)
        assert len(page["customers"]["edges"]) == size
        costs.append(len(reads(sent)))
    assert costs[0] == costs[1] <= 6
