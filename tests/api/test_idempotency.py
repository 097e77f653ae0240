"""A request sent twice changes things once, whatever it changes; nobody overwrites unseen."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, update

from api.db.audit_files import open_reads
from api.db.idempotency import KEPT
from api.db.models import ApiKey, AuditEntry, IdempotentReply
from api.domain.audit import MAIN
from api.graphql.schema import executable_schema
from api.root_secrets import listed
from tests.api.conftest import Api, running, seed
from tests.api.mutation_samples import SAMPLES, TIER, Samples
from tests.api.seed_facts import NOW
from tests.conftest import TEST_SECRET


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def changes(engine: Engine) -> int:
    """Entries about changes; those about reads are beside them on PostgreSQL only."""
    counted = select(func.count()).select_from(AuditEntry).where(AuditEntry.stream == MAIN)
    with engine.connect() as connection:
        return int(connection.scalar(counted) or 0)


def test_every_mutation_has_a_sample_a_key_and_a_version_or_a_reason() -> None:
    mutation = executable_schema().mutation_type
    assert mutation is not None
    assert mutation.fields.keys() == SAMPLES.keys()
    for name, field in mutation.fields.items():
        assert "idempotencyKey" in field.args, name
        sample = SAMPLES[name]
        assert (sample.stale is None) == (sample.unversioned is not None), name


@pytest.mark.parametrize("name", SAMPLES)
async def test_the_same_request_gets_the_same_reply_and_changes_nothing_twice(
    own_api: Api, engine: Engine, name: str
) -> None:
    samples, sample = Samples(own_api), SAMPLES[name]
    await samples.prepare(name)
    before = changes(engine)
    first = await samples.call(name, sample, sample.arguments, "key 1")
    assert "errors" not in first, first
    assert first["data"][name]["userErrors"] == []
    assert changes(engine) == before + 1
    again = await samples.call(name, sample, sample.arguments, "key 1")
    # What is left of the allowance differs, as time fills it.
    assert json.dumps(again["data"]) == json.dumps(first["data"])
    assert "errors" not in again
    assert changes(engine) == before + 1
    assert count(engine, IdempotentReply) == 1
    with engine.connect() as connection:
        entry = connection.execute(
            select(AuditEntry.__table__)
            .where(AuditEntry.stream == MAIN)
            .order_by(AuditEntry.number.desc())
        ).first()
    assert entry is not None
    assert (entry.action, entry.actor) == (name, "admin")
    assert json.loads(entry.details)["objects"], name


@pytest.mark.parametrize("name", [name for name, each in SAMPLES.items() if each.stale])
async def test_a_stale_version_changes_nothing(own_api: Api, engine: Engine, name: str) -> None:
    samples, sample = Samples(own_api), SAMPLES[name]
    await samples.prepare(name)
    if name == "recordStrategyAction":
        made = await samples.call(name, sample, sample.arguments)
        samples.left[name] = made["data"][name]
    before = changes(engine)
    assert sample.stale is not None
    answer = await samples.call(name, sample, sample.stale, "key 1")
    (error,) = answer["data"][name]["userErrors"]
    assert error["code"] in ("CONFLICT", "NOT_FOUND"), error
    assert "expected" in error["message"]
    assert changes(engine) == before
    assert count(engine, IdempotentReply) == 0


SET = """mutation ($input: SetTierOverrideInput!, $key: String) {
    setTierOverride(input: $input, idempotencyKey: $key) {
      override { value version } userErrors { code field message } } }"""


async def set_tier(api: Api, key: str | None, caller: str = "care", **given: Any) -> Any:
    variables = {"input": TIER | given, "key": key}
    answer = await api.send(SET, caller, variables=variables)
    return answer.json()["data"]["setTierOverride"]


async def test_a_key_of_another_request_is_refused(own_api: Api, engine: Engine) -> None:
    await set_tier(own_api, "k")
    other = await set_tier(own_api, "k", tier="silver")
    (error,) = other["userErrors"]
    assert (error["code"], error["field"]) == ("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])
    assert changes(engine) == 1
    elsewhere = """mutation { endTierOverride(externalId: "%s", idempotencyKey: "k") {
        userErrors { code } } }""" % TIER["externalId"]  # noqa: UP031 - the braces are GraphQL's
    answer = (await own_api.ask(elsewhere, "care"))["endTierOverride"]
    assert answer["userErrors"] == [{"code": "IDEMPOTENCY_KEY_REUSED"}]
    assert (await set_tier(own_api, "k", "admin"))["override"]["version"] == 3  # another caller's


async def test_a_reply_is_for_who_sees_the_same_customers(
    own_api: Api, engine: Engine, database_url: str
) -> None:
    await set_tier(own_api, "k")
    with engine.begin() as connection:
        connection.execute(update(ApiKey).where(ApiKey.name == "care").values(owner="nobody"))
    async with running(database_url, own_api.keys) as later:
        answer = await set_tier(later, "k")
    assert answer["override"] is None
    assert [each["code"] for each in answer["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "line\nline"])
async def test_a_key_is_short_and_printable(own_api: Api, key: str) -> None:
    (error,) = (await set_tier(own_api, key))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID", ["idempotencyKey"])


async def test_what_has_to_be_mended_leaves_the_key_free(own_api: Api, engine: Engine) -> None:
    wrong = await set_tier(own_api, "k", tier="gould")
    assert wrong["userErrors"][0]["code"] == "INVALID"
    assert count(engine, IdempotentReply) == changes(engine) == 0
    right = await set_tier(own_api, "k")
    assert right["userErrors"] == []


async def test_of_requests_at_the_same_moment_one_changes_something(
    own_api: Api, engine: Engine
) -> None:
    answers = await asyncio.gather(*(set_tier(own_api, "k") for _ in range(6)))
    assert all(each == answers[0] for each in answers)
    assert answers[0]["override"]["version"] == 1
    assert changes(engine) == 1


async def test_a_reply_given_again_says_so_and_is_a_read_again(
    own_api: Api, engine: Engine, database_url: str
) -> None:
    sample = SAMPLES["recordStrategyAction"]
    document = sample.document("recordStrategyAction")
    variables = {**sample.arguments, "key": "k"}
    first = await own_api.send(document, variables=variables)
    again = await own_api.send(document, variables=variables)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    reads = open_reads(database_url)
    with reads.connect() as connection:
        found = connection.scalars(
            select(AuditEntry.details).where(AuditEntry.action == "personal.read")
        ).all()
    assert [json.loads(each)["fields"] for each in found] == [["StrategyAction.note"]] * 2


async def test_two_processes_share_replies(own_api: Api, engine: Engine, database_url: str) -> None:
    async with running(database_url, own_api.keys) as other:
        answers = await asyncio.gather(set_tier(own_api, "k"), set_tier(other, "k"))
    assert answers[0] == answers[1]
    assert changes(engine) == 1


async def test_a_reply_is_kept_for_a_day(engine: Engine, database_url: str) -> None:
    moment = NOW
    async with running(database_url, seed(engine, 30), clock=lambda: moment) as api:
        await set_tier(api, "k")
        moment = NOW + KEPT - dt.timedelta(seconds=1)
        assert (await set_tier(api, "k"))["override"]["version"] == 1
        moment = NOW + KEPT
        assert (await set_tier(api, "k"))["override"]["version"] == 3
        assert count(engine, IdempotentReply) == 1


async def test_errors_inside_a_reply_come_again(own_api: Api) -> None:
    document = """mutation ($i: RecordStrategyActionInput!) {
        once: recordStrategyAction(input: $i, idempotencyKey: "k") {
          action { status note } userErrors { code } } }"""
    given = SAMPLES["recordStrategyAction"].arguments["input"]
    first = (await own_api.send(document, "care", variables={"i": given})).json()
    again = (await own_api.send(document, "care", variables={"i": given})).json()
    assert first["data"] == again["data"]
    assert first["data"]["once"]["action"] == {"status": "PLANNED", "note": None}
    assert [error["extensions"]["code"] for error in first["errors"]] == ["FORBIDDEN"]
    strip = [{k: v for k, v in error.items() if k != "locations"} for error in first["errors"]]
    assert again["errors"] == strip


async def test_a_reply_is_unreadable_in_the_store(own_api: Api, engine: Engine) -> None:
    samples = Samples(own_api)
    sample = SAMPLES["recordStrategyAction"]
    await samples.call("recordStrategyAction", sample, sample.arguments, "my key")
    with engine.connect() as connection:
        row = connection.execute(select(IdempotentReply.__table__)).one()
    assert b"Call" not in bytes(row.reply)
    assert b"my key" not in bytes(row.key_hash)


async def test_a_change_that_fails_to_commit_leaves_nothing(
    own_api: Api, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("api.graphql.mutations.changes.append", broken)
    for key in (None, "k"):
        answer = (await own_api.send(SET, variables={"input": TIER, "key": key})).json()
        assert answer["data"]["setTierOverride"] is None
        assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    monkeypatch.undo()
    assert (await set_tier(own_api, "k"))["override"]["version"] == 1
    assert changes(engine) == 1


async def test_a_request_is_known_again_after_the_secret_was_changed(
    engine: Engine, database_url: str
) -> None:
    keys = seed(engine, 5)
    name, sample = "setTierOverride", SAMPLES["setTierOverride"]
    async with running(database_url, keys) as api:
        first = await Samples(api).call(name, sample, sample.arguments, "key 1")
        before = await asyncio.to_thread(changes, engine)
    previous = SecretStr(listed(TEST_SECRET.encode()).decode())
    rotated = {"secret_key": SecretStr("y" * 40), "previous_secret_keys": previous}
    async with running(database_url, keys, settings=rotated) as api:
        taken_over = await asyncio.to_thread(changes, engine)
        again = await Samples(api).call(name, sample, sample.arguments, "key 1")
        assert again["data"] == first["data"]
        other = {"input": TIER | {"reason": "another"}}
        refused = await Samples(api).call(name, sample, other, "key 1")
    problems = refused["data"][name]["userErrors"]
    assert [each["code"] for each in problems] == ["IDEMPOTENCY_KEY_REUSED"]
    assert await asyncio.to_thread(changes, engine) == taken_over == before + 1
