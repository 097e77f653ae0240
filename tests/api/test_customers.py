"""What is told about a customer, in which language, and how things are found again."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, insert, update

from api.db.models import Installation, SegmentMembership
from tests.api.conftest import Api, reads
from tests.api.seed import DAY


async def one(api: Api, fields: str, number: int = 17, **options: Any) -> Any:
    document = f'{{ customer(externalId: "C{number:05d}") {{ {fields} }} }}'
    return (await api.ask(document, **options))["customer"]


async def test_a_customer_in_full(api: Api) -> None:
    node = await one(
        api,
        """kind knownSince region attributes { name type value label(language: ZH_HANS) since }
        classes { rfm { rScore fScore mScore group } abc lifecycle { stage since } recencyDays
          orderCount netSpend netSpend365d tenureDays meanGapDays interactionCount asOf }""",
    )
    assert node["kind"] == "B2C"
    assert node["knownSince"] == "2025-03-14"
    assert node["region"] is None
    assert [(each["name"], each["type"], each["value"]) for each in node["attributes"]] == [
        ("household_size", "number", 2.0),
        ("income", "text", "high"),
        ("owner", "boolean", True),
    ]
    assert node["attributes"][1]["label"] == "收入"
    assert node["classes"] == {
        "rfm": {"rScore": 3, "fScore": 2, "mScore": 3, "group": "LOST"},
        "abc": "C",
        "lifecycle": {"stage": "REPEAT", "since": "2026-03-14"},
        "recencyDays": 17.0,
        "orderCount": 5,
        "netSpend": 400.0,
        "netSpend365d": 320.0,
        "tenureDays": 300.0,
        "meanGapDays": 12.5,
        "interactionCount": 2,
        "asOf": "2026-03-31",
    }


async def test_a_tier_with_its_reasons_and_what_is_missing(api: Api) -> None:
    node = await one(
        api,
        """tier { tier name since until policy version reasons { code params text }
        gapToNextTier { tier conditions { field operator current needed text } } }""",
        number=2,
    )
    assert node["tier"] == {
        "tier": "gold",
        "name": "Gold",
        "since": "2026-03-31",
        "until": None,
        "policy": "default",
        "version": 1,
        "reasons": [
            {
                "code": "tier.condition_met",
                "params": {"field": "clv", "op": "gte", "threshold": 15000, "value": 22000},
                "text": "Predicted lifetime value is 220.00 USD, at least 150.00 USD",
            }
        ],
        "gapToNextTier": {
            "tier": "platinum",
            "conditions": [
                {
                    "field": "clv",
                    "operator": "gte",
                    "current": 22000,
                    "needed": 45000,
                    "text": "Predicted lifetime value is 220.00 USD; needed: at least 450.00 USD",
                }
            ],
        },
    }


async def test_past_tiers_stand_behind_the_present_one(api: Api) -> None:
    stays = "tier { tier } tierHistory(first: 5) { totalCount edges { node { NODE } } }"
    node = await one(api, stays.replace("NODE", "tier since until"), number=3)
    assert [edge["node"] for edge in node["tierHistory"]["edges"]] == [
        {"tier": "silver", "since": "2026-03-31", "until": None},
        {"tier": "bronze", "since": "2025-12-31", "until": "2026-03-31"},
    ]
    without = await one(api, stays.replace("NODE", "tier"), number=21)
    past = {"totalCount": 1, "edges": [{"node": {"tier": "bronze"}}]}
    assert without == {"tier": None, "tierHistory": past}


async def test_past_tiers_come_in_pages(api: Api) -> None:
    page = "tierHistory(PAGE) { edges { node { tier } } pageInfo { hasNextPage endCursor } }"
    first = (await one(api, page.replace("PAGE", "first: 1"), number=3))["tierHistory"]
    assert first["edges"] == [{"node": {"tier": "silver"}}]
    assert first["pageInfo"]["hasNextPage"]
    cursor = first["pageInfo"]["endCursor"]
    after = page.replace("PAGE", f'first: 1, after: "{cursor}"')
    second = (await one(api, after, number=3))["tierHistory"]
    assert second["edges"] == [{"node": {"tier": "bronze"}}]
    assert not second["pageInfo"]["hasNextPage"]
    last = (await one(api, page.replace("PAGE", "last: 1"), number=3))["tierHistory"]
    assert last["edges"] == second["edges"]


async def test_a_customer_who_is_not_scored_yet(api: Api) -> None:
    assert await one(
        api, "prediction { clv } classes { abc } recommendedStrategies { priority }", number=10
    ) == {"prediction": None, "classes": {"abc": None}, "recommendedStrategies": []}
    assert (await one(api, "classes { abc }", number=11))["classes"] is None


async def test_orders_are_exact(api: Api) -> None:
    node = await one(
        api,
        """orders(first: 1) { edges { node { externalId orderedAt total currency
        lines { lineNo quantity amount discount productName productExternalId } } } }""",
    )
    order = node["orders"]["edges"][0]["node"]
    assert order["total"] == "30.30"
    assert order["currency"] == "USD"
    assert order["lines"][1] == {
        "lineNo": 1,
        "quantity": "1.500",
        "amount": "20.20",
        "discount": "0.05",
        "productName": "Tea",
        "productExternalId": "P1",
    }


@pytest.mark.parametrize(
    ("header", "chinese"),
    [
        (None, False),
        ("en", False),
        ("de, fr;q=0.5", False),
        ("zh-CN", True),
        ("zh-Hans", True),
        ("zh", True),
        ("en;q=0.5, zh-TW;q=0.8", True),
        ("de, zh;q=0.1", True),
        ("zh;q=0", False),
        ("en, zh", False),
        ("zh;q=x, en;q=0.1", False),
    ],
)
async def test_texts_follow_the_readers_language(
    api: Api, header: str | None, chinese: bool
) -> None:
    headers = {} if header is None else {"Accept-Language": header}
    fields = """tier { name reasons { text } } prediction { reasons { text } }
        segments { name } recommendedStrategies(first: 1) { strategy { name steps } }"""
    node = await one(api, fields, number=2, headers=headers)
    texts = [
        node["tier"]["name"],
        node["tier"]["reasons"][0]["text"],
        node["prediction"]["reasons"][0]["text"],
        node["segments"][0]["name"],
        node["recommendedStrategies"][0]["strategy"]["name"],
        node["recommendedStrategies"][0]["strategy"]["steps"][0],
    ]
    assert [any("\u4e00" <= char <= "\u9fff" for char in text) for text in texts] == [chinese] * 6


async def test_a_language_may_be_chosen_for_each_text(api: Api) -> None:
    fields = "prediction { reasons { en: text(language: EN) zh: text(language: ZH_HANS) text } }"
    node = await one(api, fields, headers={"Accept-Language": "zh-CN"})
    reason = node["prediction"]["reasons"][0]
    assert reason["en"] == "No purchase for 45 days"
    assert reason["text"] == reason["zh"] != reason["en"]


async def test_things_are_found_again_by_their_ids(api: Api) -> None:
    found = await api.ask(
        """{ customer(externalId: "C00017") { id orders(first: 1) { edges { node { id } } }
            interactions(first: 1) { edges { node { id } } } }
          segments { id } strategies { id } tierPolicies { id } models { id } }"""
    )
    customer = found["customer"]
    ids = [
        customer["id"],
        customer["orders"]["edges"][0]["node"]["id"],
        customer["interactions"]["edges"][0]["node"]["id"],
        *(found[kind][0]["id"] for kind in ("segments", "strategies", "tierPolicies", "models")),
    ]
    assert len(set(ids)) == 7
    document = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    nodes = (await api.ask(document, variables={"ids": [*ids, "nothing", ids[0]]}))["nodes"]
    assert [node and node["id"] for node in nodes] == [*ids, None, ids[0]]
    assert [node["__typename"] for node in nodes[:7]] == [
        "Customer",
        "Order",
        "Interaction",
        "Segment",
        "Strategy",
        "TierPolicy",
        "Model",
    ]
    again = await api.ask(f'{{ customer(id: "{ids[0]}") {{ externalId }} }}')
    assert again["customer"]["externalId"] == "C00017"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "Customer:1",
        *(
            base64.urlsafe_b64encode(inner).decode()
            for inner in (
                b"Customer:",
                b"Customer:0",
                b"Customer:-1",
                b"Customer:01",
                b"Customer: 1",
                b"Customer:99999",
                b"Customer:99999999999999999999999",
                b"Segment:1",
                b"Nothing:1",
                b"Customer:1:1",
                b"\xff:1",
            )
        ),
    ],
)
async def test_an_id_of_nothing_finds_no_customer(api: Api, text: str) -> None:
    document = "query ($id: ID!) { customer(id: $id) { externalId } }"
    assert (await api.ask(document, variables={"id": text}))["customer"] is None


async def test_a_customer_is_asked_for_in_one_way(api: Api) -> None:
    assert await api.codes("{ customer { id } }") == ["INVALID_INPUT"]
    assert await api.codes('{ customer(id: "x", externalId: "y") { id } }') == ["INVALID_INPUT"]
    assert (await api.ask('{ customer(externalId: "nobody") { id } }'))["customer"] is None
    ids = ", ".join('"x"' for _ in range(101))
    assert await api.codes(f"{{ nodes(ids: [{ids}]) {{ id }} }}") == ["INVALID_INPUT"]
    field = 'customer(externalId: "C00017") { recommendedStrategies(first: 21) { priority } }'
    assert await api.codes(f"{{ {field} }}") == ["INVALID_INPUT"]


async def test_staleness_is_measured_against_the_day_that_is_pinned(
    own_api: Api, engine: Engine
) -> None:
    assert (await one(own_api, "prediction { stale }", 2))["prediction"] == {"stale": False}
    with engine.begin() as connection:
        connection.execute(update(Installation).values(today=dt.date(2026, 5, 7)))
    own_api.app.state.graphql.realms.live.businesses._business = None
    assert (await one(own_api, "prediction { stale }", 2))["prediction"] == {"stale": True}


async def test_a_member_by_hand_has_no_reasons(own_api: Api, engine: Engine) -> None:
    with engine.begin() as connection:
        stay = {"segment_id": 1, "customer_id": 29, "entered_on": DAY, "cause": {}}
        connection.execute(insert(SegmentMembership), [stay])
    node = await one(own_api, "segments { since reasons { text } }", 29)
    assert node["segments"] == [{"since": "2026-03-31", "reasons": []}]


async def test_everything_about_fifty_customers_costs_as_much_as_about_one(api: Api) -> None:
    fields = """externalId name attributes { value } classes { abc } segments { name }
        tier { tier name policy gapToNextTier { tier } } prediction { clv clvReasons { text } }
        recommendedStrategies { strategy { name } }
        tierHistory(first: 9) { totalCount edges { node { tier } } }
        orders(first: 2) { totalCount edges { node { total lines { amount } } } }
        interactions(first: 2) { totalCount edges { node { kind } } }"""
    costs = []
    for size, who in ((1, '{externalId: {eq: "C00017"}}'), (50, "{}")):
        arguments = f"first: 50, filter: {who}"
        document = f"{{ customers({arguments}) {{ totalCount edges {{ node {{ {fields} }} }} }} }}"
        await api.ask(document)
        async with api.statements() as sent:
            assert len((await api.ask(document))["customers"]["edges"]) == size
        costs.append(len(reads(sent)))
    assert costs[0] == costs[1] <= 19
