"""Filters mean what they say; unknown values match nothing but `isNull` and `not`."""

# ruff: noqa: ARG005 - every case takes the same three arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import SIZE, Api
from tests.api.seed import DAY, TIERS, Seeder
from tests.api.seed_facts import attributes, external_id

Row = dict[str, Any]


class Business(Seeder):
    """The same rows without a database, to say what a filter should find."""

    def __init__(self) -> None:
        super().__init__(None, b"no one's", SIZE)  # type: ignore[arg-type]
        self.predictions = {
            number: row
            for number in range(1, SIZE + 1)
            if number % 10
            for row in [self.prediction(number)]
            if not row["deleted"]
        }

    def found(self, wanted: Callable[[int, Row | None, Row | None], Any]) -> set[str]:
        return {
            external_id(number)
            for number in range(1, SIZE + 1)
            if wanted(
                number,
                self.predictions.get(number),
                self.profile(number) if number % 11 else None,
            )
        }


BUSINESS = Business()
CASES: list[tuple[str, Callable[[int, Row | None, Row | None], Any]]] = [
    ("{}", lambda n, p, c: True),
    ("{churnProbability: {gte: 0.5}}", lambda n, p, c: p and p["churn_probability"] >= 0.5),
    ("{churnProbability: {gt: 0.5}}", lambda n, p, c: p and p["churn_probability"] > 0.5),
    ("{churnProbability: {isNull: true}}", lambda n, p, c: p is None),
    ("{churnProbability: {isNull: false}}", lambda n, p, c: p is not None),
    (
        "{not: {churnProbability: {gte: 0.5}}}",
        lambda n, p, c: not (p and p["churn_probability"] >= 0.5),
    ),
    (
        "{churnProbability: {gte: 0.2, lt: 0.5}}",
        lambda n, p, c: p and 0.2 <= p["churn_probability"] < 0.5,
    ),
    ("{churnPercentile: {lte: 30}}", lambda n, p, c: p and p["churn_percentile"] <= 30),
    ("{clv: {gte: 100.5}}", lambda n, p, c: p and p["clv_minor"] >= 10_050),
    ("{clv: {in: [50, 100]}}", lambda n, p, c: p and p["clv_minor"] in (5_000, 10_000)),
    ("{riskBand: {eq: HIGH}}", lambda n, p, c: p and p["risk_band"] == "high"),
    ("{riskBand: {ne: HIGH}}", lambda n, p, c: p and p["risk_band"] != "high"),
    ("{riskBand: {in: [LOW, HIGH]}}", lambda n, p, c: p and p["risk_band"] in ("low", "high")),
    (
        "{recencyDays: {lte: 10}}",
        lambda n, p, c: c and c["recency_days"] is not None and c["recency_days"] <= 10,
    ),
    ("{orderCount: {eq: 3}}", lambda n, p, c: c and c["order_count"] == 3),
    ("{netSpend: {gt: 200}}", lambda n, p, c: c and c["net_spend_minor"] > 20_000),
    ("{lifecycleStage: {eq: PROSPECT}}", lambda n, p, c: c and c["lifecycle_stage"] == "prospect"),
    ("{rfmGroup: {eq: CHAMPIONS}}", lambda n, p, c: c and c["rfm_group"] == "champions"),
    ("{abcClass: {in: [A]}}", lambda n, p, c: c and c["abc_class"] == "A"),
    ("{kind: {eq: B2B}}", lambda n, p, c: n % 5 == 0),
    ('{region: {eq: "North"}}', lambda n, p, c: n % 3 == 0),
    ("{region: {isNull: true}}", lambda n, p, c: n % 3 == 2),
    ('{externalId: {eq: "C00007"}}', lambda n, p, c: n == 7),
    ('{externalId: {contains: "000"}}', lambda n, p, c: "000" in external_id(n)),
    ('{externalId: {in: ["C00007", "nobody"]}}', lambda n, p, c: n == 7),
    ('{externalId: {contains: "%"}}', lambda n, p, c: False),
    ('{tier: {eq: "gold"}}', lambda n, p, c: n % 7 and TIERS[n % 5] == "gold"),
    ("{tier: {isNull: true}}", lambda n, p, c: n % 7 == 0),
    ('{segment: {eq: "about_to_churn"}}', lambda n, p, c: n % 2 == 0 and n % 13),
    ('{attribute: {name: "income", text: {eq: "high"}}}', lambda n, p, c: n % 2),
    ('{attribute: {name: "income", text: {eq: "old"}}}', lambda n, p, c: False),
    (
        '{attribute: {name: "household_size", number: {gte: 3}}}',
        lambda n, p, c: attributes(n)[2]["number_value"] >= 3,
    ),
    ('{attribute: {name: "owner", boolean: true}}', lambda n, p, c: n % 2),
    ('{name: "anna"}', lambda n, p, c: n % 5 == 0),
    ('{name: "ELISE schroder"}', lambda n, p, c: n % 5 == 4 and n % 4 == 1),
    ('{name: "王"}', lambda n, p, c: n % 4 == 3),
    ('{name: "ann"}', lambda n, p, c: False),
    ('{not: {name: "anna"}}', lambda n, p, c: n % 5),
    ('{email: " C2@Example.org"}', lambda n, p, c: n == 2),
    ('{phone: "+44 20 7180 0002"}', lambda n, p, c: n == 2),
    ('{not: {email: "c2@example.org"}}', lambda n, p, c: n != 2),
    ("{or: []}", lambda n, p, c: False),
    ("{and: []}", lambda n, p, c: True),
    (
        "{or: [{kind: {eq: B2B}}, {riskBand: {eq: HIGH}}]}",
        lambda n, p, c: n % 5 == 0 or (p and p["risk_band"] == "high"),
    ),
    (
        "{kind: {eq: B2C}, and: [{orderCount: {gte: 1}}, {not: {abcClass: {eq: A}}}]}",
        lambda n, p, c: n % 5 and c and c["order_count"] >= 1 and not (c and c["abc_class"] == "A"),
    ),
    ('{knownSince: {gte: "2025-03-10"}}', lambda n, p, c: 400 - n % 20 <= 387),
]


@pytest.mark.parametrize(("text", "wanted"), CASES, ids=[text for text, _ in CASES])
async def test_a_filter_finds_exactly_those_it_means(
    api: Api, text: str, wanted: Callable[[int, Row | None, Row | None], Any]
) -> None:
    document = f"{{ customers(first: 100, filter: {text}) {{ totalCount NODES }} }}".replace(
        "NODES", "edges { node { externalId } }"
    )
    page = (await api.ask(document))["customers"]
    assert {edge["node"]["externalId"] for edge in page["edges"]} == BUSINESS.found(wanted)
    assert page["totalCount"] == len(page["edges"])


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{churnProbability: {isNull: null}}", "filter.churnProbability.isNull is null"),
        ("{churnProbability: null}", "filter.churnProbability is null"),
        ("{not: null}", "filter.not is null"),
        ("{churnProbability: {gte: 2}}", "filter.churnProbability.gte: churn_probability is betw"),
        ("{or: [{}, {not: {clv: {in: [1, 0.001]}}}]}", "filter.or[1].not.clv.in[1]: clv"),
        ("{orderCount: {eq: 1.5}}", "whole number"),
        ("{clv: {gte: 0.001}}", "more than 2 decimals"),
        ("{clv: {gte: 1e300}}", "too large"),
        ("{clv: {gte: 1e999}}", ""),
        ("{clv: {in: []}}", "1 to 500"),
        ('{externalId: {eq: ""}}', "1 to 400"),
        ('{attribute: {name: "nothing", number: {eq: 1}}}', "filter.attribute: there is no field"),
        ('{attribute: {name: "nothing"}}', "filter.attribute: there is no field"),
        ('{attribute: {name: "income", number: {eq: 1}}}', "filter.attribute.number.eq: "),
        ('{email: "nobody"}', "e-mail address"),
        ('{phone: "12"}', "country code"),
        ('{name: ""}', "1 to 200"),
        ("{not: " * 9 + "{}" + "}" * 9, "nested"),
        ("{and: [" + "{orderCount: {eq: 1}}," * 101 + "]}", "100 conditions"),
        ("{and: [" + "{}," * 201 + "]}", "200 filters"),
    ],
)
async def test_what_no_filter_can_mean_is_explained(api: Api, text: str, part: str) -> None:
    answer = (await api.send(f"{{ customers(first: 1, filter: {text}) {{ totalCount }} }}")).json()
    error = answer["errors"][0]
    assert error["extensions"]["code"] in ("INVALID_INPUT", "VALIDATION_FAILED"), error
    assert part in error["message"]


async def test_a_filter_names_as_many_values_as_a_database_takes(api: Api) -> None:
    document = "query ($f: CustomerFilter) { customers(first: 1, filter: $f) { totalCount } }"
    lists = [{"externalId": {"in": [f"C{place}" for place in range(500)]}}] * 5
    assert await api.ask(document, variables={"f": {"or": lists[:4]}})
    answer = await api.send(document, variables={"f": {"or": lists}})
    assert answer.json()["errors"][0]["message"] == "A filter may name 2,000 values."
    nul = {"f": {"externalId": {"eq": "\0"}}}
    assert (await api.send(document, variables=nul)).status_code == 400


async def test_filters_come_as_variables_too(api: Api) -> None:
    document = (
        "query ($f: CustomerFilter, $o: [CustomerOrder!]) "
        "{ customers(first: 100, filter: $f, orderBy: $o) { edges { node { externalId } } } }"
    )
    variables = {
        "f": {"orderCount": {"in": [1, 2]}, "kind": {"in": ["B2C"]}},
        "o": [{"field": "EXTERNAL_ID", "direction": "DESC"}],
    }
    edges = (await api.ask(document, variables=variables))["customers"]["edges"]
    found = [edge["node"]["externalId"] for edge in edges]
    assert found == sorted(
        BUSINESS.found(lambda n, _, c: n % 5 and c and c["order_count"] in (1, 2)), reverse=True
    )


async def test_days_begin_where_the_business_is(api: Api) -> None:
    """Seeded moments are at 06:00 UTC, so the day is the same in the business's zone, UTC."""
    document = '{ customers(first: 1, filter: {externalId: {eq: "C00001"}}) { NODES } }'
    node = (await api.ask(document.replace("NODES", "edges { node { knownSince } }")))["customers"]
    assert node["edges"][0]["node"]["knownSince"] == "2025-02-26"
    assert DAY.year == 2026
