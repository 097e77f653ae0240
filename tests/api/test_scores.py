"""The feed that partners follow: complete, in order, across publications."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Engine, update

from api.db.models import Installation, Prediction
from tests.api.conftest import SIZE, Api

FIELDS = """edges { cursor node { customerId externalId churnProbability churnPercentile riskBand
    clv horizonDays asOf scoredAt validUntil modelVersion revision deleted reasons { text } } }
    pageInfo { hasNextPage endCursor } totalCount"""


async def pull(
    api: Api, after: str | None, size: int = 7, more: str = ""
) -> tuple[list[Any], str | None]:
    """Everything after a cursor, and where to go on."""
    found: list[Any] = []
    while True:
        position = f', after: "{after}"' if after else ""
        document = f"{{ riskScores(first: {size}{position}{more}) {{ {FIELDS} }} }}"
        page = (await api.ask(document, "partner"))["riskScores"]
        found += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found, after


def publish(engine: Engine, customers: dict[int, dict[str, Any]], revision: int) -> None:
    """Give some predictions a newer revision, as a refresh does."""
    with engine.begin() as connection:
        for place, (customer, values) in enumerate(customers.items(), start=1):
            connection.execute(
                update(Prediction)
                .where(Prediction.customer_id == customer)
                .values(revision=revision + place, **values)
            )
        connection.execute(update(Installation).values(last_revision=revision + len(customers)))


async def test_every_score_comes_once_in_the_order_of_publication(api: Api) -> None:
    found, _ = await pull(api, None)
    revisions = [node["revision"] for node in found]
    assert revisions == sorted(set(revisions))
    assert len(found) == SIZE - SIZE // 10
    assert found == (await pull(api, None, size=5_000))[0]


async def test_an_entry_has_everything_a_partner_needs(api: Api) -> None:
    found, _ = await pull(api, None)
    node = found[1]
    assert {key: node[key] for key in ("externalId", "horizonDays", "asOf", "deleted")} == {
        "externalId": "C00002",
        "horizonDays": 28,
        "asOf": "2026-03-31",
        "deleted": False,
    }
    assert node["scoredAt"] == "2026-04-01T01:12:00+00:00"
    assert node["validUntil"] == "2026-05-06T06:00:00+00:00"
    assert node["modelVersion"] == "churn-3/clv-5"
    assert node["reasons"][0] == {"text": "No purchase for 45 days"}
    same = await api.ask(
        f'{{ customer(id: "{node["customerId"]}") {{ externalId prediction {{ clv }} }} }}'
    )
    assert same["customer"] == {"externalId": "C00002", "prediction": {"clv": node["clv"]}}


async def test_the_end_of_a_score_is_told_without_the_score(api: Api) -> None:
    found, _ = await pull(api, None)
    ended = [node for node in found if node["deleted"]]
    assert [node["externalId"] for node in ended] == ["C00001", "C00026", "C00051"]
    for node in ended:
        assert node["churnProbability"] is node["clv"] is node["riskBand"] is None
        assert node["reasons"] == []
    gone = await api.ask('{ customer(externalId: "C00001") { prediction { clv } } }')
    assert gone["customer"]["prediction"] is None


async def test_the_last_cursor_goes_on_tomorrow(own_api: Api, engine: Engine) -> None:
    first, cursor = await pull(own_api, None)
    nothing, same = await pull(own_api, cursor)
    assert nothing == []
    assert same == cursor
    changed = {5: {"clv_minor": 1}, 3: {"deleted": True}}
    await asyncio.to_thread(publish, engine, changed, 30)
    second, later = await pull(own_api, cursor, size=1)
    assert [(node["externalId"], node["deleted"]) for node in second] == [
        ("C00005", False),
        ("C00003", True),
    ]
    assert min(node["revision"] for node in second) > max(node["revision"] for node in first)
    assert later != cursor


async def test_a_publication_between_two_pages_loses_nothing(own_api: Api, engine: Engine) -> None:
    document = f"{{ riskScores(first: 10) {{ {FIELDS} }} }}"
    page = (await own_api.ask(document, "partner"))["riskScores"]
    seen = {edge["node"]["externalId"] for edge in page["edges"]}
    changed = {2: {"clv_minor": 7}, 29: {"clv_minor": 8}}
    await asyncio.to_thread(publish, engine, changed, 30)  # SQLite's writers wait for each other
    rest, _ = await pull(own_api, page["pageInfo"]["endCursor"])
    names = [node["externalId"] for node in rest]
    assert len(names) == len(set(names))
    assert names[-2:] == ["C00002", "C00029"]
    assert len(seen | set(names)) == 27


async def test_a_filter_keeps_ends(api: Api) -> None:
    found, _ = await pull(api, None, more=", filter: {riskBand: {eq: HIGH}}")
    assert {node["riskBand"] for node in found} == {"HIGH", None}
    assert sum(node["deleted"] for node in found) == 3


async def test_an_empty_feed_has_no_cursor(api: Api) -> None:
    document = f"{{ riskScores(first: 5, filter: {{clv: {{gt: 9000}}}}) {{ {FIELDS} }} }}"
    page = (await api.ask(document, "partner"))["riskScores"]
    assert [edge["node"]["deleted"] for edge in page["edges"]] == [True] * 3
    assert page["totalCount"] == 3


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("first: 5001", "INVALID_INPUT"),
        ("first: 0", "INVALID_INPUT"),
        ("", "PAGE_SIZE_REQUIRED"),
    ],
)
async def test_the_feed_has_pages_of_up_to_5000(api: Api, arguments: str, code: str) -> None:
    field = f"riskScores({arguments})" if arguments else "riskScores"
    assert await api.codes(f"{{ {field} {{ totalCount }} }}") == [code]
