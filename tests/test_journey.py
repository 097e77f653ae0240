"""The three users' way through the product, from a purchase log to answers, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from api.app import create_app
from api.settings import load_settings
from tests.cli.conftest import Echelon, echelon

__all__ = ["echelon"]

AS_OF = "2025-12-31"
CONTRACT_QUERY = """
{ customers(first: 20, filter: {churnProbability: {gte: 0.5}},
    orderBy: [{field: CLV, direction: DESC}]) {
    edges { node { externalId tier { tier since reasons { code text } }
      prediction { churnProbability clv clvLow clvHigh modelVersion asOf reasons { code text } }
      segments { key }
      recommendedStrategies(first: 3) { strategy { key } priority reasons { code text } } } }
    pageInfo { hasNextPage endCursor } } }
"""


def write_purchase_log(path: Path) -> int:
    """400 customers over two years: each buys at a pace of its own and may leave for good."""
    rng = np.random.default_rng(20260101)
    rows = []
    for customer in range(400):
        pace = rng.gamma(2.0, 15.0) + 3
        day = rng.uniform(0, 500)
        while day < 745:
            when = pd.Timestamp("2024-01-01") + pd.Timedelta(days=float(day))
            amount = f"{rng.lognormal(3, 0.7):.2f}"
            rows.append((f"B{len(rows)}", f"C{customer}", when.isoformat(), 1, amount))
            if rng.random() < 0.08:
                break
            day += rng.exponential(pace)
    names = ["basket", "customer_id", "ordered_at", "quantity", "amount"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return len(rows)


class Api:
    """The running application, asked with one key."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"}

    async def ask(self, query: str, language: str = "en") -> dict[str, Any]:
        headers = self._headers | {"Accept-Language": language}
        answer = await self._client.post("/graphql", json={"query": query}, headers=headers)
        document: dict[str, Any] = answer.json()
        assert "errors" not in document, document["errors"]
        data: dict[str, Any] = document["data"]
        return data


async def test_from_a_purchase_log_to_answers(
    echelon: Echelon, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ECHELON_DATABASE_URL", database_url)
    log = tmp_path / "log.csv"
    rows = write_purchase_log(log)

    imported = echelon("import", "order_lines", str(log), "--map", "basket=order_id", "--json")
    assert json.loads(imported.out)["added"] == rows, imported.err
    again = echelon("import", "order_lines", str(log), "--map", "basket=order_id", "--json")
    assert json.loads(again.out)["unchanged"] == rows

    trained = echelon("train", "all", "--as-of", AS_OF, "--horizon-days", "60", "--json")
    assert trained.code == 0, trained.err
    assert [model["promoted"] for model in json.loads(trained.out)] == [True, True]
    refreshed = echelon("refresh", "--as-of", AS_OF, "--json")
    assert json.loads(refreshed.out)["scored"] == 400, refreshed.err
    assert json.loads(echelon("refresh", "--as-of", AS_OF, "--json").out)["unchanged"]
    drift = json.loads(echelon("drift", "--as-of", AS_OF, "--json").out)
    assert drift["retrain"] == "no need"
    assert [window["name"] for window in drift["windows"]] == ["churn", "clv"]
    assert {each["published"] for each in drift["labels"]} == {1}
    listed = json.loads(echelon("models", "list", "--json").out)
    assert all(model["champion"] and model["verdict"]["promote"] for model in listed)

    frontend = json.loads(
        echelon("keys", "create", "--name", "f", "--scopes", "customers:read", "--json").out
    )["key"]
    partner = json.loads(
        echelon("keys", "create", "--name", "p", "--scopes", "scores:read", "--json").out
    )["key"]
    app = create_app(load_settings())
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://echelon") as client,
    ):
        await frontend_finds_valuable_customers_about_to_leave(Api(client, frontend))
        await partner_pulls_every_score_once(Api(client, partner))


async def frontend_finds_valuable_customers_about_to_leave(api: Api) -> None:
    page = (await api.ask(CONTRACT_QUERY))["customers"]
    nodes = [edge["node"] for edge in page["edges"]]
    assert len(nodes) == 20
    values = [node["prediction"]["clv"] for node in nodes]
    assert values == sorted(values, reverse=True)
    for node in nodes:
        prediction = node["prediction"]
        assert prediction["churnProbability"] >= 0.5
        assert prediction["clvLow"] <= prediction["clv"] <= prediction["clvHigh"]
        assert prediction["asOf"] == AS_OF
        assert all(reason["text"] for reason in prediction["reasons"])
        assert node["tier"]["reasons"]
        assert node["recommendedStrategies"]
    chinese = (await api.ask(CONTRACT_QUERY, "zh-CN"))["customers"]["edges"][0]["node"]
    texts = [reason["text"] for reason in chinese["prediction"]["reasons"]]
    assert all(any("\u4e00" <= char <= "\u9fff" for char in text) for text in texts)


async def partner_pulls_every_score_once(api: Api) -> None:
    seen: list[str] = []
    after = "null"
    while True:
        page = (
            await api.ask(
                f"{{ riskScores(first: 150, after: {after}) {{ edges {{ node {{ externalId "
                "revision deleted } } pageInfo { hasNextPage endCursor } } }"
            )
        )["riskScores"]
        seen += [edge["node"]["externalId"] for edge in page["edges"]]
        after = json.dumps(page["pageInfo"]["endCursor"])
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 400
