"""The feed that partners follow: complete, in order, across publications."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text, update

from api.db.consents import Word, record_word
from api.db.feed import REMEMBER, drop_tombstones
from api.db.models import Installation, Prediction
from api.db.writes import writing
from tests.api.conftest import SIZE, Api
from tests.api.seed_facts import NOW

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
                text(f"UPDATE predictions SET {REMEMBER} WHERE customer_id = :customer"),
                {"customer": customer},
            )
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
    assert len(found) == SIZE - SIZE // 10 - 3, "three have ended, and a new reader never had them"
    assert not any(node["deleted"] for node in found)
    assert found == (await pull(api, None, size=5_000))[0]


async def test_an_entry_has_everything_a_partner_needs(api: Api) -> None:
    found, _ = await pull(api, None)
    node = found[0]
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


async def test_the_end_of_a_score_is_told_without_the_score(own_api: Api, engine: Engine) -> None:
    _, cursor = await pull(own_api, None)
    await asyncio.to_thread(publish, engine, {3: {"deleted": True}}, 30)
    found, _ = await pull(own_api, cursor)
    assert [node["externalId"] for node in found] == ["C00003"]
    assert found[0]["deleted"]
    assert found[0]["churnProbability"] is found[0]["clv"] is found[0]["riskBand"] is None
    assert found[0]["reasons"] == []
    gone = await own_api.ask('{ customer(externalId: "C00003") { prediction { clv } } }')
    assert gone["customer"]["prediction"] is None
    assert "C00003" not in [node["externalId"] for node in (await pull(own_api, None))[0]]


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
    assert len(seen | set(names)) == 25


async def test_who_leaves_a_filter_is_told_to_those_who_had_them_and_once(
    own_api: Api, engine: Engine
) -> None:
    high = ", filter: {riskBand: {eq: HIGH}}"
    first, cursor = await pull(own_api, None, more=high)
    assert {node["riskBand"] for node in first} == {"HIGH"}
    names = {node["externalId"] for node in first}
    held, never = int(first[0]["externalId"][1:]), 4
    assert f"C{never:05d}" not in names
    calm = {"risk_band": "low", "churn_probability": 0.01}
    await asyncio.to_thread(publish, engine, {held: calm, never: calm}, 30)
    told, later = await pull(own_api, cursor, more=high)
    assert [(node["externalId"], node["deleted"]) for node in told] == [(f"C{held:05d}", True)]
    await asyncio.to_thread(publish, engine, {held: calm | {"clv_minor": 1}}, 40)
    assert (await pull(own_api, later, more=high))[0] == []
    since_the_beginning, _ = await pull(own_api, cursor, more=high)
    assert [node["externalId"] for node in since_the_beginning] == [f"C{held:05d}"]


async def test_who_is_in_the_middle_of_a_filtered_pull_hears_of_leavers(
    own_api: Api, engine: Engine
) -> None:
    wanted = "filter: {churnProbability: {gte: 0.2}}"
    document = f"{{ riskScores(first: 5, {wanted}) {{ {FIELDS} }} }}"
    page = (await own_api.ask(document, "partner"))["riskScores"]
    read = page["edges"][0]["node"]["externalId"]
    calm = {"risk_band": "low", "churn_probability": 0.01}
    await asyncio.to_thread(publish, engine, {int(read[1:]): calm}, 30)
    rest, _ = await pull(own_api, page["pageInfo"]["endCursor"], more=f", {wanted}")
    assert [node["externalId"] for node in rest if node["deleted"]] == [read]


async def test_who_withdraws_consent_is_an_end_and_comes_back(own_api: Api, engine: Engine) -> None:
    _, cursor = await pull(own_api, None)
    for granted in (False, True):
        word = Word(5, "profiling", "any", NOW + timedelta(hours=granted), granted, None)

        def say(word: Word = word) -> None:
            with writing(engine) as connection:
                record_word(connection, word, "api:care", NOW)

        await asyncio.to_thread(say)
        found, later = await pull(own_api, cursor)
        told = [(node["externalId"], node["deleted"]) for node in found]
        assert told == [("C00005", not granted)]
        everything = [node["externalId"] for node in (await pull(own_api, None))[0]]
        assert ("C00005" in everything) is granted
        cursor = later


async def test_a_cursor_older_than_dropped_ends_says_so(own_api: Api, engine: Engine) -> None:
    _, cursor = await pull(own_api, None)
    await asyncio.to_thread(publish, engine, {3: {"deleted": True}}, 30)

    def drop() -> None:
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE refresh_runs SET published_at = :at"), {"at": "2025-01-01 00:00:00"}
            )
            drop_tombstones(
                lambda sql: connection.exec_driver_sql(sql).rowcount, "'2025-06-01 00:00:00'"
            )

    await asyncio.to_thread(drop)
    document = f'{{ riskScores(first: 5, after: "{cursor}") {{ {FIELDS} }} }}'
    assert await own_api.codes(document, "partner") == ["CURSOR_EXPIRED"]
    anew, fresh = await pull(own_api, None)
    assert "C00003" not in [node["externalId"] for node in anew]
    assert (await pull(own_api, fresh))[0] == []


async def test_a_cursor_belongs_to_its_filter(api: Api) -> None:
    _, cursor = await pull(api, None)
    changed = [
        f'after: "{cursor}", filter: {{riskBand: {{eq: HIGH}}}}',
        f'after: "{cursor}9999999999999999999"',
        f'after: "A{cursor}"',
        'after: ""',
    ]
    for arguments in changed:
        document = f"{{ riskScores(first: 5, {arguments}) {{ {FIELDS} }} }}"
        assert await api.codes(document, "partner") == ["INVALID_CURSOR"]


async def test_an_empty_feed_has_a_cursor_to_go_on_from(api: Api) -> None:
    more = ", filter: {clv: {gt: 9000}}"
    document = f"{{ riskScores(first: 5{more}) {{ {FIELDS} }} }}"
    page = (await api.ask(document, "partner"))["riskScores"]
    assert page["edges"] == []
    assert page["totalCount"] == 0
    assert (await pull(api, page["pageInfo"]["endCursor"], more=more))[0] == []


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
