"""A customer's tier set by hand: by whom, why, until when, and who may not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.db.models import Override
from api.db.overrides import read_overrides
from tests.api.conftest import Api
from tests.api.seed import DAY
from tests.api.seed_facts import external_id

SET = """
mutation ($input: SetTierOverrideInput!) { setTierOverride(input: $input) {
    override { value reason author startsOn expiresOn endedAt endedBy inForce }
    userErrors { code field message } } }
"""
END = """
mutation ($id: String!) { endTierOverride(externalId: $id) {
    override { value endedBy inForce } userErrors { code field message } } }
"""
OVERRIDES = "query ($id: String) { customer(externalId: $id) { overrides { value inForce } } }"
WHO = external_id(1)


def wanted(**changed: Any) -> dict[str, Any]:
    given = {
        "externalId": WHO,
        "tier": "gold",
        "reason": "Owner's family",
        "expiresOn": "2026-06-30",
    }
    return {"input": given | changed}


async def test_a_tier_is_set_seen_replaced_and_ended(own_api: Api, engine: Engine) -> None:
    answer = (await own_api.ask(SET, "care", variables=wanted()))["setTierOverride"]
    assert answer == {
        "override": {
            "value": "gold",
            "reason": "Owner's family",
            "author": "care",
            "startsOn": DAY.isoformat(),
            "expiresOn": "2026-06-30",
            "endedAt": None,
            "endedBy": None,
            "inForce": True,
        },
        "userErrors": [],
    }
    await own_api.ask(SET, "care", variables=wanted(tier="silver"))
    assert read_overrides(engine, DAY).select(["kind", "classification", "value"]).to_pylist() == [
        {"kind": "tier", "classification": None, "value": "silver"}
    ]
    ended = (await own_api.ask(END, "care", variables={"id": WHO}))["endTierOverride"]
    assert ended["override"] == {"value": "silver", "endedBy": "care", "inForce": False}
    assert read_overrides(engine, DAY).num_rows == 0
    seen = (await own_api.ask(OVERRIDES, "care", variables={"id": WHO}))["customer"]["overrides"]
    assert seen == [{"value": "silver", "inForce": False}, {"value": "gold", "inForce": False}]


async def test_an_override_counts_up_to_its_last_day(own_api: Api, engine: Engine) -> None:
    await own_api.ask(SET, "care", variables=wanted())
    last = dt.date(2026, 6, 30)
    counted = [
        read_overrides(engine, day).num_rows
        for day in (DAY - dt.timedelta(days=1), DAY, last, last + dt.timedelta(days=1))
    ]
    assert counted == [0, 1, 1, 0]


@pytest.mark.parametrize(
    ("changed", "code", "field", "words"),
    [
        ({"tier": "golt"}, "INVALID", ["input", "tier"], "did you mean 'gold'"),
        ({"tier": "vip"}, "INVALID", ["input", "tier"], "diamond, platinum, gold, silver, bronze"),
        ({"expiresOn": "2026-03-31"}, "INVALID", ["input", "expiresOn"], "2026-04-01 or a later"),
        ({"reason": " "}, "INVALID", ["input", "reason"], "say why"),
        ({"externalId": "nobody"}, "NOT_FOUND", ["input", "externalId"], "no customer"),
    ],
)
async def test_what_can_not_be_set_is_refused_with_its_place(
    own_api: Api, engine: Engine, changed: dict[str, Any], code: str, field: list[str], words: str
) -> None:
    answer = (await own_api.ask(SET, "care", variables=wanted(**changed)))["setTierOverride"]
    assert answer["override"] is None
    [error] = answer["userErrors"]
    assert (error["code"], error["field"]) == (code, field)
    assert words in error["message"]
    with engine.connect() as connection:
        assert connection.execute(select(Override.id)).all() == []


async def test_ending_what_is_not_there_is_not_found(own_api: Api) -> None:
    answer = (await own_api.ask(END, "care", variables={"id": WHO}))["endTierOverride"]
    assert [error["code"] for error in answer["userErrors"]] == ["NOT_FOUND"]


@pytest.mark.parametrize("key", ["frontend", "support", "policies", "segments", "strategies"])
async def test_it_takes_the_right_to_change_customers(
    own_api: Api, engine: Engine, key: str
) -> None:
    for document, variables in ((SET, wanted()), (END, {"id": WHO})):
        answer = (await own_api.send(document, key, variables=variables)).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert "customers:write" in answer["errors"][0]["message"]
        assert list(answer["data"].values()) == [None]
    with engine.connect() as connection:
        assert connection.execute(select(Override.id)).all() == []


async def test_several_changes_in_one_request_are_made_in_order(own_api: Api) -> None:
    document = """
    mutation ($first: SetTierOverrideInput!, $second: SetTierOverrideInput!, $id: String!) {
        a: setTierOverride(input: $first) { override { value inForce } }
        b: setTierOverride(input: $second) { override { value inForce } }
        c: endTierOverride(externalId: $id) { override { value inForce } } }
    """
    variables = {"first": wanted()["input"], "second": wanted(tier="bronze")["input"], "id": WHO}
    assert await own_api.ask(document, "admin", variables=variables) == {
        "a": {"override": {"value": "gold", "inForce": True}},
        "b": {"override": {"value": "bronze", "inForce": True}},
        "c": {"override": {"value": "bronze", "inForce": False}},
    }


async def test_getting_executes_no_change(own_api: Api, engine: Engine) -> None:
    document = f'mutation {{ endTierOverride(externalId: "{WHO}") {{ override {{ value }} }} }}'
    headers = {"Authorization": f"Bearer {own_api.keys['admin']}"}
    await own_api.ask(SET, "care", variables=wanted())
    await own_api.client.get("/graphql", params={"query": document}, headers=headers)
    assert read_overrides(engine, DAY).num_rows == 1


SET_CLASS = """
mutation ($input: SetClassOverrideInput!) { setClassOverride(input: $input) {
    override { kind classification value inForce } userErrors { code field message } } }
"""
END_CLASS = """
mutation ($id: String!, $key: String!) { endClassOverride(externalId: $id, classification: $key) {
    override { value inForce } userErrors { code field } } }
"""


def wanted_class(**changed: Any) -> dict[str, Any]:
    given = {"externalId": WHO, "classification": "value_class", "value": "high"}
    return {"input": given | {"reason": "Known well", "expiresOn": "2026-06-30"} | changed}


async def test_a_class_is_set_and_ended_beside_a_tier(own_api: Api, engine: Engine) -> None:
    await own_api.ask(SET, "care", variables=wanted())
    answer = (await own_api.ask(SET_CLASS, "care", variables=wanted_class()))["setClassOverride"]
    assert answer == {
        "override": {
            "kind": "CLASS",
            "classification": "value_class",
            "value": "high",
            "inForce": True,
        },
        "userErrors": [],
    }
    kinds = read_overrides(engine, DAY)["kind"].to_pylist()
    assert kinds == ["class", "tier"]
    variables = {"id": WHO, "key": "value_class"}
    ended = (await own_api.ask(END_CLASS, "care", variables=variables))["endClassOverride"]
    assert ended["override"] == {"value": "high", "inForce": False}
    assert read_overrides(engine, DAY)["kind"].to_pylist() == ["tier"]


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"classification": "value_clas"}, "classification", "did you mean 'value_class'"),
        ({"value": "hihg"}, "value", "did you mean 'high'"),
        ({"classification": "relationship", "value": "active"}, "classification", "Known: "),
        ({"expiresOn": "2020-01-01"}, "expiresOn", "is over"),
    ],
)
async def test_a_class_that_is_not_there_is_refused(
    own_api: Api, engine: Engine, changed: dict[str, Any], field: str, words: str
) -> None:
    answer = await own_api.ask(SET_CLASS, "care", variables=wanted_class(**changed))
    [error] = answer["setClassOverride"]["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["input", field])
    assert words in error["message"]
    assert read_overrides(engine, DAY).num_rows == 0


async def test_it_takes_the_right_to_set_a_class(own_api: Api) -> None:
    for key in ("support", "policies"):
        variables = {"id": WHO, "key": "value_class"}
        assert await own_api.codes(SET_CLASS, key, variables=wanted_class()) == ["FORBIDDEN"]
        assert await own_api.codes(END_CLASS, key, variables=variables) == ["FORBIDDEN"]
