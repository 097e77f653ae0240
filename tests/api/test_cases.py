"""What was done by a strategy is written down; cases are opened, closed and listed."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine, select

from api.db.models import StrategyAction
from tests.api.conftest import Api
from tests.api.seed import DAY
from tests.api.seed_facts import NOW, external_id

RECORD = """mutation ($i: RecordStrategyActionInput!) { recordStrategyAction(input: $i) {
    action { id status owner dueOn doneAt outcome version recordedBy note strategy { key } }
    userErrors { code field message } } }"""
CASES = """query ($open: Boolean) { customerCases(kind: WIN_BACK, isOpen: $open, first: 10) {
    totalCount edges { node { id externalId openedOn closedOn cause outcome version note
      strategy { key } } } } }"""


async def test_what_is_done_is_written_down_and_counted(own_api: Api, engine: Engine) -> None:
    given = {"externalId": external_id(3), "strategy": "retention_call", "status": "PLANNED"}

    async def record(**more: Any) -> Any:
        answer = await own_api.ask(RECORD, variables={"i": given | more})
        return answer["recordStrategyAction"]

    planned = (await record(dueOn="2026-04-03", note="Call Élise at home"))["action"]
    assert (planned["status"], planned["owner"]) == ("PLANNED", "account_manager")
    assert planned["note"] == "Call Élise at home"
    with engine.connect() as connection:
        sealed = connection.scalar(select(StrategyAction.note_encrypted))
    assert "Élise".encode() not in bytes(sealed)
    change = {"id": planned["id"], "expectedVersion": 1, "status": "DONE", "outcome": "SUCCEEDED"}
    done = (await record(**change))["action"]
    assert (done["status"], done["outcome"], done["version"]) == ("DONE", "SUCCEEDED", 2)
    assert (done["note"], done["dueOn"]) == (planned["note"], "2026-04-03")
    assert (await record(**change))["userErrors"][0]["code"] == "CONFLICT"
    rued = {"expectedVersion": 2, "outcome": "NO_EFFECT"}
    earlier = (NOW - dt.timedelta(days=3)).isoformat()
    moved = (await record(**change | rued | {"doneAt": earlier}))["action"]
    kept = (await record(**change | {"expectedVersion": 3}))["action"]
    assert kept["doneAt"] == moved["doneAt"] != done["doneAt"]
    undone = (await record(id=planned["id"], expectedVersion=4))["action"]
    assert (undone["status"], undone["doneAt"], undone["outcome"]) == ("PLANNED", None, None)
    await record(**change | {"expectedVersion": 5})
    tracking = (await own_api.ask("{ strategies { key tracking { planned done succeeded } } }"))[
        "strategies"
    ]
    counts = {each["key"]: each["tracking"] for each in tracking}["retention_call"]
    assert counts == {"planned": 0, "done": 1, "succeeded": 1}
    future = await record(status="DONE", doneAt=(NOW + dt.timedelta(days=1)).isoformat())
    assert future["userErrors"][0]["field"] == ["input", "doneAt"]
    early = await record(outcome="FAILED")
    assert early["userErrors"][0]["field"] == ["input", "status"]
    unknown = await record(strategy="retention_cal")
    assert unknown["userErrors"][0]["code"] == "NOT_FOUND"
    kept = """query ($id: String) { customer(externalId: $id) {
        strategyActions { status strategy { key } } } }"""
    seen = (await own_api.ask(kept, variables={"id": external_id(3)}))["customer"]
    assert seen["strategyActions"] == [{"status": "DONE", "strategy": {"key": "retention_call"}}]


async def test_a_case_is_opened_closed_and_listed_with_its_outcome(own_api: Api) -> None:
    begin = """mutation ($i: OpenCaseInput!) { openCase(input: $i) {
        customerCase { id version } userErrors { code } } }"""
    given = {"externalId": external_id(4), "kind": "WIN_BACK", "strategy": "win_back_offer"}
    opened = (await own_api.ask(begin, variables={"i": given}))["openCase"]["customerCase"]
    again = (await own_api.ask(begin, variables={"i": given}))["openCase"]
    assert again["userErrors"][0]["code"] == "CONFLICT"
    listed = (await own_api.ask(CASES, variables={"open": True}))["customerCases"]
    assert [edge["node"]["externalId"] for edge in listed["edges"]] == [external_id(4)]
    end = """mutation ($i: CloseCaseInput!) { closeCase(input: $i) {
        customerCase { closedOn } userErrors { code } } }"""
    closing = {"id": opened["id"], "cause": "PRICE", "outcome": "RETURNED", "note": "Back again"}
    closing["expectedVersion"] = opened["version"]
    closed = (await own_api.ask(end, variables={"i": closing}))["closeCase"]
    assert closed == {"customerCase": {"closedOn": DAY.isoformat()}, "userErrors": []}
    twice = (await own_api.ask(end, variables={"i": closing}))["closeCase"]
    assert twice["userErrors"][0]["code"] == "CONFLICT"
    assert (await own_api.ask(CASES, variables={"open": True}))["customerCases"]["totalCount"] == 0
    (edge,) = (await own_api.ask(CASES, variables={}))["customerCases"]["edges"]
    node = edge["node"]
    assert (node["cause"], node["outcome"], node["note"]) == ("PRICE", "RETURNED", "Back again")
