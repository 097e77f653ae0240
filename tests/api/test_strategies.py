"""Strategies stored and chosen, messages, what is withheld, what was done, cases."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from api.db.models import (
    Consent,
    CustomerProfile,
    Prediction,
    Recommendation,
    Strategy,
    StrategyAction,
)
from api.documents import POLICIES, read_document
from tests.api.conftest import Api, reads
from tests.api.seed import DAY, RUN
from tests.api.seed_facts import BATCH, ago, external_id

SHIPPED = {each["key"]: each for each in read_document(POLICIES / "strategies.yaml")}
SAVE = """mutation ($d: JSON!, $v: Int) { saveStrategy(input: {document: $d, expectedVersion: $v}) {
    strategies { key version active } userErrors { code field message } } }"""
WITHHELD = """query ($id: String) { customer(externalId: $id) {
    recommendedStrategies { strategy { key } }
    withheldStrategies { strategy { key } code text chinese: text(language: ZH_HANS) } } }"""


async def save(api: Api, document: dict[str, Any], version: int | None) -> Any:
    answer = await api.ask(SAVE, "strategies", variables={"d": document, "v": version})
    return answer["saveStrategy"]


async def test_the_catalogue_shows_all_of_a_strategy(api: Api) -> None:
    found = (
        await api.ask(
            """{ strategies { key conflictGroup cooldownDays consentPurpose responseHours
            outcomeDays variant alternatives content
            offer { key name discount products departments }
            expectedGain { shareOf rate source measured { uplift } }
            tracking { recommended done } } }"""
        )
    )["strategies"]
    shown = {each["key"]: each for each in found}
    package = shown["fair_price_package"]
    assert (package["offer"]["key"], package["offer"]["discount"]) == ("everyday_package", 0.12)
    assert "{favourite_department}" in package["content"]
    assert shown["dedicated_manager"]["responseHours"] == 4
    assert shown["low_value_conversion"]["alternatives"] == ["low_value_upkeep"]
    assert sum(each["tracking"]["recommended"] for each in found) > 0


async def test_both_readings_of_low_value_ship_and_one_is_chosen(own_api: Api) -> None:
    document = "{ strategies { key active variant } }"

    async def chosen() -> dict[str, bool]:
        rows = (await own_api.ask(document))["strategies"]
        return {each["variant"]: each["active"] for each in rows if each["variant"]}

    assert await chosen() == {"convert": True, "upkeep": False}
    change = """mutation { chooseStrategyVariant(variant: "upkeep") {
        strategies { key active } userErrors { message } } }"""
    await own_api.ask(change)
    assert await chosen() == {"convert": False, "upkeep": True}
    wrong = await own_api.ask(change.replace("upkeep", "upkeap"))
    assert "did you mean 'upkeep'" in wrong["chooseStrategyVariant"]["userErrors"][0]["message"]


async def test_a_strategy_is_stored_with_its_version_and_checked_by_path(own_api: Api) -> None:
    document = copy.deepcopy(SHIPPED["retention_call"])
    document["cost"] = 13
    saved = await save(own_api, document, 1)
    assert saved["strategies"] == [{"key": "retention_call", "version": 2, "active": True}]
    assert (await save(own_api, document, 1))["userErrors"][0]["code"] == "CONFLICT"
    for change, field, words in (
        ({"content": {"en": "{nam}", "zh": "{name}"}}, "content", "did you mean 'name'"),
        ({"alternatives": ["retention_cal"]}, None, "did you mean"),
        ({"when": {"segment": "champion"}}, "when", "did you mean 'champions'"),
        (
            {"measured": {"uplift": 0.1, "low": 0.2, "high": 0.3, "n": 9, "source": {}}},
            None,
            "lies",
        ),
    ):
        error = (await save(own_api, document | change, 2))["userErrors"][0]
        assert words in error["message"] or "measured" in error["message"]
        assert field is None or field in error["field"]


async def prepared(engine: Engine) -> None:
    """Customer 1 is churned and was worth something; customer 2 is price-sensitive."""
    with engine.begin() as connection:
        for number, stage in ((1, "churned"), (2, "repeat")):
            connection.execute(
                update(CustomerProfile)
                .where(CustomerProfile.customer_id == number)
                .values(lifecycle_stage=stage, net_spend_minor=80_000, abc_class="B")
            )
            connection.execute(
                update(Prediction)
                .where(Prediction.customer_id == number)
                .values(clv_minor=80_000, churn_probability=0.1, deleted=False)
            )
            mine = Recommendation.customer_id == number
            connection.execute(Recommendation.__table__.delete().where(mine))


async def test_what_is_withheld_says_why(own_api: Api, engine: Engine) -> None:
    await prepared(engine)
    with engine.begin() as connection:
        ids = dict(connection.execute(select(Strategy.key, Strategy.id)).all())
        connection.execute(
            insert(Consent),
            [
                # The latest word before the refresh counts, not the first and not a later one.
                consent(1, 20, granted=True),
                consent(1, 10, granted=False),
                consent(1, 0.1, granted=True),
                consent(2, 10, granted=True),
            ],
        )
        call = {"customer_id": 1, "strategy_id": ids["win_back_call"], "strategy_version": 1}
        call |= {"owner": "x", "recorded_at": ago(5), "recorded_by": "x", "version": 1}
        connection.execute(insert(StrategyAction).values(status="done", done_at=ago(5), **call))
        connection.execute(
            insert(Recommendation).values(
                customer_id=1,
                priority=1,
                strategy_id=ids["win_back_email"],
                expected_gain_minor=100,
                reasons=[],
                run_id=RUN,
            )
        )
    found = (await own_api.ask(WITHHELD, variables={"id": external_id(1)}))["customer"]
    why = {each["strategy"]["key"]: each for each in found["withheldStrategies"]}
    assert why["win_back_offer"]["code"] == "withheld.no_consent"
    assert "marketing" in why["win_back_offer"]["text"]
    assert "win_back_email" not in why
    assert why["ask_why_they_left"]["code"] == "withheld.no_consent"
    assert why["basic_upkeep"]["code"] in ("withheld.further_down", "withheld.suppressed")
    assert all(each["text"] and each["chinese"] for each in why.values())


def consent(customer: int, days: float, *, granted: bool) -> dict[str, Any]:
    return {
        "customer_id": customer,
        "purpose": "marketing",
        "channel": "email",
        "recorded_at": ago(days),
        "granted": granted,
        "batch_id": BATCH,
    }


async def test_a_message_knows_its_reader_and_keeps_the_name_to_itself(
    own_api: Api, engine: Engine
) -> None:
    with engine.begin() as connection:
        ids = dict(connection.execute(select(Strategy.key, Strategy.id)).all())
        connection.execute(Recommendation.__table__.delete())
        for place, key in enumerate(
            ("learn_the_reason", "first_deal", "product_quality_follow_up")
        ):
            connection.execute(
                insert(Recommendation).values(
                    customer_id=1,
                    priority=place + 1,
                    strategy_id=ids[key],
                    expected_gain_minor=0,
                    reasons=[],
                    run_id=RUN,
                )
            )
    document = """query ($id: String) { customer(externalId: $id) { name recommendedStrategies {
        strategy { key } dueOn preferredChannel message chinese: message(language: ZH_HANS) } } }"""
    found = (await own_api.ask(document, "support", variables={"id": external_id(1)}))["customer"]
    none, deal, follow_up = found["recommendedStrategies"]
    assert none["message"] is None
    assert deal["message"].startswith(f"Hello {found['name']}, ")
    assert "10% off" in deal["message"]
    assert "10%" in deal["chinese"]
    assert "1 days ago" in follow_up["message"]
    assert deal["dueOn"] == (DAY + dt.timedelta(days=7)).isoformat()
    without = document.replace("name recommended", "recommended")
    hidden = await own_api.ask(without, "frontend", variables={"id": external_id(1)})
    messages = [each["message"] for each in hidden["customer"]["recommendedStrategies"]]
    assert messages == [None, None, None]


async def test_needs_come_with_evidence_and_with_what_suits_them(
    own_api: Api, engine: Engine
) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(CustomerProfile)
            .where(CustomerProfile.customer_id == 2)
            .values(discount_share=0.4, order_count_365d=5)
        )
    price = next(
        each
        for each in read_document(POLICIES / "segments.yaml")
        if each["key"] == "price_sensitive"
    )
    change = """mutation ($d: JSON!) { updateSegment(input: {document: $d, expectedVersion: 1}) {
        userErrors { message } } }"""
    price["description"] = {"en": "x", "zh": "x"}
    assert (await own_api.ask(change, variables={"d": price}))["updateSegment"]["userErrors"] == []
    document = """query ($id: String) { customer(externalId: $id) { needs {
        key family name since evidence { text } strategies { key } } } }"""
    needs = (await own_api.ask(document, variables={"id": external_id(2)}))["customer"]["needs"]
    shown = {each["key"]: each for each in needs}
    assert shown["price_sensitive"]["family"] == "psychology"
    assert {"key": "fair_price_package"} in shown["price_sensitive"]["strategies"]
    assert shown["price_sensitive"]["evidence"]


@pytest.mark.parametrize("field", ["withheldStrategies { code }", "needs { key }", "cases { id }"])
async def test_statements_do_not_grow_with_customers(api: Api, field: str) -> None:
    async def sent(first: int) -> int:
        document = f"{{ customers(first: {first}) {{ edges {{ node {{ {field} }} }} }} }}"
        await api.ask(document)
        async with api.statements() as statements:
            await api.ask(document)
        return len(reads(statements))

    assert await sent(1) == await sent(20)


async def test_resources_are_stored_with_a_version(own_api: Api) -> None:
    document = """mutation ($d: JSON!, $v: Int) {
        saveResourcePlan(input: {document: $d, expectedVersion: $v}) {
        version userErrors { code field message } } }"""

    async def store(plan: dict[str, Any], version: int | None) -> Any:
        answer = await own_api.ask(document, variables={"d": plan, "v": version})
        return answer["saveResourcePlan"]

    assert (await store({"capacities": {"sales": 3}}, 1))["version"] == 2
    assert (await store({"capacities": {"sales": 4}}, 1))["userErrors"][0]["code"] == "CONFLICT"
    wrong = await store({"capacities": {"sales": -1}}, 2)
    assert wrong["userErrors"][0]["field"] == ["input", "document", "capacities", "sales"]
