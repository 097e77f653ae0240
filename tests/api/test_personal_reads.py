"""Whoever reads personal data leaves an entry, before the answer does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType
from sqlalchemy import Engine, event, select

from api.audit_keeping import AuditKeeper
from api.db.audit_checks import check_audit
from api.db.audit_files import open_reads
from api.db.models import AuditEntry
from api.domain.audit import MAIN, READ, SYSTEM, Event, Seals
from api.graphql.access import scopes_of
from api.graphql.schema import executable_schema
from tests.api.conftest import Api
from tests.api.mutation_samples import ACTION, WHO
from tests.api.seed_facts import NOW, external_id
from tests.conftest import TEST_SECRET

NAMES = "{ customers(first: 5) { edges { node { externalId name } } } }"
OPEN = """mutation ($w: String!) { openCase(input: {externalId: $w, kind: WIN_BACK,
    strategy: "win_back_offer"}) { customerCase { id note } userErrors { code } } }"""
RECORD = """mutation ($i: RecordStrategyActionInput!) {
    recordStrategyAction(input: $i) { action { note } } }"""
CONSENT = """mutation ($w: String!) { recordConsent(input: {externalId: $w, purpose: "marketing",
    channel: "email", granted: true, proof: "form 7"}) { consents { proof } } }"""
ONE = "query ($w: String!) {{ customer(externalId: $w) {{ {0} }} }}"
PERSONAL_FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "Customer.name": (ONE.format("name"), {"w": WHO}),
    "Customer.email": (ONE.format("email"), {"w": WHO}),
    "Customer.phone": (ONE.format("phone"), {"w": WHO}),
    "StrategyAction.note": (RECORD, {"i": ACTION}),
    "CustomerCase.note": (OPEN, {"w": WHO}),
    "Consent.proof": (CONSENT, {"w": WHO}),
    "StatedIntent.refusalReason": ("", {}),
    "StatedIntent.wantedFeature": ("", {}),
    "TierSimulation.disparity": ("", {}),
}
"""How each field that needs pii:read is asked for; the empty ones have tests of their own."""


def entries(url: str, action: str = READ) -> list[dict[str, Any]]:
    engine = open_reads(url)
    statement = select(AuditEntry.__table__).where(AuditEntry.action == action)
    with engine.connect() as connection:
        rows = connection.execute(statement.order_by(AuditEntry.at, AuditEntry.number)).all()
    return [{**row._mapping, "details": json.loads(row.details)} for row in rows]


def test_every_personal_field_is_tried() -> None:
    guarded = {
        f"{kind.name}.{name}"
        for kind in executable_schema().type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if "pii:read" in scopes_of(field)
    }
    assert guarded == PERSONAL_FIELDS.keys()


@pytest.mark.parametrize("place", [name for name, asked in PERSONAL_FIELDS.items() if asked[0]])
async def test_a_personal_field_leaves_one_entry(
    own_api: Api, database_url: str, place: str
) -> None:
    document, variables = PERSONAL_FIELDS[place]
    answer = await own_api.send(document, variables=variables)
    assert "errors" not in answer.json()
    (entry,) = entries(database_url)
    assert entry["details"]["fields"] == [place]
    assert (entry["details"]["customers"], entry["details"]["customer_ids"]) == (1, [3])
    assert (entry["actor_kind"], entry["actor"]) == ("key", "admin")
    assert entry["request_id"] == answer.headers["x-request-id"]


async def test_who_reads_nothing_personal_leaves_none(own_api: Api, database_url: str) -> None:
    await own_api.ask("{ customers(first: 5) { edges { node { externalId clv: id } } } }")
    denied = await own_api.codes(NAMES, "frontend")
    assert set(denied) == {"FORBIDDEN"}
    assert await own_api.codes("{ customers(first: 0) { edges { node { name } } } }")
    assert entries(database_url) == []


async def test_few_customers_are_named_and_many_counted(own_api: Api, database_url: str) -> None:
    await own_api.ask(NAMES, "support")
    await own_api.ask(NAMES.replace("5", "30"), "support")
    few, many = (entry["details"] for entry in entries(database_url))
    assert (few["customers"], few["customer_ids"]) == (5, [1, 2, 3, 4, 5])
    assert many["customers"] == 30
    assert "customer_ids" not in many


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ('customers(first: 3, filter: {email: "c3@example.org"})', "filter: email"),
        ('customers(first: 3, filter: {phone: "+442071838750"})', "filter: phone"),
        ('customers(first: 3, filter: {name: "Smith"})', "filter: name"),
    ],
)
async def test_a_search_by_personal_data_is_a_read(
    own_api: Api, database_url: str, asked: str, expected: str
) -> None:
    await own_api.ask(f"{{ {asked} {{ totalCount }} }}", "support")
    (entry,) = entries(database_url)
    assert entry["details"]["fields"] == [expected]
    kept = json.dumps(entry, default=str)
    assert not any(word in kept for word in ("example.org", "Smith", "+4420"))


async def test_sensitive_attributes_are_personal(own_api: Api, database_url: str) -> None:
    await own_api.ask("{ customers(first: 3) { edges { node { attributes { name value } } } } }")
    (entry,) = entries(database_url)
    assert entry["details"]["fields"] == ["attribute.income"]
    rule = """{ customers(first: 3, filter: {attribute: {name: "income",
        text: {eq: "low"}}}) { totalCount } }"""
    await own_api.ask(rule)
    assert "attribute.income" in entries(database_url)[1]["details"]["fields"][0]


@pytest.fixture
def transactions(own_api: Api) -> Iterator[list[int]]:
    """How often the read log was committed to."""
    keeper = own_api.app.state.graphql.realms.live.audit
    committed: list[int] = []
    engine = keeper.reads._engine.sync_engine
    event.listen(engine, "commit", lambda _c: committed.append(1))
    return committed


async def test_reads_at_the_same_time_share_transactions(
    own_api: Api, database_url: str, transactions: list[int]
) -> None:
    log = own_api.app.state.graphql.realms.live.audit.reads
    await own_api.ask(NAMES, "support")
    transactions.clear()
    read = [Event(NOW, SYSTEM, READ, str(number)) for number in range(50)]
    await asyncio.gather(*map(log.record, read))
    assert len(entries(database_url)) == 51
    assert len(transactions) == 1
    transactions.clear()
    await asyncio.gather(*(own_api.ask(NAMES, "support") for _ in range(8)))
    assert len(entries(database_url)) == 59
    assert len(transactions) <= 8


async def test_what_cant_be_recorded_is_not_answered(
    own_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = own_api.app.state.graphql.realms.live.audit.reads
    monkeypatch.setattr("api.db.audit_reads.asdict", lambda _entry: {"stream": None})
    answer = await own_api.send(NAMES, "support")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["errors"][0]["extensions"]["code"] == "AUDIT_UNAVAILABLE"
    assert "data" not in answer.json()
    assert "Smith" not in answer.text
    monkeypatch.undo()
    stream = log.head.stream
    assert (await own_api.send(NAMES, "support")).status_code == 200
    assert (log.head.stream, log.head.number) == (stream, 1)


async def test_a_refresh_that_writes_does_not_hold_up_reads(
    own_api: Api, engine: Engine, database_url: str
) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("LOCK TABLE installation IN EXCLUSIVE MODE")
        await own_api.ask(NAMES, "support")
    assert len(entries(database_url)) == 1


async def test_the_chain_of_changes_names_the_ends_of_reads(
    own_api: Api, engine: Engine, database_url: str
) -> None:
    keeper: AuditKeeper = own_api.app.state.graphql.realms.live.audit
    await own_api.ask(NAMES, "support")
    await keeper.tidy()
    await keeper.tidy()
    await own_api.ask(f'{{ customer(externalId: "{external_id(1)}") {{ name }} }}', "support")
    await keeper.tidy()
    seals = Seals(TEST_SECRET.encode())
    found = check_audit(engine, open_reads(database_url), seals, None)
    assert (found.problem, found.changes, found.reads) == (None, 2, 2)
    logged = [line for line in own_api.log.lines if line["event"] == "audit_checkpoint"]
    assert [line["entries"] for line in logged] == [1, 2]
    with engine.connect() as connection:
        stream = connection.scalar(select(AuditEntry.stream).where(AuditEntry.stream == MAIN))
    assert stream == MAIN
