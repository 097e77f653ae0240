"""A policy tried over GraphQL: in a process of its own, changing nothing, one at a time."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from sqlalchemy import Engine, select

from api.db.keys import create_key
from api.db.models import Base
from api.documents import POLICIES, read_document
from api.errors import Conflict
from api.simulation_process import Simulator
from tests.api.conftest import Api, running, seed
from tests.api.seed_facts import NOW

DOCUMENT = """query ($p: JSON!) { simulateTierPolicy(policy: $p) {
  asOf moved customers bestTiers counts { tier before after }
  movedSums { customers revenue margin clv serviceCost }
  promoted { customers } demoted { customers }
  moves { fromTier toTier customers revenue clv }
  tiers { tier before { customers } after { customers revenue } }
  edges { tier above { externalId distance } below { externalId distance } }
  replay { months new { flapRate } } %s } }"""
DISPARITY = "disparity { attribute label groups { group customers shareAfter ratioAfter flagged } }"


def policy() -> Any:
    document = copy.deepcopy(read_document(POLICIES / "default.yaml"))
    document["key"] = "generous"
    return document


async def tried(api: Api, more: str = "", key: str = "admin") -> Any:
    answer = await api.ask(DOCUMENT % more, key, variables={"p": policy()})
    return answer["simulateTierPolicy"]


NOTED = ("api_keys", "audit_entries")
"""When each key was last used, and that groups by sensitive attributes were read."""


def contents(engine: Engine) -> dict[str, Any]:
    """Every table's rows."""
    with engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(select(*table.columns)).all()))
            for name, table in Base.metadata.tables.items()
            if name not in NOTED
        }


async def test_everything_adds_up_and_nothing_is_written(engine: Engine, database_url: str) -> None:
    keys = seed(engine, 30)
    async with running(database_url, keys) as api:
        before = await asyncio.to_thread(contents, engine)
        found = await tried(api, DISPARITY)
    assert contents(engine) == before
    assert found["customers"] == sum(each["after"] for each in found["counts"]) == 30
    assert found["movedSums"]["customers"] == found["moved"]
    assert found["moved"] == found["promoted"]["customers"] + found["demoted"]["customers"]
    assert found["movedSums"]["margin"] is None
    moved = [each for each in found["moves"] if each["fromTier"] != each["toTier"]]
    assert sum(each["customers"] for each in moved) == found["moved"]
    revenue = sum(float(each["revenue"] or 0) for each in moved)
    assert revenue == pytest.approx(float(found["movedSums"]["revenue"]))
    assert found["bestTiers"] == ["diamond", "platinum"]
    assert found["replay"] is None
    named = [each for edge in found["edges"] for each in (*edge["above"], *edge["below"])]
    assert named
    assert all(each["distance"] >= 0 for each in named)


async def test_groups_by_sensitive_attributes_need_the_right_to_see_them(api: Api) -> None:
    for key in ("frontend", "support"):
        answer = (await api.send(DOCUMENT % DISPARITY, key, variables={"p": policy()})).json()
        disparity = answer["data"]["simulateTierPolicy"]["disparity"]
        if key == "frontend":
            assert disparity is None
            assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
        else:
            assert {each["attribute"] for each in disparity}
            for each in disparity:
                assert sum(group["customers"] for group in each["groups"]) == 60


async def test_one_at_a_time(api: Api) -> None:
    answers = await asyncio.gather(
        *(api.send(DOCUMENT % "", variables={"p": policy()}) for _ in range(2))
    )
    codes = sorted(
        error["extensions"]["code"] for each in answers for error in each.json().get("errors", ())
    )
    assert codes == ["CONFLICT"]
    assert (await tried(api))["customers"] == 60


async def test_one_that_takes_too_long_is_stopped(database_url: str, engine: Engine) -> None:
    seed(engine, 5)
    simulator = Simulator(database_url, seconds=0.01)
    with pytest.raises(Conflict, match="took more than"):
        await simulator.simulate(policy(), now=NOW, sensitive=False)
    patient = Simulator(database_url)
    assert (await patient.simulate(policy(), now=NOW, sensitive=False))["customers"] == 5


async def test_nothing_published_is_said(engine: Engine, database_url: str) -> None:
    keys = {"admin": create_key(engine, "admin", ["admin"], None, lambda: NOW)}
    async with running(database_url, keys) as api:
        assert await api.codes(DOCUMENT % "", variables={"p": policy()}) == ["NOT_READY"]
