"""Classes over GraphQL: of a customer, of everybody, at the cut-offs, and who moved."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine

from api.db.classes import put_classification
from api.db.models import Classification
from tests.api.conftest import Api, reads, running, seed
from tests.api.seed import DAY
from tests.api.seed_classes import BEGAN, BY_HAND, MOVED, published_columns, seed_classes
from tests.api.seed_facts import NOW, external_id
from tests.domain.customers import shipped_classes

TEXT = {"en": "text", "zh": "文字"}
ALL = """classes { all { key name zh: name(language: ZH_HANS) value label since byHand
    history { previous current changedOn } reasons { code text(language: ZH_HANS) } }
    statuses { classification status } intent { intent counts } }"""
SET_STATUS = """mutation ($i: SetRelationshipStatusInput!) { setRelationshipStatus(input: $i) {
    status { classification previous status since author reason }
    userErrors { code field message } } }"""


@pytest.fixture
async def classed(engine: Engine, database_url: str) -> AsyncIterator[Api]:
    keys = seed(engine, 30)
    seed_classes(engine)
    async with running(database_url, keys) as api:
        yield api


async def of(api: Api, number: int, key: str = "frontend") -> dict[str, Any]:
    document = f'{{ customer(externalId: "{external_id(number)}") {{ {ALL} }} }}'
    found = (await api.ask(document, key))["customer"]["classes"]
    return {each["key"]: each for each in found["all"]} | {"rest": found}


async def test_a_customer_shows_every_class_with_since_when_and_why(classed: Api) -> None:
    found = await of(classed, 1)
    assert set(found) - {"rest"} == {each.key for each in shipped_classes()}
    moved = found["activity"]
    assert moved["since"] == MOVED.isoformat()
    assert moved["history"] == [
        {"previous": "active", "current": "dormant", "changedOn": MOVED.isoformat()}
    ]
    assert found["clv_class"]["since"] == BEGAN.isoformat()
    assert found["purchase_value"]["name"] == "Purchase value"
    assert found["purchase_value"]["zh"] == "购买价值"
    assert found["purchase_value"]["label"].endswith("purchase value")
    # no basket is known of anybody, so its 15 points are left to the other 85
    assert any("满分 70.6 分" in each["text"] for each in found["purchase_value"]["reasons"])
    assert found["sales_status"]["value"] is None
    assert {each["byHand"] for each in found.values() if "byHand" in each} == {False}


async def test_a_class_set_by_hand_is_shown_as_such_with_what_its_rules_say(classed: Api) -> None:
    found = (await of(classed, BY_HAND))["value_class"]
    assert found["byHand"]
    assert found["value"] == "high"
    first, *others = found["reasons"]
    assert first["code"] == "class.set_by_hand"
    assert "A friend of the house" in first["text"]
    assert others


async def test_an_intent_keeps_why_it_was_refused_and_what_was_wanted(classed: Api) -> None:
    assert (await of(classed, 1))["rest"]["intent"] == {"intent": "REFUSED", "counts": False}
    asked = "classes { intent { refusalReason wantedFeature } }"
    document = f'{{ customer(externalId: "{external_id(1)}") {{ {asked} }} }}'
    said = (await classed.ask(document, "support"))["customer"]["classes"]["intent"]
    assert said == {"refusalReason": "Too dear", "wantedFeature": "Smaller packs"}
    assert (await of(classed, 5))["rest"]["intent"] is None


async def test_classes_of_a_page_cost_as_many_statements_as_of_one(classed: Api) -> None:
    counts = []
    await classed.ask("{ classifications { key } }")  # what all requests share is read before
    for size in (1, 20):
        async with classed.statements() as sent:
            await classed.ask(f"{{ customers(first: {size}) {{ edges {{ node {{ {ALL} }} }} }} }}")
        counts.append(len(reads(sent)))
    assert counts[0] == counts[1]


async def test_what_rests_on_sensitive_attributes_is_only_for_who_may_read_those(
    engine: Engine, classed: Api
) -> None:
    document = {
        "key": "rich",
        "kind": "rules",
        "name": TEXT,
        "description": TEXT,
        "values": [{"key": "yes", "name": TEXT, "when": {"attribute.income": "high"}}],
    }
    with engine.begin() as connection:
        put_classification(connection, document, 1, NOW)
        connection.execute(
            Classification.__table__.update()
            .where(Classification.key == "rich")
            .values(decided_on=BEGAN, as_of=DAY, cutoffs={}, counts={"yes": 1})
        )
    for key, visible in (("frontend", False), ("support", True)):
        assert ("rich" in await of(classed, 1, key)) is visible
        listed = await classed.ask("{ classifications { key } }", key)
        assert ({"key": "rich"} in listed["classifications"]) is visible
        one = await classed.ask('{ classification(key: "rich") { key } }', key)
        assert (one["classification"] is not None) is visible


async def test_classifications_publish_their_values_counts_and_cutoffs(classed: Api) -> None:
    found = await classed.ask(
        "{ classifications { key field kind version asOf cutoffs name description document "
        "values { value label count next } versions { version active asOf } } }"
    )
    by_key = {each["key"]: each for each in found["classifications"]}
    assert set(by_key) == {each.key for each in shipped_classes()}
    activity = by_key["activity"]
    assert activity["field"] == "class.activity"
    assert activity["asOf"] == DAY.isoformat()
    assert activity["versions"] == [{"version": 1, "active": True, "asOf": DAY.isoformat()}]
    assert by_key["abc_class"]["field"] == "abc_class"
    assert set(by_key["abc_class"]["cutoffs"]) == {"A", "B"}
    assert sum(each["count"] for each in by_key["abc_class"]["values"]) == 28
    steps = {each["value"]: each["next"] for each in by_key["relationship"]["values"]}
    assert steps == {"key": ["existing"], "existing": ["key"], "prospect": ["existing"]}
    assert activity["values"][0]["next"] is None


async def test_members_of_a_value_are_paged_and_counted(classed: Api) -> None:
    ask = """query ($v: String!, $a: String) { classification(key: "purchase_habit") {
        values { value count }
        members(value: $v, first: 4, after: $a) { totalCount
            edges { node { externalId classes { all { key value } } } }
            pageInfo { hasNextPage endCursor } } } }"""
    seen: list[str] = []
    after = None
    while True:
        found = (await classed.ask(ask, variables={"v": "occasional", "a": after}))[
            "classification"
        ]
        page = found["members"]
        for edge in page["edges"]:
            classes = {each["key"]: each["value"] for each in edge["node"]["classes"]["all"]}
            assert classes["purchase_habit"] == "occasional"
            seen.append(edge["node"]["externalId"])
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    count = next(each["count"] for each in found["values"] if each["value"] == "occasional")
    assert len(set(seen)) == len(seen) == page["totalCount"] == count > 4
    assert await classed.codes(ask, variables={"v": "ocasional"}) == ["INVALID_INPUT"]


@pytest.mark.parametrize("key", ["abc_class", "margin_abc", "clv_class"])
async def test_who_sits_at_each_boundary(engine: Engine, classed: Api, key: str) -> None:
    found = await classed.ask(
        f'{{ classification(key: "{key}") {{ cutoffs boundary {{ value measure cutoff '
        "above { measured customer { externalId } } below { measured customer { externalId } } "
        "} } }"
    )
    boundary = found["classification"]["boundary"]
    assert {each["value"]: each["cutoff"] for each in boundary} == found["classification"][
        "cutoffs"
    ]
    _, columns = published_columns(engine)
    for each in boundary:
        values = columns[each["measure"]]
        above = sorted(values[values >= each["cutoff"]].tolist())[:5]
        below = sorted(values[values < each["cutoff"]].tolist(), reverse=True)[:5]
        assert [one["measured"] for one in each["above"]] == above
        assert [one["measured"] for one in each["below"]] == below
        assert above


async def test_nothing_is_near_a_boundary_where_nothing_is_cut(classed: Api) -> None:
    found = await classed.ask('{ classification(key: "activity") { boundary { value } } }')
    assert found["classification"]["boundary"] == []
    assert await classed.ask('{ classification(key: "none") { key } }') == {"classification": None}


FEED = """query ($c: String, $f: String, $t: String, $s: Date, $n: Int, $a: String) {
    classChanges(classification: $c, from: $f, to: $t, since: $s, first: $n, after: $a) {
        totalCount edges { node { classification previous current changedOn publishedAt
            currentLabel(language: ZH_HANS) customer { externalId } } }
        pageInfo { hasNextPage endCursor } } }"""


async def test_changes_are_a_feed_that_never_skips_nor_repeats(classed: Api) -> None:
    seen, after = [], None
    for _ in range(4):
        page = (await classed.ask(FEED, variables={"n": 5, "a": after}))["classChanges"]
        seen += [edge["node"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
    assert len(seen) == 12
    assert len({(each["classification"], each["customer"]["externalId"]) for each in seen}) == 12
    assert page["edges"] == []
    with_new = await classed.ask(FEED, variables={"n": 5, "a": after})
    assert with_new["classChanges"]["pageInfo"]["endCursor"] == after


async def test_changes_are_filtered_by_where_they_lead(classed: Api) -> None:
    async def found(**given: Any) -> list[dict[str, Any]]:
        answer = await classed.ask(FEED, variables={"n": 50, **given})
        nodes = [edge["node"] for edge in answer["classChanges"]["edges"]]
        assert answer["classChanges"]["totalCount"] == len(nodes)
        return nodes

    dormant = await found(c="activity", t="dormant")
    assert len(dormant) == 6
    assert {each["currentLabel"] for each in dormant} == {"沉睡"}
    assert len(await found(f="active")) == 6
    assert await found(f="dormant") == []
    assert await found(s=(MOVED + dt.timedelta(days=1)).isoformat()) == []


async def set_status(api: Api, number: int, status: str, **more: Any) -> Any:
    given = {"externalId": external_id(number), "status": status, **more}
    return (await api.ask(SET_STATUS, variables={"i": given}))["setRelationshipStatus"]


async def test_people_lead_a_relationship_along_the_allowed_steps(classed: Api) -> None:
    before = (await of(classed, 1))["relationship"]["value"]
    assert before == "existing"
    done = await set_status(classed, 1, "key", reason="Signed a frame contract")
    assert done["userErrors"] == []
    assert done["status"] == {
        "classification": "relationship",
        "previous": "existing",
        "status": "key",
        "since": DAY.isoformat(),
        "author": "admin",
        "reason": "Signed a frame contract",
    }
    refused = await set_status(classed, 1, "prospect")
    assert refused["status"] is None
    (error,) = refused["userErrors"]
    assert error["field"] == ["input", "status"]
    assert "from key to prospect; allowed is existing" in error["message"]
    sold = await set_status(classed, 1, "hot", classification="sales_status")
    assert sold["status"]["previous"] is None
    statuses = (await of(classed, 1))["rest"]["statuses"]
    assert {each["status"] for each in statuses} == {"key", "hot"}


@pytest.mark.parametrize(
    ("number", "given", "code", "message"),
    [
        (1, {"status": "gold"}, "INVALID", "relationship is never 'gold'"),
        (1, {"status": "hot", "classification": "activity"}, "INVALID", "none that people set"),
        (99, {"status": "key"}, "NOT_FOUND", "no customer with this number"),
        (1, {"status": "key", "reason": " "}, "INVALID", "reason: takes 1 to 500"),
    ],
)
async def test_steps_that_can_not_be_recorded_say_why(
    classed: Api, number: int, given: dict[str, Any], code: str, message: str
) -> None:
    answer = await set_status(classed, number, **given)
    (error,) = answer["userErrors"]
    assert error["code"] == code
    assert message in error["message"]


async def test_recording_a_status_takes_a_right_of_its_own(classed: Api) -> None:
    given = {"i": {"externalId": external_id(1), "status": "key"}}
    assert await classed.codes(SET_STATUS, "frontend", variables=given) == ["FORBIDDEN"]
