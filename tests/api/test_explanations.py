"""Tier decisions over GraphQL: explained on any day, in both languages, with what would change."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine, insert, select, update

from api.db.keys import create_key
from api.db.models import CustomerFinding, MiningRun, Override, TierAssignment
from api.documents import POLICIES
from tests.api.conftest import Api, reads, running
from tests.refresh.business import BUYERS, DAY, NOW, Business, open_business

ONE_DAY = dt.timedelta(days=1)
TIER = """tier { tier name since until watchSince watchUntil policy version
  reasons { code text(language: ZH_HANS) }
  gapToNextTier { tier conditions { field current needed text } }
  marginToLower { tier conditions { field current needed } }
  override { value reason author expiresOn } run { asOf publishedAt modelVersions } }"""
DECISION = """tier name since until asOf policy policyName(language: ZH_HANS) version
  reasons { code text } gapToNextTier { tier } marginToLower { tier } hold { until }
  override { tier reason author expiresOn } run { asOf modelVersions }
  measures { name value text } replay { equal tier flaws }
  statement zh: statement(language: ZH_HANS)
  whatIf { changes { name current needed tier text }
    actions { actions probabilityBefore probabilityAfter tier text } }"""


CREATE = (
    "mutation ($policy: JSON!) { createTierPolicy(policy: $policy) { userErrors { message } } }"
)
ACTIVATE = """mutation ($input: ActivateTierPolicyInput!) { activateTierPolicy(input: $input) {
  userErrors { message } } }"""


@pytest.fixture
def business(engine: Engine, database_url: str, tmp_path: Path) -> Business:
    return open_business(engine, database_url, tmp_path / "facts", BUYERS)


@pytest.fixture
async def decided(business: Business) -> AsyncIterator[Api]:
    """The application over customers whom two refreshes have decided about."""
    business.refresh()
    business.buyers[1] = BUYERS[4]
    business.buyers[3] = replace(BUYERS[3], clv_minor=BUYERS[3].clv_minor + 100)
    business.refresh(as_of=DAY + ONE_DAY, now=NOW + ONE_DAY)
    keys = {"admin": create_key(business.engine, "admin", ["admin"], None, lambda: NOW)}
    async with running(business.url, keys) as api:
        yield api


async def explained(api: Api, customer: int = 3, day: dt.date | None = None) -> Any:
    asked = f"explainTier(externalId: $c, asOf: $d) {{ {DECISION} }}"
    query = f"query ($c: String!, $d: Date) {{ {asked} }}"
    variables = {"c": f"C{customer}", "d": day and day.isoformat()}
    return (await api.ask(query, variables=variables))["explainTier"]


async def test_the_present_decision_has_everything_that_led_to_it(decided: Api) -> None:
    found = await explained(decided)
    assert found["replay"] == {"equal": True, "tier": found["tier"], "flaws": []}
    assert found["run"] == {"asOf": "2026-04-01", "modelVersions": ["churn/1", "clv/1"]}
    assert (found["policy"], found["version"]) == ("default", 1)
    assert found["policyName"] == "价值与风险"
    assert {each["name"]: each["value"] for each in found["measures"]}["clv"] == 30_100
    assert all(each["text"] for each in (*found["measures"], *found["reasons"]))
    assert found["name"] in found["statement"]
    assert "您的等级" in found["zh"]
    assert "ABC class; RFM group" in found["statement"]


async def test_a_past_day_is_explained_by_what_was_known_then(decided: Api) -> None:
    before, after = await explained(decided, 1, DAY), await explained(decided, 1)
    assert before["tier"] != after["tier"]
    assert (before["until"], before["run"]["asOf"]) == ("2026-04-01", "2026-03-31")
    assert before["replay"]["equal"]
    assert after["replay"]["equal"]
    assert await explained(decided, 1, DAY - ONE_DAY) is None


async def test_a_tampered_record_is_reported(decided: Api, business: Business) -> None:
    table = TierAssignment
    with business.engine.begin() as connection:
        connection.execute(update(table).where(table.customer_id == 3).values(tier_key="diamond"))
    replay = (await explained(decided))["replay"]
    assert not replay["equal"]
    assert replay["tier"] != "diamond"
    assert "lead to" in replay["flaws"][0]


@pytest.mark.parametrize(
    "field", ["statement", "measures { name }", "replay { equal }", "whatIf { changes { name } }"]
)
async def test_a_record_that_lacks_inputs_says_so(api: Api, field: str) -> None:
    document = f'{{ explainTier(externalId: "C00003") {{ {field} }} }}'
    assert await api.codes(document) == ["NOT_REPLAYED"]


async def test_the_tier_of_a_customer_shows_the_latest_record(decided: Api) -> None:
    found = await decided.ask(f'{{ customer(externalId: "C3") {{ {TIER} }} }}')
    tier = found["customer"]["tier"]
    assert tier["since"] == "2026-03-31"
    assert tier["run"]["asOf"] == "2026-04-01"
    assert tier["gapToNextTier"]["conditions"][0]["current"] == 30_100
    assert tier["marginToLower"]["conditions"][0]["current"] == 30_100
    assert tier["override"] is None


async def test_hints_that_mining_stored_are_decided_again(decided: Api, business: Business) -> None:
    hint = {"actions": ["call"], "before": 0.3, "after": 0.04}
    with business.engine.begin() as connection:
        run = {"id": 1, "as_of": DAY, "published_at": NOW, "groups": {}}
        connection.execute(insert(MiningRun).values(**run))
        connection.execute(
            insert(CustomerFinding).values(
                customer_id=3, group_key=None, products=[], channels=[], hints=[hint], run_id=1
            )
        )
    document = (
        '{ customer(externalId: "C3") { whatIf { actions { actions probabilityAfter tier } } } }'
    )
    found = (await decided.ask(document))["customer"]["whatIf"]["actions"]
    assert found == [{"actions": ["call"], "probabilityAfter": 0.04, "tier": "silver"}]


async def test_a_page_of_decisions_costs_the_same_at_any_size(decided: Api) -> None:
    counted = []
    node = f"{TIER} tierDecision {{ tier replay {{ equal }} }}"
    await explained(decided)  # what all requests share is read
    for size in (1, 5):
        document = f"{{ customers(first: {size}) {{ edges {{ node {{ {node} }} }} }} }}"
        async with decided.statements() as sent:
            await decided.ask(document)
        counted.append(len(reads(sent)))
    assert counted[0] == counted[1]


async def test_who_set_a_tier_by_hand_is_told(business: Business) -> None:
    by_hand = {"customer_id": 4, "kind": "tier", "classification": None, "value": "gold"}
    by_hand |= {"reason": "Board member", "author": "admin", "created_at": NOW}
    by_hand |= {"starts_on": DAY, "expires_on": DAY + 30 * ONE_DAY}
    with business.engine.begin() as connection:
        connection.execute(insert(Override).values(**by_hand))
    business.refresh()
    keys = {"admin": create_key(business.engine, "admin", ["admin"], None, lambda: NOW)}
    async with running(business.url, keys) as api:
        found = await explained(api, 4)
        told = {"reason": "Board member", "author": "admin", "expiresOn": "2026-04-30"}
        assert found["override"] == {"tier": "gold"} | told
        assert found["replay"]["equal"]
        tier = (await api.ask(f'{{ customer(externalId: "C4") {{ {TIER} }} }}'))["customer"]["tier"]
        assert tier["override"] == {"value": "gold"} | told


async def test_below_the_lowest_tier_is_a_decision_too(business: Business) -> None:
    business.refresh()
    with business.engine.begin() as connection:
        connection.execute(update(TierAssignment).values(tier_key=None))
        assert connection.scalars(select(TierAssignment.tier_key)).first() is None
    keys = {"admin": create_key(business.engine, "admin", ["admin"], None, lambda: NOW)}
    async with running(business.url, keys) as api:
        found = (await api.ask(f'{{ customer(externalId: "C3") {{ {TIER} }} }}'))["customer"]
        assert found["tier"]["tier"] is None
        assert found["tier"]["name"] is None
        filtered = await api.ask(
            "{ customers(first: 10, filter: {tier: {isNull: true}}) { totalCount } }"
        )
        assert filtered["customers"]["totalCount"] == len(BUYERS)
        assert (await api.ask("{ portfolio { byTier { key } } }"))["portfolio"]["byTier"] == []


async def test_the_nearest_to_a_tier_come_first_with_what_is_missing(decided: Api) -> None:
    document = """{ nearestToNextTier(tier: "gold", first: 5) { totalCount edges { node {
        tier gapShare missing { tier conditions { field current needed } }
        customer { externalId } } } } }"""
    found = (await decided.ask(document))["nearestToNextTier"]
    nodes = [edge["node"] for edge in found["edges"]]
    assert found["totalCount"] == len(nodes) == 1
    missing = nodes[0]["missing"]["conditions"][0]
    assert nodes[0]["customer"]["externalId"] == "C3"
    assert nodes[0]["tier"] == "silver"
    assert nodes[0]["gapShare"] == pytest.approx(
        (missing["needed"] - missing["current"]) / missing["needed"]
    )
    unknown = document.replace("gold", "golt")
    assert await decided.codes(unknown) == ["INVALID_INPUT"]


def test_the_nearest_are_found_by_an_index(engine: Engine) -> None:
    query = (
        "SELECT customer_id FROM tier_assignments WHERE next_tier_key = 'gold' "
        "AND ended_on IS NULL AND gap_share IS NOT NULL ORDER BY gap_share, customer_id LIMIT 5"
    )
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
            plan = " ".join(row[3] for row in found)
        else:  # an empty table is read whole unless that is forbidden
            connection.exec_driver_sql("SET enable_seqscan = off")
            connection.exec_driver_sql("SET enable_bitmapscan = off")
            plan = " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {query}"))
    assert "ix_tier_assignments_nearest" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


async def test_sentences_name_scores_as_their_policy_does(business: Business) -> None:
    """A rule on a declared score and the total of a weighted policy, in both languages."""
    document = yaml.safe_load((POLICIES / "retail-rfm.yaml").read_text(encoding="utf-8"))
    told = "reasons { en: text zh: text(language: ZH_HANS) }"
    told += " gapToNextTier { conditions { en: text zh: text(language: ZH_HANS) } }"
    query = f"""query {{ explainTier(externalId: "C4") {{ {told} statement }}
      customer(externalId: "C4") {{ tier {{ {told} }}
        tierHistory(first: 5) {{ edges {{ node {{ {told} }} }} }} }} }}"""
    keys = {"admin": create_key(business.engine, "admin", ["admin"], None, lambda: NOW)}
    async with running(business.url, keys) as api:
        stored = await api.ask(CREATE, variables={"policy": document})
        assert stored["createTierPolicy"]["userErrors"] == []
        chosen = {"key": "retail_rfm", "version": 1, "reason": "Try it"}
        put = await api.ask(ACTIVATE, variables={"input": chosen})
        assert put["activateTierPolicy"]["userErrors"] == []
    business.refresh()
    async with running(business.url, keys) as api:
        found = await api.ask(query)
    name = document["scores"][0]["name"]
    by_score = [each for each in _sentences(found) if "core" in each["en"]]
    assert by_score
    assert all(name["en"] in each["en"] and name["zh"] in each["zh"] for each in by_score)


def _sentences(answer: Any) -> Iterator[dict[str, str]]:
    if isinstance(answer, list):
        for each in answer:
            yield from _sentences(each)
    elif isinstance(answer, dict):
        if "zh" in answer:
            yield answer
        for each in answer.values():
            yield from _sentences(each)
