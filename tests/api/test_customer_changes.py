"""Customers are created and changed: in one spelling, sealed, as facts that refreshes find."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.db.models import (
    Customer,
    CustomerAttribute,
    CustomerNameToken,
    ImportBatch,
    Installation,
    Recommendation,
    Strategy,
)
from tests.api.conftest import Api
from tests.api.seed_facts import NOW, external_id

SHOWN = "customer { externalId kind knownSince name email phone region industry owner version "
SHOWN += "attributes { name value since } needs { key } orders(first: 1) { totalCount } }"
CREATE = "mutation ($i: CreateCustomerInput!) { createCustomer(input: $i) { %s userErrors { code "
CREATE = (CREATE + "field message } } }") % SHOWN
UPDATE = CREATE.replace("create", "update").replace("Create", "Update")
EVERYTHING = {
    "externalId": " N-1 ",
    "kind": "B2B",
    "knownSince": "2026-03-01",
    "name": " Élise Ltd ",
    "email": "Office@Example.ORG",
    "phone": "+44 20 7183 8750",
    "region": "North",
    "industry": "Tea",
    "owner": "west",
    "attributes": [
        {"name": "household_size", "value": 4},
        {"name": "owner", "value": True},
        {"name": "income", "value": "high"},
    ],
}


async def create(api: Api, key: str = "admin", **given: Any) -> Any:
    return (await api.ask(CREATE, key, variables={"i": given}))["createCustomer"]


async def update(api: Api, key: str = "admin", **given: Any) -> Any:
    return (await api.ask(UPDATE, key, variables={"i": given}))["updateCustomer"]


async def test_a_customer_is_created_with_all_that_is_known(own_api: Api, engine: Engine) -> None:
    made = (await create(own_api, **EVERYTHING))["customer"]
    attributes = {each["name"]: each["value"] for each in made.pop("attributes")}
    assert attributes == {"household_size": 4, "owner": True, "income": "high"}
    assert made == {
        "externalId": "N-1",
        "kind": "B2B",
        "knownSince": "2026-03-01",
        "name": "Élise Ltd",
        "email": "office@example.org",
        "phone": "+442071838750",
        "region": "North",
        "industry": "Tea",
        "owner": "west",
        "version": 1,
        "needs": [],
        "orders": {"totalCount": 0},
    }
    found = """{
      a: customers(filter: {name: "elise ltd"}, first: 9) { edges { node { externalId } } }
      b: customers(filter: {email: "office@example.org"}, first: 9) { totalCount }
      c: customers(filter: {phone: "+442071838750"}, first: 9) { totalCount } }"""
    answer = await own_api.ask(found)
    assert "N-1" in str(answer["a"])
    assert answer["b"]["totalCount"] == answer["c"]["totalCount"] == 1
    with engine.connect() as connection:
        row = connection.execute(select(Customer).where(Customer.external_id == "N-1")).one()
        batch = connection.execute(select(ImportBatch).where(ImportBatch.id == row.batch_id)).one()
        newest = connection.scalar(select(ImportBatch.id).order_by(ImportBatch.id.desc()).limit(1))
    assert b"lise" not in bytes(row.name_encrypted)
    assert (batch.kind, batch.source, batch.arrived_at) == ("customers", "api:admin", NOW)
    assert newest == batch.id


async def test_a_number_that_is_taken_is_a_conflict(own_api: Api) -> None:
    [error] = (await create(own_api, externalId=external_id(3)))["userErrors"]
    assert (error["code"], error["field"]) == ("CONFLICT", ["input", "externalId"])


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"email": "nobody"}, ["input", "email"]),
        ({"phone": "12345"}, ["input", "phone"]),
        ({"name": " "}, ["input", "name"]),
        ({"region": "x" * 101}, ["input", "region"]),
        ({"externalId": "x" * 201}, ["input", "externalId"]),
        ({"knownSince": "2026-04-02"}, ["input", "knownSince"]),
        ({"attributes": [{"name": "incom", "value": "x"}]}, ["input", "attributes", "0", "name"]),
        (
            {"attributes": [{"name": "household_size", "value": "x"}]},
            ["input", "attributes", "0", "value"],
        ),
        (
            {"attributes": [{"name": "income", "value": "a"}] * 2},
            ["input", "attributes", "1", "name"],
        ),
    ],
)
async def test_what_cannot_be_used_is_named_and_never_repeated(
    own_api: Api, given: dict[str, Any], path: list[str]
) -> None:
    answer = await create(own_api, **given)
    assert answer["customer"] is None
    assert [each["field"] for each in answer["userErrors"]] == [path]
    assert "nobody" not in str(answer)
    assert "12345" not in str(answer)


async def test_a_change_of_what_nobody_saw_is_refused(own_api: Api, engine: Engine) -> None:
    who = external_id(4)
    changed = (await update(own_api, externalId=who, expectedVersion=1, region="West"))["customer"]
    assert (changed["region"], changed["version"]) == ("West", 2)
    again = await update(own_api, externalId=who, expectedVersion=1, region="East")
    assert again["userErrors"][0]["code"] == "CONFLICT"
    assert again["userErrors"][0]["field"] == ["expectedVersion"]
    same = (await update(own_api, externalId=who, expectedVersion=2, region="West"))["customer"]
    assert same["version"] == 2
    unknown = await update(own_api, externalId="nobody", expectedVersion=1, region="x")
    assert unknown["userErrors"][0]["code"] == "NOT_FOUND"


async def test_contacts_are_replaced_with_all_they_are_found_by(
    own_api: Api, engine: Engine
) -> None:
    who = external_id(4)
    given = {"externalId": who, "expectedVersion": 1, "name": "Bao Lopez", "email": None}
    changed = (await update(own_api, **given))["customer"]
    assert (changed["name"], changed["email"], changed["phone"] is None) == (
        "Bao Lopez",
        None,
        False,
    )
    found = (
        '{ customers(filter: {name: "bao lopez"}, first: 99) { edges { node { externalId } } } }'
    )
    assert who in str(await own_api.ask(found))
    old = '{ customers(filter: {email: "c4@example.org"}, first: 9) { totalCount } }'
    assert (await own_api.ask(old))["customers"]["totalCount"] == 0
    await update(own_api, externalId=who, expectedVersion=2, name=None)
    with engine.connect() as connection:
        tokens = select(CustomerNameToken).where(CustomerNameToken.customer_id == 4)
        assert connection.execute(tokens).all() == []


async def test_another_kind_corrects_history_and_attributes_are_facts_of_now(
    own_api: Api, engine: Engine
) -> None:
    def facts() -> tuple[int, int]:
        with engine.connect() as connection:
            epoch = connection.scalar(select(Installation.facts_epoch))
            newest = connection.scalar(
                select(ImportBatch.id).order_by(ImportBatch.id.desc()).limit(1)
            )
        return int(epoch or 0), int(newest or 0)

    who, before = external_id(4), facts()
    size = [{"name": "household_size", "value": 9}]
    await update(own_api, externalId=who, expectedVersion=1, attributes=size)
    after = facts()
    assert (after[0], after[1] > before[1]) == (before[0], True)
    with engine.connect() as connection:
        row = connection.execute(
            select(CustomerAttribute)
            .where(CustomerAttribute.customer_id == 4, CustomerAttribute.name == "household_size")
            .order_by(CustomerAttribute.valid_from.desc())
        ).first()
    assert row is not None
    assert (row.number_value, row.valid_from, row.batch_id) == (9, NOW, after[1])
    await update(own_api, externalId=who, expectedVersion=2, kind="INTERNAL")
    assert facts() == (before[0] + 1, after[1])


async def test_contacts_and_what_is_sensitive_need_pii_read(own_api: Api) -> None:
    given = {"externalId": external_id(4), "expectedVersion": 1, "email": "a@example.org"}
    document = UPDATE.replace("name email phone", "")
    assert await own_api.codes(document, "care", variables={"i": given}) == ["FORBIDDEN"]
    given = {"externalId": external_id(4), "expectedVersion": 1}
    hidden = given | {"attributes": [{"name": "income", "value": "x"}]}
    answer = (await own_api.ask(document, "care", variables={"i": hidden}))["updateCustomer"]
    assert answer["userErrors"][0]["code"] == "NOT_FOUND"
    shown = given | {"region": "West"}
    answer = (await own_api.ask(document, "care", variables={"i": shown}))["updateCustomer"]
    assert answer["customer"]["region"] == "West"


async def test_whoever_sees_their_own_customers_creates_their_own(own_api: Api) -> None:
    made = (await create(own_api, "sales", name="Anna Smith"))["customer"]
    assert made["owner"] == "east"
    assert len(made["externalId"]) == 21
    assert made["knownSince"] == NOW.date().isoformat()
    for given in ({"externalId": "mine"}, {"externalId": external_id(4)}, {"owner": "west"}):
        [error] = (await create(own_api, "sales", **given))["userErrors"]
        assert (error["code"], error["field"]) == ("INVALID", ["input", *given])
    kept = {"externalId": made["externalId"], "expectedVersion": 1}
    [error] = (await update(own_api, "sales", **kept, owner="west"))["userErrors"]
    assert error["field"] == ["input", "owner"]
    changed = (await update(own_api, "sales", **kept, region="West"))["customer"]
    assert (changed["region"], changed["owner"]) == ("West", "east")


RECORD = """mutation ($i: RecordConsentInput!) { recordConsent(input: $i) {
  consents { purpose channel granted recordedAt source proof }
  userErrors { code field message } } }"""


async def test_consents_are_recorded_with_proof_and_the_latest_counts(own_api: Api) -> None:
    async def record(key: str = "admin", **given: Any) -> Any:
        asked = {"externalId": external_id(4), "purpose": "marketing", "channel": "email"} | given
        return (await own_api.ask(RECORD, key, variables={"i": asked}))["recordConsent"]

    given = await record(
        granted=True, proof="Signed at the fair", recordedAt="2026-03-01T10:00:00Z"
    )
    assert given["consents"] == [
        {
            "purpose": "marketing",
            "channel": "email",
            "granted": True,
            "recordedAt": "2026-03-01T10:00:00+00:00",
            "source": "api:admin",
            "proof": "Signed at the fair",
        }
    ]
    assert [each["granted"] for each in (await record(granted=False))["consents"]] == [False]
    late = await record(granted=True, recordedAt="2026-03-05T10:00:00Z")
    assert [each["granted"] for each in late["consents"]] == [False]
    query = f'{{ customer(externalId: "{external_id(4)}") {{ consents {{ granted }} }} }}'
    shown = await own_api.ask(query, "frontend")
    assert shown["customer"]["consents"] == [{"granted": False}]
    future = (NOW + dt.timedelta(minutes=1)).isoformat()
    for bad in ({"recordedAt": future}, {"purpose": "Marketing"}, {"channel": ""}, {"proof": ""}):
        [error] = (await record(granted=True, **bad))["userErrors"]
        assert error["field"] == ["input", *bad]
    opposite = (await record(granted=True))["userErrors"]
    assert (opposite[0]["code"], opposite[0]["field"]) == ("CONFLICT", ["input", "recordedAt"])


def recommended_with_consent(engine: Engine) -> Any:
    with engine.connect() as connection:
        rows = connection.execute(
            select(Strategy.key, Strategy.document, Recommendation.customer_id)
            .join(Recommendation, Recommendation.strategy_id == Strategy.id)
            .order_by(Recommendation.customer_id)
        ).all()
    return next(
        row for row in rows if row.document.get("consent_purpose") and row.document.get("channel")
    )


async def test_a_withdrawal_takes_recommendations_away_at_once(
    own_api: Api, engine: Engine
) -> None:
    """The seed recommends without asking, so the first word makes the consent."""
    strategy, document, customer = recommended_with_consent(engine)
    word = {"externalId": external_id(customer), "purpose": document["consent_purpose"]}
    query = f"""{{ customer(externalId: "{external_id(customer)}") {{
      recommendedStrategies {{ priority strategy {{ key }} }}
      first: recommendedStrategies(first: 2) {{ priority }}
      withheldStrategies {{ code strategy {{ key }} }} }} }}"""

    async def recommended() -> list[str]:
        shown = (await own_api.ask(query))["customer"]
        found = shown["recommendedStrategies"]
        assert [each["priority"] for each in found] == list(range(1, len(found) + 1))
        assert [each["priority"] for each in shown["first"]] == [1, 2]
        withheld = {each["strategy"]["key"]: each["code"] for each in shown["withheldStrategies"]}
        keys = [each["strategy"]["key"] for each in found]
        assert strategy in keys or withheld.get(strategy) in (None, "withheld.no_consent")
        return keys

    async def say(channel: str, *, granted: bool, days: int) -> None:
        said_at = (NOW - dt.timedelta(days=days)).isoformat()
        given = word | {"channel": channel, "granted": granted, "recordedAt": said_at}
        answer = await own_api.ask(RECORD, variables={"i": given})
        assert answer["recordConsent"]["userErrors"] == []

    before = await recommended()
    assert strategy in before
    await say("pigeon", granted=False, days=9)
    assert await recommended() == before
    await say(document["channel"], granted=False, days=8)
    withdrawn = await recommended()
    assert strategy not in withdrawn
    assert set(withdrawn) < set(before)
    await say(document["channel"], granted=True, days=7)
    assert await recommended() == before
