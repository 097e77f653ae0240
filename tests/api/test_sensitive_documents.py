"""What follows from sensitive attributes is personal data, too, whatever way it is asked for."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from api.db.keys import create_key
from api.db.known_fields import read_known_fields
from api.db.models import (
    Customer,
    ImportBatch,
    PurchaseIntent,
    TierAssignment,
    TierPolicyVersion,
)
from api.documents import POLICIES, read_document
from api.domain.personal_data import PersonalDataCipher
from api.domain.tiers import parse_policy
from api.graphql.plans import PlannedExecution
from tests.api.conftest import Api, clock, running, seed
from tests.api.seed_facts import NOW
from tests.api.test_personal_reads import entries
from tests.conftest import TEST_SECRET

HIGH = {"attribute.income": "high"}
TEXT = {"en": "Well off", "zh": "高收入"}
CREATE = "mutation ($d: JSON!) { createSegment(input: {document: $d}) { userErrors { message } } }"
UPDATE = """mutation ($d: JSON!) { updateSegment(input: {document: $d, expectedVersion: 1}) {
  userErrors { message } } }"""
SAVE_STRATEGY = """mutation ($d: JSON!) { saveStrategy(input: {document: $d}) {
  userErrors { message } } }"""
SAVE_CLASS = """mutation ($d: JSON!) { saveClassification(input: {document: $d}) {
  userErrors { message } } }"""
POLICY = "mutation ($d: JSON!) { createTierPolicy(policy: $d) { userErrors { message } } }"
SIMULATE = "query ($d: JSON!) { simulateTierPolicy(policy: $d) { moved edges { tier } } }"


def segment(key: str = "well_off", when: Any = None) -> Any:
    return {"key": key, "name": TEXT, "description": TEXT, "when": when or HIGH}


def strategy(key: str, when: Any) -> Any:
    return {
        "key": key,
        "name": TEXT,
        "description": TEXT,
        "steps": [TEXT],
        "when": when,
        "action": "call",
        "owner_role": "sales",
        "due_days": 7,
    }


def classification() -> Any:
    return {
        "key": "wealth",
        "kind": "rules",
        "name": TEXT,
        "description": TEXT,
        "values": [
            {"key": "high", "name": TEXT, "when": HIGH},
            {"key": "rest", "name": TEXT, "otherwise": True},
        ],
    }


def policy() -> Any:
    document = copy.deepcopy(read_document(POLICIES / "default.yaml"))
    document["key"] = "by_income"
    document["allow_sensitive"] = [{"field": "attribute.income", "reason": TEXT}]
    first = document["tiers"][0]
    first["when"] = {
        "all": [first["when"], {"field": "attribute.income", "op": "eq", "value": "high"}]
    }
    return document


@pytest.fixture
async def rich(engine: Engine, database_url: str) -> Any:
    """With keys that write and read customers, but may not read personal data."""
    keys = seed(engine, 30)
    scopes = ["customers:read", "segments:write", "strategies:write", "policies:write"]
    keys["desk"] = create_key(engine, "rules desk", scopes, None, clock)
    async with running(database_url, keys) as api:
        yield api


@pytest.mark.parametrize(
    ("query", "document"),
    [
        (CREATE, segment()),
        (SAVE_STRATEGY, strategy("invite", HIGH)),
        (SAVE_CLASS, classification()),
        (POLICY, policy()),
        (SIMULATE, policy()),
    ],
)
async def test_who_may_not_read_them_writes_no_document_that_does(
    rich: Api, query: str, document: Any
) -> None:
    assert await rich.codes(query, "desk", variables={"d": document}) == ["FORBIDDEN"]
    await rich.ask(query, "admin", variables={"d": document})


async def test_a_segment_that_rests_on_them_is_unknown_without_the_scope(rich: Api) -> None:
    await rich.ask(CREATE, variables={"d": segment()})
    await rich.ask(CREATE, variables={"d": segment("richest", {"segment": "well_off"})})
    whole = """{ segments { key } segment(key: "%s") { key memberCount }
      customers(first: 30) { edges { node {
        segments { key } segmentHistory(first: 50) { totalCount edges { node { segment } } } } } }
      fields { name choices { value } } }"""
    for key in ("well_off", "richest"):
        seen = (await rich.send(whole % key, "support")).text
        unseen = await rich.ask(whole % key, "desk")
        assert seen.count(f'"{key}"') > 4
        assert unseen["segment"] is None
        assert f"'{key}'" not in str(unseen)
        for each in unseen["customers"]["edges"]:
            stays = each["node"]["segmentHistory"]
            assert stays["totalCount"] == len(stays["edges"])
        for asked in (
            f'{{ customers(first: 1, filter: {{segment: {{in: ["{key}"]}}}}) {{ totalCount }} }}',
            f'{{ customers(first: 1, rule: {{segment: "{key}"}}) {{ totalCount }} }}',
            f'{{ customers(first: 1, rule: {{not: {{segment: "{key}"}}}}) {{ totalCount }} }}',
        ):
            assert await rich.codes(asked, "frontend") == ["FORBIDDEN"]
            assert (await rich.ask(asked, "support"))["customers"]["totalCount"] > 0


async def test_who_may_not_read_a_segment_builds_nothing_on_it(rich: Api) -> None:
    await rich.ask(CREATE, variables={"d": segment()})
    by_segment = {"segment": "well_off"}
    variables = {"d": segment("richest", by_segment)}
    assert await rich.codes(CREATE, "desk", variables=variables) == ["FORBIDDEN"]
    variables = {"d": strategy("invite", by_segment)}
    assert await rich.codes(SAVE_STRATEGY, "desk", variables=variables) == ["FORBIDDEN"]
    variables = {"d": segment("well_off", {"clv": {"gte": 1}})}
    await rich.ask(UPDATE, variables=variables)
    asked = '{ segment(key: "well_off") { key } }'
    assert (await rich.ask(asked, "desk"))["segment"] == {"key": "well_off"}


async def test_a_strategy_that_rests_on_them_is_unknown_without_the_scope(rich: Api) -> None:
    await rich.ask(SAVE_STRATEGY, variables={"d": strategy("invite", HIGH)})
    query = "{ strategies { key tracking { recommended } } }"
    assert '"invite"' in (await rich.send(query, "support")).text
    assert '"invite"' not in (await rich.send(query, "frontend")).text


async def test_a_public_class_may_not_rest_on_them(rich: Api) -> None:
    rows = (await rich.ask("{ classifications { key document } }"))["classifications"]
    document = next(each["document"] for each in rows if each["key"] == "abc_class")
    document["among"] = HIGH
    query = """mutation ($d: JSON!) { saveClassification(input: {document: $d, expectedVersion: 1})
      { userErrors { code message } } }"""
    answer = await rich.ask(query, variables={"d": document})
    [error] = answer["saveClassification"]["userErrors"]
    assert error["code"] == "INVALID"
    assert "sensitive" in error["message"]


async def test_reasons_of_tiers_tell_them_with_the_scope_only(rich: Api, engine: Engine) -> None:
    told = {"field": "attribute.income", "op": "eq", "value": "high", "threshold": "high"}
    lacking = {"field": "attribute.income", "op": "eq", "current": "low", "needed": "high"}
    plain = {"code": "tier.otherwise", "params": {}}
    part = {"tier": "gold", "conditions": [lacking]}
    table = TierAssignment.__table__
    with engine.begin() as connection:
        assert connection.execute(select(table.c.id).limit(1)).first()
        connection.execute(
            update(table).values(
                reasons=[plain, {"code": "tier.condition_met", "params": told}],
                gap_to_next=part,
                margin_to_lower=part,
                now=None,
            )
        )
    query = """{ customers(first: 5) { edges { node { tier { reasons { code params text }
      gapToNextTier { conditions { field current } }
      marginToLower { conditions { field current } } } } } } }"""
    assert "attribute.income" in (await rich.send(query, "support")).text
    unseen = (await rich.send(query, "frontend")).text
    assert "tier.otherwise" in unseen
    assert "income" not in unseen


@pytest.mark.parametrize("looks_ahead", [True, False])
async def test_whichever_way_they_are_read_is_on_record(
    rich: Api, engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, looks_ahead: bool
) -> None:
    monkeypatch.setattr(PlannedExecution, "looks_ahead", looks_ahead)
    told = {"field": "attribute.income", "op": "eq", "value": "high", "threshold": "high"}
    with engine.begin() as connection:
        reasons = [{"code": "tier.condition_met", "params": told}]
        connection.execute(update(TierAssignment.__table__).values(reasons=reasons, now=None))
    await rich.ask(CREATE, variables={"d": segment()})
    for asked in ("segments { key }", "tier { reasons { code } }"):
        document = f"{{ customers(first: 30) {{ edges {{ node {{ {asked} }} }} }} }}"
        await rich.ask(document, "frontend")
        await rich.ask(document, "support")
    fields = [entry["details"]["fields"] for entry in entries(database_url)]
    assert fields == [["segment.well_off"], ["attribute.income"]]


async def test_measures_that_decided_are_told_with_the_scope_only(
    rich: Api, engine: Engine
) -> None:
    await rich.ask(POLICY, variables={"d": policy()})
    versions, table = TierPolicyVersion.__table__.c, TierAssignment.__table__
    with engine.begin() as connection:
        row = connection.scalar(select(versions.id).where(versions.key == "by_income"))
        read = parse_policy(policy(), 2, read_known_fields(engine)).document.fields
        inputs = dict.fromkeys(read) | {"attribute.income": "high", "prediction_stale": False}
        connection.execute(
            update(table).values(policy_version_id=row, inputs=inputs, reasons=[], now=None)
        )
    query = """{ customers(first: 5) { edges { node { tierDecision {
      tier measures { name value } statement } } } } }"""
    told = (await rich.send(query, "support")).text
    assert '"attribute.income"' in told
    assert "sensitive data" in told.lower()
    hidden = await rich.ask(query, "frontend")
    assert "ncome" not in str(hidden)
    decisions = [each["node"]["tierDecision"] for each in hidden["customers"]["edges"]]
    assert [each["statement"] for each in decisions] == [None] * len(decisions)


async def test_a_record_that_cannot_be_replayed_still_shows_the_tier(api: Api) -> None:
    query = '{ explainTier(externalId: "C00001") { tier replay { equal } } }'
    answer = (await api.send(query)).json()
    assert answer["data"]["explainTier"]["tier"]
    assert answer["data"]["explainTier"]["replay"] is None
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["NOT_REPLAYED"]


async def test_what_customers_said_is_told_with_the_scope_only(rich: Api, engine: Engine) -> None:
    cipher = PersonalDataCipher(TEST_SECRET.encode())
    sealed = cipher.encrypt("refusal_reason", "C00001", "My wife was ill")
    said = {"intent": "refused", "stated_at": NOW, "refusal_reason_encrypted": sealed}
    with engine.begin() as connection:
        table = PurchaseIntent.__table__
        customer = connection.scalar(select(Customer.id).where(Customer.external_id == "C00001"))
        batch = connection.scalar(select(ImportBatch.id).limit(1))
        connection.execute(insert(table).values(customer_id=customer, batch_id=batch, **said))
    query = '{ customer(externalId: "C00001") { classes { intent { intent refusalReason } } } }'
    assert "My wife was ill" in (await rich.send(query, "support")).text
    hidden = await rich.send(query, "frontend")
    assert "REFUSED" in hidden.text
    assert "wife" not in hidden.text
    assert await rich.codes(query, "frontend") == ["FORBIDDEN"]
