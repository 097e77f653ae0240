"""Segments made, changed, combined, filled by hand and given up, with everybody's history."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, select

from api.db.models import Recommendation, Segment, SegmentMembership
from tests.api.conftest import Api
from tests.api.seed import DAY
from tests.api.seed_facts import external_id

TEXT = {"en": "text", "zh": "文字"}
ANSWER = """{ segment { key version kind family rule memberCount
    members(first: 50) { edges { node { externalId } } } }
    userErrors { code field message } }"""
CREATE = f"mutation ($d: JSON!) {{ createSegment(input: {{document: $d}}) {ANSWER} }}"
UPDATE = (
    "mutation ($d: JSON!, $v: Int!) "
    f"{{ updateSegment(input: {{document: $d, expectedVersion: $v}}) {ANSWER} }}"
)
DELETE = """mutation ($k: String!, $v: Int!) {
    deleteSegment(input: {key: $k, expectedVersion: $v}) {
    deletedKey userErrors { code field message } } }"""
HISTORY = """query ($id: String) { customer(externalId: $id) { segmentHistory(first: 50) {
    totalCount edges { node { segment since until name
      enteredBecause { code text } leftBecause { code text } } } } } }"""


def segment(key: str, when: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    content = {"kind": "manual"} if when is None else {"when": when}
    return {"key": key, "name": TEXT, "description": TEXT, **content, **more}


async def create(api: Api, document: dict[str, Any]) -> Any:
    return (await api.ask(CREATE, variables={"d": document}))["createSegment"]


async def update(api: Api, document: dict[str, Any], version: int) -> Any:
    return (await api.ask(UPDATE, variables={"d": document, "v": version}))["updateSegment"]


async def hand(api: Api, what: str, key: str, ids: list[str], reason: str = "Why not") -> Any:
    document = (
        f"""mutation ($i: SegmentMembersInput!) {{ {what}SegmentMembers(input: $i) {ANSWER} }}"""
    )
    given = {"key": key, "externalIds": ids, "reason": reason}
    return (await api.ask(document, variables={"i": given}))[f"{what}SegmentMembers"]


def who(answer: Any) -> list[str]:
    return [edge["node"]["externalId"] for edge in answer["segment"]["members"]["edges"]]


def expected(*numbers: int) -> list[str]:
    return [external_id(number) for number in numbers]


async def history(api: Api, number: int, keys: set[str]) -> list[Any]:
    found = await api.ask(HISTORY, variables={"id": external_id(number)})
    edges = found["customer"]["segmentHistory"]["edges"]
    return [edge["node"] for edge in edges if edge["node"]["segment"] in keys]


async def test_a_new_segment_is_filled_at_once(own_api: Api) -> None:
    made = await create(own_api, segment("b2b", {"kind": "b2b"}, family="value"))
    assert made["userErrors"] == []
    assert (made["segment"]["version"], made["segment"]["kind"]) == (1, "RULE")
    assert made["segment"]["family"] == "value"
    assert who(made) == expected(5, 10, 15, 20, 25, 30)
    assert made["segment"]["memberCount"] == 6
    (stay,) = await history(own_api, 5, {"b2b"})
    assert (stay["since"], stay["until"]) == (DAY.isoformat(), None)
    assert [each["code"] for each in stay["enteredBecause"]] == ["segment.rule_changed"]
    assert "version 1, by admin" in stay["enteredBecause"][0]["text"]


async def test_a_change_writes_only_the_difference_and_reaches_what_reads_it(
    own_api: Api, engine: Engine
) -> None:
    stays = select(SegmentMembership.id, Segment.key).join(Segment)
    await create(own_api, segment("b2b", {"kind": "b2b"}))
    rest = await create(own_api, segment("others", {"not": {"segment": "b2b"}}))
    assert rest["segment"]["memberCount"] == 24
    with engine.connect() as connection:
        before = dict(connection.execute(stays).all())
    changed = await update(
        own_api,
        segment("b2b", {"all": [{"kind": "b2b"}, {"external_id": {"ne": external_id(5)}}]}),
        1,
    )
    assert changed["segment"]["version"] == 2
    assert who(changed) == expected(10, 15, 20, 25, 30)
    with engine.connect() as connection:
        after = dict(connection.execute(stays).all())
    assert sorted(after[row] for row in after.keys() - before.keys()) == ["others"]
    stays = await history(own_api, 5, {"b2b", "others"})
    assert [(each["segment"], each["until"]) for each in stays] == [("others", None)]
    assert stays[0]["enteredBecause"][0]["code"] == "segment.other_changed"


async def test_cycles_and_mistakes_are_refused_by_name(own_api: Api, engine: Engine) -> None:
    await create(own_api, segment("a", {"kind": "b2b"}))
    await create(own_api, segment("b", {"segment": "a"}))
    answer = await update(own_api, segment("a", {"segment": "b"}), 1)
    assert answer["segment"] is None
    (error,) = answer["userErrors"]
    assert error["code"] == "INVALID"
    assert "in a circle: a -> b -> a" in error["message"] or "b -> a -> b" in error["message"]
    wrong = await create(own_api, segment("c", {"clw": 1}))
    assert wrong["userErrors"][0]["field"] == ["input", "document", "when"]
    assert "did you mean 'clv'" in wrong["userErrors"][0]["message"]
    with engine.connect() as connection:
        assert connection.scalar(select(Segment.rule).where(Segment.key == "a")) == {"kind": "b2b"}
        assert connection.scalar(select(Segment.id).where(Segment.key == "c")) is None


async def test_nobody_overwrites_what_they_have_not_seen(own_api: Api) -> None:
    await create(own_api, segment("a", {"kind": "b2b"}))
    again = await create(own_api, segment("a", {"kind": "b2c"}))
    assert again["userErrors"][0]["code"] == "CONFLICT"
    stale = await update(own_api, segment("a", {"kind": "b2c"}), 7)
    assert stale["userErrors"][0]["code"] == "CONFLICT"
    missing = await update(own_api, segment("nothing", {"kind": "b2c"}), 1)
    assert missing["userErrors"][0]["code"] == "NOT_FOUND"


async def test_members_by_hand_come_and_go_with_a_reason(own_api: Api) -> None:
    await create(own_api, segment("vip"))
    await create(own_api, segment("not_vip", {"not": {"segment": "vip"}}))
    added = await hand(own_api, "add", "vip", expected(3, 4), "Knows the owner")
    assert (added["userErrors"], who(added)) == ([], expected(3, 4))
    assert who(await hand(own_api, "add", "vip", expected(4, 6))) == expected(3, 4, 6)
    removed = await hand(own_api, "remove", "vip", expected(3), "Moved away")
    assert who(removed) == expected(4, 6)
    (stay,) = await history(own_api, 3, {"vip"})
    assert stay["until"] == DAY.isoformat()
    assert stay["enteredBecause"][0]["text"] == "Added by admin: Knows the owner"
    assert stay["leftBecause"][0]["text"] == "Removed by admin: Moved away"
    others = await own_api.ask('{ segment(key: "not_vip") { memberCount } }')
    assert others["segment"]["memberCount"] == 28


@pytest.mark.parametrize(
    ("key", "ids", "reason", "code", "field"),
    [
        ("vip", ["nobody"], "x", "NOT_FOUND", ["input", "externalIds", "0"]),
        ("vip", [], "x", "INVALID", ["input", "externalIds"]),
        ("vip", [external_id(1)], " ", "INVALID", ["input", "reason"]),
        ("ruled", [external_id(1)], "x", "CONFLICT", ["input", "key"]),
        ("nothing", [external_id(1)], "x", "NOT_FOUND", ["input", "key"]),
    ],
)
async def test_what_can_not_be_done_by_hand(
    own_api: Api, key: str, ids: list[str], reason: str, code: str, field: list[str]
) -> None:
    await create(own_api, segment("vip"))
    await create(own_api, segment("ruled", {"kind": "b2b"}))
    (error,) = (await hand(own_api, "add", key, ids, reason))["userErrors"]
    assert (error["code"], error["field"]) == (code, field)


async def test_a_segment_is_given_up_unless_something_reads_it(own_api: Api) -> None:
    await create(own_api, segment("a", {"kind": "b2b"}))
    await create(own_api, segment("b", {"segment": "a"}))
    used = (await own_api.ask(DELETE, variables={"k": "a", "v": 1}))["deleteSegment"]
    assert used["userErrors"][0]["code"] == "IN_USE"
    shipped = await own_api.ask(DELETE, variables={"k": "price_sensitive", "v": 1})
    assert "fair_price_package" in shipped["deleteSegment"]["userErrors"][0]["message"]
    done = (await own_api.ask(DELETE, variables={"k": "b", "v": 1}))["deleteSegment"]
    assert done == {"deletedKey": "b", "userErrors": []}
    assert (await own_api.ask('{ segment(key: "b") { key } }'))["segment"] is None
    (stay,) = await history(own_api, 5, {"b"})
    assert stay["leftBecause"][0]["code"] == "segment.retired"
    back = await create(own_api, segment("b", {"kind": "b2b"}))
    assert back["userErrors"][0]["code"] == "CONFLICT"


async def test_only_who_may_changes_segments(own_api: Api) -> None:
    answer = await own_api.send(CREATE, "frontend", variables={"d": segment("a", {"kind": "b2b"})})
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_history_of_a_segment_pages(own_api: Api) -> None:
    await create(own_api, segment("vip"))
    await hand(own_api, "add", "vip", expected(1, 2, 3))
    document = """{ segment(key: "vip") { history(first: 2) { totalCount
        edges { node { customerId since } } pageInfo { hasNextPage } } } }"""
    found = (await own_api.ask(document))["segment"]["history"]
    assert (found["totalCount"], len(found["edges"])) == (3, 2)
    assert found["pageInfo"]["hasNextPage"]


async def test_a_reason_calls_a_segment_by_its_name(own_api: Api, engine: Engine) -> None:
    names = {"name": {"en": "Weekend shoppers", "zh": "周末购物者"}}
    made = await create(own_api, segment("weekend", {"kind": "b2b"}) | names)
    assert made["userErrors"] == []
    params = {"field": "segment", "op": "eq", "threshold": "weekend", "value": None}
    said = [{"code": "strategy.condition_met", "params": params}]
    with engine.begin() as connection:
        connection.execute(sa.update(Recommendation).values(reasons=said))
    document = """query ($id: String, $in: Language) { customer(externalId: $id) {
        recommendedStrategies(first: 1) { reasons { text(language: $in) } } } }"""
    for language, text in (
        ("EN", "Segment is Weekend shoppers"),
        ("ZH_HANS", "客户分群为周末购物者"),
    ):
        asked = {"id": external_id(5), "in": language}
        found = await own_api.ask(document, variables=asked)
        assert found["customer"]["recommendedStrategies"][0]["reasons"] == [{"text": text}]
