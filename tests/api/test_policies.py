"""Tier policies over GraphQL: stored, activated, scheduled, withdrawn, brought back, refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.db.catalogue import read_catalogue, take_up
from api.db.models import TierPolicyVersion
from api.documents import POLICIES, read_document
from tests.api.conftest import Api
from tests.api.seed import DAY

ANSWER = """{ policy { id key version state active effectiveFrom effectiveTo author activatedBy
    activatedAt reason restoresVersion document } userErrors { code field message } }"""
CREATE = f"""mutation ($policy: JSON!, $expected: Int) {{
    createTierPolicy(policy: $policy, expectedVersion: $expected) {ANSWER} }}"""
ACTIVATE = (
    f"mutation ($input: ActivateTierPolicyInput!) {{ activateTierPolicy(input: $input) {ANSWER} }}"
)
ROLL_BACK = (
    f"mutation ($input: TierPolicyVersionInput!) {{ rollBackTierPolicy(input: $input) {ANSWER} }}"
)
WITHDRAW = (
    f"mutation ($input: TierPolicyVersionInput!) {{ withdrawTierPolicy(input: $input) {ANSWER} }}"
)
CHECK = "query ($policy: JSON!) { validateTierPolicy(policy: $policy) { tiers userErrors { code field message } } }"  # noqa: E501
LIST = "{ tierPolicies { key version state effectiveFrom effectiveTo author reason } }"
LATER = "2026-05-01"


def policy(title: str = "Other", **changed: Any) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(read_document(POLICIES / "default.yaml"))
    return document | {"name": {"en": title, "zh": "别的"}} | changed


async def change(api: Api, document: str, key: str = "policies", **variables: Any) -> Any:
    (payload,) = (await api.ask(document, key, variables=variables)).values()
    return payload


async def refused(api: Api, document: str, **variables: Any) -> dict[str, Any]:
    payload = await change(api, document, **variables)
    assert payload["policy"] is None
    [error] = payload["userErrors"]
    found: dict[str, Any] = error
    return found


def stored(engine: Engine) -> list[Any]:
    table = TierPolicyVersion.__table__
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]


async def draft(api: Api, name: str, expected: int) -> int:
    payload = await change(api, CREATE, policy=policy(name), expected=expected)
    return int(payload["policy"]["version"])


async def test_a_policy_is_stored_activated_and_brought_back(own_api: Api, engine: Engine) -> None:
    written = policy()
    payload = await change(own_api, CREATE, policy=written, expected=1)
    first = read_catalogue(engine)
    assert payload["userErrors"] == []
    assert payload["policy"]["document"] == written
    assert {name: payload["policy"][name] for name in ("key", "version", "state", "author")} == {
        "key": "default",
        "version": 2,
        "state": "DRAFT",
        "author": "policies",
    }
    asked = {"key": "default", "version": 2, "reason": "Spring review"}
    active = (await change(own_api, ACTIVATE, input=asked))["policy"]
    assert (active["state"], active["activatedBy"], active["reason"]) == (
        "ACTIVE",
        "policies",
        "Spring review",
    )
    assert (active["effectiveFrom"], active["activatedAt"][:10]) == (DAY.isoformat(), "2026-04-01")
    assert read_catalogue(engine).policy == written
    assert read_catalogue(engine, DAY).policy == written

    back = {"key": "default", "version": 1, "reason": "Too strict"}
    restored = (await change(own_api, ROLL_BACK, input=back))["policy"]
    assert (restored["version"], restored["restoresVersion"]) == (3, 1)
    assert (restored["state"], restored["reason"]) == ("ACTIVE", "Too strict")
    assert read_catalogue(engine, DAY).policy == first.policy
    listed = (await own_api.ask(LIST, "frontend"))["tierPolicies"]
    assert [(each["version"], each["state"]) for each in listed] == [
        (3, "ACTIVE"),
        (2, "ENDED"),
        (1, "ENDED"),
    ]


async def test_a_policy_begins_on_its_day(own_api: Api, engine: Engine) -> None:
    version = await draft(own_api, "May", 1)
    asked = {"key": "default", "version": version, "reason": "May", "effectiveFrom": LATER}
    waiting = (await change(own_api, ACTIVATE, input=asked))["policy"]
    assert (waiting["state"], waiting["active"]) == ("SCHEDULED", False)
    assert read_catalogue(engine).policy["name"]["en"] == "Value and risk"
    before, begun = DAY.replace(month=4, day=30), DAY.replace(month=5, day=1)
    assert take_up(engine, before).policy["name"]["en"] == "Value and risk"
    assert take_up(engine, begun).policy["name"]["en"] == "May"
    assert read_catalogue(engine).policy["name"]["en"] == "May"


async def test_days_that_overlap_are_refused_and_both_versions_named(
    own_api: Api, engine: Engine
) -> None:
    await draft(own_api, "May", 1)
    await draft(own_api, "April", 2)
    may = {"key": "default", "version": 2, "reason": "May", "effectiveFrom": LATER}
    await change(own_api, ACTIVATE, input=may)
    before = stored(engine)
    april = {"key": "default", "version": 3, "reason": "April"}
    error = await refused(own_api, ACTIVATE, input=april)
    assert (error["code"], error["field"]) == ("INVALID", ["input", "effectiveTo"])
    assert "default version 3 overlaps with default version 2" in error["message"]
    error = await refused(own_api, ACTIVATE, input=april | {"effectiveFrom": LATER})
    assert error["field"] == ["input", "effectiveFrom"]
    error = await refused(own_api, ACTIVATE, input=april | {"effectiveFrom": "2026-03-01"})
    assert "decided already" in error["message"]
    assert stored(engine) == before
    payload = await change(own_api, ACTIVATE, input=april | {"effectiveTo": LATER})
    assert (payload["policy"]["state"], payload["policy"]["effectiveTo"]) == ("ACTIVE", LATER)


async def test_what_has_not_begun_is_withdrawn(own_api: Api, engine: Engine) -> None:
    await draft(own_api, "May", 1)
    may = {"key": "default", "version": 2, "reason": "May", "effectiveFrom": LATER}
    await change(own_api, ACTIVATE, input=may)
    asked = {"key": "default", "version": 2, "reason": "Not yet"}
    payload = await change(own_api, WITHDRAW, input=asked)
    assert (payload["policy"]["state"], payload["policy"]["effectiveFrom"]) == ("DRAFT", None)
    assert read_catalogue(engine, DAY.replace(month=6, day=1)).policy["name"]["en"] != "May"
    error = await refused(own_api, WITHDRAW, input=asked)
    assert error["code"] == "CONFLICT"


async def test_who_has_not_seen_the_latest_version_changes_nothing(
    own_api: Api, engine: Engine
) -> None:
    await draft(own_api, "One", 1)
    before = stored(engine)
    for expected in (1, 3, None):
        error = await refused(own_api, CREATE, policy=policy("Two"), expected=expected)
        assert (error["code"], error["field"]) == ("CONFLICT", ["expectedVersion"])
        assert "is at version 2" in error["message"]
    error = await refused(own_api, CREATE, policy=policy("Two", key="mine"), expected=1)
    assert error["code"] == "NOT_FOUND"
    assert stored(engine) == before
    payload = await change(own_api, CREATE, policy=policy("Two", key="mine"))
    assert payload["policy"]["version"] == 1


async def test_who_takes_another_policy_to_be_in_force_changes_nothing(
    own_api: Api, engine: Engine
) -> None:
    await draft(own_api, "One", 1)
    payload = await change(own_api, CREATE, policy=policy("Two"), expected=2)
    other = payload["policy"]["id"]
    before = stored(engine)
    asked = {"key": "default", "version": 2, "reason": "Try", "expectedActive": other}
    error = await refused(own_api, ACTIVATE, input=asked)
    assert (error["code"], error["field"]) == ("CONFLICT", ["input", "expectedActive"])
    assert "default version 1" in error["message"]
    assert stored(engine) == before


async def test_what_is_stored_already_is_not_stored_again(own_api: Api, engine: Engine) -> None:
    await draft(own_api, "One", 1)
    payload = await change(own_api, CREATE, policy=policy("One"), expected=2)
    assert payload["policy"]["version"] == 2
    assert len(stored(engine)) == 2


BAD: list[tuple[dict[str, Any], list[str], str]] = [
    ({"kind": "rulez"}, ["policy", "kind"], "rules"),
    ({"tiers": []}, ["policy", "tiers"], "list"),
    ({"key": "Mine!"}, ["policy", "key"], "small letters"),
    ({"colour": "red"}, ["policy"], "colour"),
    ({"name": {"en": "x"}}, ["policy", "name"], "zh"),
    ({"below": "none"}, ["policy", "below"], "otherwise"),
]


@pytest.mark.parametrize(("changed", "field", "words"), BAD)
async def test_a_bad_document_is_refused_with_its_path(
    own_api: Api, engine: Engine, changed: dict[str, Any], field: list[str], words: str
) -> None:
    before = stored(engine)
    written = policy(**changed)
    error = await refused(own_api, CREATE, policy=written, expected=1)
    assert error["code"] == "INVALID"
    assert error["field"] == field
    assert words in error["message"]
    checked = await change(own_api, CHECK, policy=written)
    assert checked == {"tiers": None, "userErrors": [error]}
    assert stored(engine) == before


async def test_an_unknown_field_is_named_with_the_nearest_one(own_api: Api) -> None:
    written = policy()
    written["tiers"][3]["when"] = {"all": [{"clvv": {"gte": 1}}]}
    error = await refused(own_api, CREATE, policy=written, expected=1)
    assert error["field"][:6] == ["policy", "tiers", "3", "when", "all", "0"]
    assert "did you mean 'clv'" in error["message"]


@pytest.mark.parametrize("document", [None, 7, "text", [1], {}, {"key": {}}])
async def test_what_is_no_policy_at_all_is_refused(own_api: Api, document: Any) -> None:
    if document is None:
        query = CHECK.replace("$policy: JSON!", "$policy: JSON!")
        assert await own_api.codes(query, "policies", variables={"policy": None}) != []
        return
    checked = await change(own_api, CHECK, policy=document)
    assert checked["tiers"] is None
    assert checked["userErrors"][0]["code"] == "INVALID"


async def test_a_sound_document_is_only_looked_at(own_api: Api, engine: Engine) -> None:
    before = stored(engine)
    checked = await change(own_api, CHECK, policy=policy())
    assert checked == {
        "tiers": ["diamond", "platinum", "gold", "silver", "bronze"],
        "userErrors": [],
    }
    assert stored(engine) == before


@pytest.mark.parametrize(("version", "code"), [(1, "CONFLICT"), (2, "CONFLICT"), (3, "NOT_FOUND")])
async def test_only_what_was_in_force_can_be_brought_back(
    own_api: Api, engine: Engine, version: int, code: str
) -> None:
    await draft(own_api, "One", 1)
    before = stored(engine)
    asked = {"key": "default", "version": version, "reason": "Back"}
    assert (await refused(own_api, ROLL_BACK, input=asked))["code"] == code
    assert stored(engine) == before


async def test_a_reason_is_asked_for(own_api: Api) -> None:
    await draft(own_api, "One", 1)
    asked = {"key": "default", "version": 2, "reason": ""}
    error = await refused(own_api, ACTIVATE, input=asked)
    assert (error["code"], error["field"]) == ("INVALID", ["input", "reason"])


@pytest.mark.parametrize("key", ["frontend", "care", "segments", "strategies", "partner"])
async def test_it_takes_the_right_to_change_policies(
    own_api: Api, engine: Engine, key: str
) -> None:
    before = stored(engine)
    reasoned = {"key": "default", "version": 1, "reason": "Why"}
    requests: list[tuple[str, dict[str, Any]]] = [
        (CREATE, {"policy": policy(), "expected": 1}),
        (ACTIVATE, {"input": reasoned}),
        (ROLL_BACK, {"input": reasoned}),
        (WITHDRAW, {"input": reasoned}),
        (CHECK, {"policy": policy()}),
    ]
    for document, variables in requests:
        answer = (await own_api.send(document, key, variables=variables)).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert "policies:write" in answer["errors"][0]["message"]
        assert list(answer["data"].values()) == [None]
    assert stored(engine) == before


async def test_a_policy_in_another_currency_is_not_activated(own_api: Api, engine: Engine) -> None:
    bank = read_document(POLICIES / "bank-assets.yaml")
    payload = await change(own_api, CREATE, policy=bank, expected=None)
    assert payload["userErrors"] == []
    before = stored(engine)
    asked = {
        "key": "bank_assets",
        "version": payload["policy"]["version"],
        "reason": "Try",
    }
    error = await refused(own_api, ACTIVATE, input=asked)
    assert "its amounts are in 'CNY', and this installation counts in USD" in error["message"]
    assert stored(engine) == before
