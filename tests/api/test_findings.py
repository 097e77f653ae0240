"""What mining found about a customer, in both languages, at a constant number of statements."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine, delete, select

from api.db.mining import last_groups, publish_findings
from api.db.models import CustomerFinding, MiningRun
from tests.api.conftest import Api, reads, running, seed
from tests.api.seed_findings import GROUPS

FIELDS = """recommendedProducts { rank product name department probability
    reason { code params text zh: text(language: ZH_HANS) } }
  preferredChannels { rank channel score evidence { code params text } }
  churnHints { actions probabilityBefore probabilityAfter text zh: text(language: ZH_HANS) }
  group { key customers asOf name zh: name(language: ZH_HANS) }"""


async def one(api: Api, number: int, **options: Any) -> Any:
    document = f'{{ customer(externalId: "C{number:05d}") {{ {FIELDS} }} }}'
    return (await api.ask(document, **options))["customer"]


async def test_products_with_their_names_and_reasons(api: Api) -> None:
    node = await one(api, 17)
    assert node["recommendedProducts"] == [
        {
            "rank": 1, "product": "P1", "name": "Tea", "department": None, "probability": 0.61,
            "reason": {
                "code": "bought_every",
                "params": {"every_days": 9, "last_days": 11},
                "text": "Bought every 9 days, last 11 days ago",
                "zh": "每 9 天购买一次，上次在 11 天前",
            },
        },
        {
            "rank": 2, "product": "P2", "name": None, "department": "Cakes", "probability": 0.2,
            "reason": {
                "code": "bought_together",
                "params": {"product": "Tea"},
                "text": "Often bought by those who buy Tea",
                "zh": "购买 Tea 的客户常买",
            },
        },
    ]  # fmt: skip


async def test_channels_hints_and_a_group(api: Api) -> None:
    node = await one(api, 17)
    assert node["preferredChannels"][0] == {
        "rank": 1,
        "channel": "phone",
        "score": 0.7,
        "evidence": {
            "code": "comes_by",
            "params": {"inbound": 3, "contacts": 4},
            "text": "Used for 3 of the customer's 4 contacts",
        },
    }
    assert node["churnHints"] == [
        {
            "actions": ["contact", "good_rating"],
            "probabilityBefore": 0.7,
            "probabilityAfter": 0.5,
            "text": "A contact by us now + A problem solved, rated with full marks",
            "zh": "我方现在联系一次；同时解决问题并获得满分评价",
        }
    ]
    assert node["group"] == {
        "key": "g1",
        "customers": 12,
        "asOf": "2026-03-31",
        "name": "Frequent, large baskets",
        "zh": "购买频繁、单次金额高",
    }


async def test_who_was_not_mined_has_none(api: Api) -> None:
    assert await one(api, 16) == {
        "recommendedProducts": [],
        "preferredChannels": [],
        "churnHints": [],
        "group": None,
    }
    assert (await one(api, 18))["group"] is None  # asleep


async def test_groups_are_listed(api: Api) -> None:
    found = (await api.ask("{ customerGroups { key name customers } }"))["customerGroups"]
    assert found == [
        {"key": "g1", "name": "Frequent, large baskets", "customers": 12},
        {"key": "g2", "name": "Rare", "customers": 7},
    ]


def seed_without_findings(engine: Engine, size: int) -> dict[str, str]:
    keys = seed(engine, size)
    with engine.begin() as connection:
        connection.execute(delete(CustomerFinding))
        connection.execute(delete(MiningRun))
    return keys


async def test_before_the_first_run_there_is_nothing(engine: Engine, database_url: str) -> None:
    keys = seed_without_findings(engine, 17)
    async with running(database_url, keys) as api:
        assert (await api.ask("{ customerGroups { key } }"))["customerGroups"] == []
        assert (await one(api, 17))["group"] is None


async def test_a_page_of_customers_costs_as_many_statements_as_one(api: Api) -> None:
    costs = []
    for first in (1, 50):
        document = f"{{ customers(first: {first}) {{ edges {{ node {{ {FIELDS} }} }} }} }}"
        await api.ask(document)
        async with api.statements() as sent:
            await api.ask(document)
        costs.append(len(reads(sent)))
    assert costs[0] == costs[1] <= 4


def table(*customers: int, products: str = "[]") -> pa.Table:
    many = len(customers)
    return pa.table(
        {
            "customer_id": pa.array(customers, pa.int64()),
            "group_key": pa.array(["g1"] * many, pa.string()),
            "products": [products] * many,
            "channels": ["[]"] * many,
            "hints": ["[]"] * many,
        }
    )


def test_a_run_replaces_the_last_one_and_writes_what_changed(
    engine: Engine, database_url: str
) -> None:
    seed_without_findings(engine, 5)
    assert last_groups(engine) is None
    now, day = dt.datetime(2026, 4, 2, tzinfo=dt.UTC), dt.date(2026, 4, 1)

    def publish(found: pa.Table) -> int:
        return publish_findings(engine, database_url, found, GROUPS, as_of=day, now=now)

    publish(table(1, 2, 3))
    assert last_groups(engine) == (GROUPS, {1: "g1", 2: "g1", 3: "g1"})
    assert publish(table(1, 2, 3)) == 0
    offer = '[{"product_id": 1, "probability": 0.5, "code": "popular", "params": {"share": 0.5}}]'
    assert publish(table(1, 2, products=offer)) == 3  # two changed, one gone
    with engine.connect() as connection:
        rows = connection.execute(select(CustomerFinding.customer_id, CustomerFinding.products))
        assert {row[0]: len(row[1]) for row in rows} == {1: 1, 2: 1}
        newest = select(MiningRun.as_of).order_by(MiningRun.id.desc()).limit(1)
        assert connection.execute(newest).scalar() == day
