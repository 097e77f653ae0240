"""Service against value, revenue against customers kept, tiers that stay, promises kept."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, delete, insert, select, update

from api.db.models import (
    CustomerProfile,
    Interaction,
    Order,
    OrderLine,
    Prediction,
    TierAssignment,
)
from tests.api.conftest import SIZE, Api
from tests.api.seed import TIERS
from tests.api.seed_facts import BATCH, ago, external_id

BRIDGE = """query ($from: Date!, $to: Date!, $before: Date) {
    revenueBridge(from: $from, to: $to, previousFrom: $before) {
    before after customersBefore customersAfter retention diverges text
    flows { part customers before after change } } }"""
GUARD = """{ resourceGuard { tiers { tier customers value serviceCost contactHours
    valueShare serviceCostShare } alerts { kind measure tier other text
    chinese: text(language: ZH_HANS) } } }"""


def bought(engine: Engine) -> list[tuple[int, dt.date, int]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(Order.customer_id, Order.ordered_at, OrderLine.amount_minor).join(
                OrderLine, OrderLine.order_id == Order.id
            )
        ).all()
    return [(row[0], row[1].date(), row[2]) for row in rows]


def by_hand(
    rows: list[tuple[int, dt.date, int]], first: dt.date, start: dt.date, end: dt.date
) -> dict[str, tuple[int, int, int]]:
    """The bridge of [first, start) and [start, end], customer by customer."""
    customers = {row[0] for row in rows}
    found: dict[str, list[int]] = {}
    for customer in customers:
        own = [row for row in rows if row[0] == customer]
        earlier = [amount for _, day, amount in own if first <= day < start]
        later = [amount for _, day, amount in own if start <= day <= end]
        if not earlier and not later:
            continue
        if not earlier:
            part = "RETURNED" if any(day < first for _, day, _ in own) else "NEW"
        elif not later:
            part = "LOST"
        else:
            more = sum(later) - sum(earlier)
            part = "GROWN" if more > 0 else "SHRUNK" if more < 0 else "STEADY"
        cell = found.setdefault(part, [0, 0, 0])
        for place, value in enumerate((1, sum(earlier), sum(later))):
            cell[place] += value
    return {part: (cell[0], cell[1], cell[2]) for part, cell in found.items()}


@pytest.mark.parametrize(
    ("first", "start", "end"),
    [
        (dt.date(2026, 2, 20), dt.date(2026, 3, 11), dt.date(2026, 3, 29)),
        (dt.date(2026, 1, 1), dt.date(2026, 2, 10), dt.date(2026, 3, 21)),
        (dt.date(2026, 1, 20), dt.date(2026, 2, 20), dt.date(2026, 3, 22)),
    ],
)
async def test_the_bridge_adds_up_to_the_last_minor_unit(
    own_api: Api, engine: Engine, first: dt.date, start: dt.date, end: dt.date
) -> None:
    with engine.begin() as connection:  # some who come back, shrink and stay the same
        for number, days, amount in ((1, 39, -700), (2, 39, 5_050), (7, 70, 3_030), (12, 25, 1)):
            order = {"id": 900_000 + number, "external_id": f"X{number}", "batch_id": BATCH}
            connection.execute(
                insert(Order).values(customer_id=number, ordered_at=ago(days), **order)
            )
            connection.execute(
                insert(OrderLine).values(
                    order_id=order["id"], line_no=1, quantity_milli=1000, amount_minor=amount,
                    discount_minor=0, batch_id=BATCH,
                )
            )  # fmt: skip
    days = (end - start).days + 1
    variables = {"from": str(start), "to": str(end), "before": str(first)}
    expected = by_hand(
        [row for row in bought(engine) if not first + dt.timedelta(days=days) <= row[1] < start],
        first,
        start,
        end,
    )
    found = (await own_api.ask(BRIDGE, variables=variables))["revenueBridge"]
    flows = {each["part"]: each for each in found["flows"]}
    for part, each in flows.items():
        number, before, after = expected.get(part, (0, 0, 0))
        assert (each["customers"], Decimal(each["before"]), Decimal(each["after"])) == (
            number,
            Decimal(before).scaleb(-2),
            Decimal(after).scaleb(-2),
        ), part
    change = sum(Decimal(each["change"]) for each in flows.values())
    assert change == Decimal(found["after"]) - Decimal(found["before"])
    kept = sum(flows[part]["customers"] for part in ("GROWN", "STEADY", "SHRUNK"))
    assert found["customersBefore"] == kept + flows["LOST"]["customers"]
    assert found["customersAfter"] == kept + sum(
        flows[part]["customers"] for part in ("NEW", "RETURNED")
    )


async def test_growth_that_hides_customers_who_leave_is_told(own_api: Api, engine: Engine) -> None:
    recent = select(Order.id).where(Order.ordered_at > ago(30))
    with engine.begin() as connection:
        connection.execute(
            update(OrderLine)
            .where(OrderLine.order_id.in_(recent.where(Order.customer_id == 5)))
            .values(amount_minor=9_999_999)
        )
        lost = recent.where(Order.customer_id != 5)
        connection.execute(delete(OrderLine).where(OrderLine.order_id.in_(lost)))
    variables = {"from": "2026-03-10", "to": "2026-04-01", "before": "2026-02-10"}
    found = (await own_api.ask(BRIDGE, variables=variables))["revenueBridge"]
    assert found["diverges"]
    assert found["customersAfter"] < found["customersBefore"]
    assert "no success yet" in found["text"]
    wrong = variables | {"before": "2026-03-09"}
    assert await own_api.codes(BRIDGE, variables=wrong) == ["INVALID_INPUT"]
    reversed_days = {"from": "2026-03-10", "to": "2026-03-01"}
    assert await own_api.codes(BRIDGE, variables=reversed_days) == ["INVALID_INPUT"]


async def test_inverted_service_raises_an_alert_with_numbers(own_api: Api, engine: Engine) -> None:
    def spend(costs: dict[str, int]) -> None:
        with engine.begin() as connection:
            for tier, cost in costs.items():
                mine = select(TierAssignment.customer_id).where(
                    TierAssignment.tier_key == tier, TierAssignment.ended_on.is_(None)
                )
                connection.execute(
                    update(CustomerProfile)
                    .where(CustomerProfile.customer_id.in_(mine))
                    .values(service_cost_365d_minor=cost)
                )

    def clv(values: dict[str, int]) -> None:
        with engine.begin() as connection:
            for tier, value in values.items():
                mine = select(TierAssignment.customer_id).where(
                    TierAssignment.tier_key == tier, TierAssignment.ended_on.is_(None)
                )
                connection.execute(
                    update(Prediction)
                    .where(Prediction.customer_id.in_(mine))
                    .values(clv_minor=value)
                )

    clv({tier: 1_000_000 // 10**place for place, tier in enumerate(TIERS)})
    spend({tier: 1_000 - 200 * place for place, tier in enumerate(TIERS)})
    sound = (await own_api.ask(GUARD))["resourceGuard"]
    cost_alerts = [each for each in sound["alerts"] if each["measure"] == "SERVICE_COST"]
    assert cost_alerts == []
    assert sum(each["valueShare"] for each in sound["tiers"]) == pytest.approx(1)
    spend({"bronze": 50_000})
    inverted = (await own_api.ask(GUARD))["resourceGuard"]["alerts"]
    worst = next(each for each in inverted if each["measure"] == "SERVICE_COST")
    assert (worst["kind"], worst["tier"]) == ("INVERSION", "bronze")
    assert "USD" in worst["text"]
    assert "服务成本" in worst["chinese"]
    spend(dict.fromkeys(TIERS, 500))
    equal = (await own_api.ask(GUARD))["resourceGuard"]["alerts"]
    kinds = {each["measure"]: each["kind"] for each in equal}
    assert kinds["SERVICE_COST"] in ("EQUAL_SHARES", "INVERSION")


async def test_retention_by_the_tier_held_on_the_first_day(api: Api) -> None:
    document = """{ retentionByTier(from: "2026-03-01", to: "2026-03-31") {
        tier customers retained rate } }"""
    found = {each["tier"]: each for each in (await api.ask(document))["retentionByTier"]}
    held = [number for number in range(1, SIZE + 1) if number % 3 == 0]
    # Everybody who bought at all has an order ten days ago.
    again = [number for number in held if number % 6]
    assert found == {
        "bronze": {
            "tier": "bronze",
            "customers": len(held),
            "retained": len(again),
            "rate": len(again) / len(held),
        }
    }


async def test_late_answers_are_those_beyond_the_strictest_plan(
    own_api: Api, engine: Engine
) -> None:
    hours = (1, 5, 80, 100)
    with engine.begin() as connection:
        rows: list[dict[str, Any]] = [
            {
                "id": 900_000 + number * 10 + place,
                "external_id": f"Q{number}-{place}",
                "customer_id": number,
                "occurred_at": ago(3),
                "channel": "phone",
                "direction": "inbound",
                "kind": "question",
                "response_seconds": each * 3600,
                "batch_id": BATCH,
            }
            for number in (1, 2, 3)
            for place, each in enumerate(hours)
        ]
        connection.execute(insert(Interaction), rows)
    document = """{ slaBreaches(from: "2026-03-20", to: "2026-04-01") {
        byTier { tier answered late meanHoursLate }
        worst { externalId tier hours promisedHours } } }"""
    found = (await own_api.ask(document))["slaBreaches"]
    # Nobody has a value class in the seed, so the plan for everyone promises 72 hours.
    assert Counter(each["externalId"] for each in found["worst"]) == {
        external_id(number): 2 for number in (1, 2, 3)
    }
    assert {(each["hours"], each["promisedHours"]) for each in found["worst"]} == {
        (80.0, 72.0),
        (100.0, 72.0),
    }
    assert sum(each["answered"] for each in found["byTier"]) == 12
    assert [each["meanHoursLate"] for each in found["byTier"]] == [18.0] * len(found["byTier"])
