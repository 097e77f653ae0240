"""Measures beside the features, against numbers worked out by hand."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.backends import connect
from ml.contracts import MEASURE_COLUMNS, cutoff_of
from ml.facts import FactStore, arrow_schema
from ml.features import measures_sql
from ml.measures import EXPRESSIONS
from ml.sample import measure_and_sample, measures_at
from ml.synthetic import invent
from tests.ml.conftest import BUSINESS, write_rows
from tests.ml.dealings import dealings
from tests.ml.measuring import TODAY, day_number, end_of, measure

HOUR = 3600


def line(number: int, days_ago: int, amount: int, **more: Any) -> dict[str, Any]:
    row = {"order_id": number, "line_no": 1, "customer_id": 1, "quantity_milli": 1000}
    row |= {"ordered_at": end_of(TODAY) - days_ago * 24 * HOUR, "amount_minor": amount}
    return row | {"discount_minor": 0} | more


def test_orders_margin_and_cost_to_serve(tmp_path: Path) -> None:
    returned = {"quantity_milli": -1000, "cost_minor": -150}
    lines = [
        line(1, 0, 1000, cost_minor=600, discount_minor=250, brand="own", department="dairy"),
        line(2, 83, 500, brand="own"),
        line(3, 84, 3000, cost_minor=1000, brand="other", department="bakery"),
        line(4, 364, -200, **returned),
        line(5, 365, 7000, cost_minor=1),
        line(6, 729, 50),
        line(7, 730, 9),
    ]
    cost = {"customer_id": 1, "amount_minor": 120, "activity": "support"}
    costs = [
        cost | {"incurred_at": end_of(day), "incurred_day": day_number(day)}
        for day in (TODAY, TODAY - dt.timedelta(days=364), TODAY - dt.timedelta(days=365))
    ]
    found = measure(tmp_path, {"order_lines": lines, "service_costs": costs})
    assert [found[f"order_count_{days}d"] for days in (28, 84, 182, 365)] == [1, 2, 3, 3]
    spend = [found[f"net_spend_{each}_minor"] for each in ("28d", "84d", "182d", "365d")]
    assert spend == [1000, 1500, 4500, 4300]
    assert found["net_spend_previous_365d_minor"] == 7050
    assert found["net_spend_month_minor"] == 1000
    assert found["margin_365d_minor"] == (1000 - 600) + (3000 - 1000) + (-200 + 150)
    assert found["service_cost_365d_minor"] == 240
    assert found["profit_365d_minor"] == found["margin_365d_minor"] - 240
    assert found["mean_basket_minor"] == (1000 + 500 + 3000 + 7000 + 50 + 9) / 6
    assert found["discount_share"] == 250 / (250 + 11_559)
    assert found["return_share"] == 1 / 6
    assert (found["top_brand_share"], found["department_count"]) == (2 / 3, 2)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_the_months_spend_begins_with_its_first_day(tmp_path: Path, zone: str) -> None:
    begins = cutoff_of(dt.date(2024, 2, 29), zone)
    lines = [line(n, 0, 10**n, ordered_at=begins + n - 1) for n in range(3)]
    found = measure(tmp_path, {"order_lines": lines}, dt.date(2024, 3, 10), zone)
    assert (found["net_spend_minor"], found["net_spend_month_minor"]) == (111, 110)


def test_profit_without_a_known_cost_is_net_spend_less_cost_to_serve(tmp_path: Path) -> None:
    found = measure(tmp_path, {"order_lines": [line(1, 3, 1000)]})
    assert (found["margin_365d_minor"], found["profit_365d_minor"]) == (None, 1000)


def test_contacts_and_feedback(tmp_path: Path) -> None:
    now = end_of(TODAY)
    contact = {"customer_id": 1, "channel": "phone", "direction": "inbound", "kind": "call"}
    contacts = [
        contact | {"interaction_id": 1, "occurred_at": now - 83 * 24 * HOUR, "kind": "complaint"},
        contact | {"interaction_id": 2, "occurred_at": now - 300 * 24 * HOUR}
        | {"response_seconds": 3 * HOUR},
        contact | {"interaction_id": 3, "occurred_at": now - 10 * 24 * HOUR}
        | {"response_seconds": HOUR, "direction": "outbound"},
        contact | {"interaction_id": 4, "occurred_at": now - 400 * 24 * HOUR, "kind": "complaint"}
        | {"response_seconds": 99 * HOUR},
    ]  # fmt: skip
    scores = [
        (400, 0.0, "price"),
        (300, 0.4, "price"),
        (200, 0.41, "service"),
        (5, None, "product"),
    ]
    feedback = [
        {"feedback_id": n, "customer_id": 1, "given_at": now - days * 24 * HOUR}
        | {"category": category, "score": score}
        for n, (days, score, category) in enumerate(scores)
    ]
    found = measure(tmp_path, {"interactions": contacts, "feedback": feedback})
    assert (found["interaction_count"], found["interaction_count_365d"]) == (4, 3)
    assert (found["interaction_count_84d"], found["inbound_count_84d"]) == (2, 1)
    assert (found["last_interaction_days"], found["response_hours"]) == (10, 2.0)
    assert (found["satisfaction"], found["last_satisfaction"]) == (0.405, 0.41)
    assert found["complaint_count_365d"] == 2
    kinds = ("price", "service", "product")
    assert [found[f"{kind}_feedback_count_365d"] for kind in kinds] == [1, 1, 1]


def test_the_latest_intent_and_what_referrals_brought(tmp_path: Path) -> None:
    now = end_of(TODAY)
    intents: list[dict[str, Any]] = [
        {"customer_id": 1, "stated_at": now - 40 * HOUR, "intent": "refused", "expected_day": None},
        {"customer_id": 1, "stated_at": now - 9 * HOUR, "intent": "interested", "expected_day": 20},
        {"customer_id": 1, "stated_at": now + 1, "intent": "not_now", "expected_day": None},
    ]
    referrals: list[dict[str, Any]] = [
        {"referrer_id": 1, "referred_id": 2, "referred_at": now},
        {"referrer_id": 1, "referred_id": 3, "referred_at": now + 1},
        {"referrer_id": 2, "referred_id": 1, "referred_at": 0},
    ]
    lines = [line(1, 2, 700, customer_id=2), line(2, 2, 900, customer_id=3), line(3, 2, 5)]
    rows = {"purchase_intents": intents, "referrals": referrals, "order_lines": lines}
    found = measure(tmp_path, rows)
    assert (found["intent"], found["intent_age_days"]) == ("interested", 0)
    assert found["intent_expected_on"] == 20
    assert (found["referral_count"], found["referred_net_spend_minor"]) == (1, 700)


def invoice(number: int, due: int, paid: int | None, amount: int = 100) -> dict[str, Any]:
    """Issued 30 days before it is due; days count back from today."""
    issued = TODAY - dt.timedelta(days=due + 30)
    row = {"invoice_id": number, "customer_id": 1, "issued_at": end_of(issued)}
    row |= {"issued_day": day_number(issued), "due_day": day_number(TODAY) - due}
    paid_day = None if paid is None else day_number(TODAY) - paid
    return row | {"paid_day": paid_day, "amount_minor": amount}


def test_invoices_are_overdue_from_the_day_after_they_were_due(tmp_path: Path) -> None:
    rows = [
        invoice(1, due=0, paid=None),
        invoice(2, due=1, paid=None, amount=7),
        invoice(3, due=50, paid=-1, amount=30),
        invoice(4, due=60, paid=0),
        invoice(5, due=70, paid=70),
        invoice(6, due=400, paid=300),
        invoice(7, due=90, paid=None, amount=-1000),
        invoice(8, due=-40, paid=None),
    ]
    found = measure(tmp_path, {"invoices": rows})
    assert (found["overdue_amount_minor"], found["overdue_days"]) == (37, 50)
    assert found["late_payment_share"] == 3 / 5
    assert found["invoice_count_365d"] == 5


def test_who_is_known_for_nothing_has_measures_nonetheless(tmp_path: Path) -> None:
    found = measure(tmp_path, {})
    zero = {name for name, value in found.items() if value == 0}
    assert {"order_count_84d", "profit_365d_minor", "overdue_days", "referral_count"} <= zero
    for name in ("mean_basket_minor", "discount_share", "satisfaction", "intent", "balance_minor"):
        assert found[name] is None, name


def test_measures_are_declared_in_the_order_of_the_contract() -> None:
    assert ["customer_id", *EXPRESSIONS] == list(MEASURE_COLUMNS)


def test_the_text_is_portable() -> None:
    sql = measures_sql(50)
    assert not re.search(r'"|`|::|\bFILTER\b|\bQUALIFY\b|//|\bavg\(|stddev|\bDATE\b|[{}]', sql)
    for source, moment in (
        ("invoices", "issued_at"),
        ("service_costs", "incurred_at"),
        ("account_balances", "known_at"),
        ("purchase_intents", "stated_at"),
        ("feedback", "given_at"),
    ):
        for place in re.finditer(rf"FROM {source} x\b", sql):
            assert re.match(rf"[^)]*\b{moment} < ", sql[place.start() :]), source


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = {**invent(BUSINESS, seed=5), **dealings(BUSINESS, seed=5)}
    return write_rows(tmp_path_factory.mktemp("lively"), rows)


CUTOFFS = [cutoff_of(dt.date(2024, month, 15), "UTC") for month in (4, 6, 8)]


def test_many_cutoffs_in_one_pass_and_beside_features_give_the_same(lively: Path) -> None:
    with connect(2) as backend:
        backend.open(FactStore(lively))
        together = measures_at(backend, CUTOFFS)
        for cutoff in CUTOFFS:
            alone = measures_at(backend, [cutoff]).drop_columns(["cutoff"])
            same = together.filter(pc.equal(together["cutoff"], cutoff))
            assert same.drop_columns(["cutoff"]).equals(alone)
            assert measure_and_sample(backend, (), cutoff)[0].equals(alone)
            assert alone.schema == arrow_schema(MEASURE_COLUMNS)


def test_a_sample_is_of_the_same_customers_with_the_same_measures(lively: Path) -> None:
    with connect(2) as backend:
        backend.open(FactStore(lively))
        everyone = measures_at(backend, CUTOFFS)
        sample = measures_at(backend, CUTOFFS, permille=250)
    chosen = sample["customer_id"].unique().to_pylist()
    assert 60 <= len(chosen) <= 140  # of 400
    same = everyone.filter(pc.is_in(everyone["customer_id"], pa.array(chosen)))
    assert same.equals(sample)
