"""From imported files over the fact store to measures: exact at the bounds, on both databases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from api.columns import measure_columns, profile_measures
from api.db.facts import sync_facts, verify_facts
from api.domain.fields import FIELDS
from api.domain.rules import parse_rule
from ml.backends import connect
from ml.contracts import cutoff_of
from ml.facts import FactStore
from ml.sample import measures_at
from tests.intake.conftest import Bring

ZONE = "America/New_York"
AMOUNTS = ("49999.99", "50000.00", "50000.01")
Measured = Callable[[dt.date], pa.Table]


@pytest.fixture
def measured(engine: Engine, database_url: str, tmp_path: Path) -> Measured:
    """Measures at the end of a business day, of a store that was proved to equal the database."""
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE installation SET time_zone = '{ZONE}'"))

    def run(as_of: dt.date) -> pa.Table:
        sync_facts(engine, database_url, tmp_path / "facts")
        assert verify_facts(engine, database_url, tmp_path / "facts") == []
        with connect(1) as backend:
            backend.open(FactStore(tmp_path / "facts"))
            return measures_at(backend, [cutoff_of(as_of, ZONE)]).drop_columns(["cutoff"])

    return run


def selected(measures: pa.Table, document: dict[str, Any]) -> list[int]:
    columns = measure_columns(measures)
    mask = parse_rule(document, FIELDS, 2).mask(columns)
    return list(np.flatnonzero(mask))


@pytest.mark.parametrize(
    ("first", "days"),
    [(dt.date(2016, 2, 1), 29), (dt.date(2015, 2, 1), 28), (dt.date(2016, 3, 1), 31)],
)
def test_bank_balances_at_the_bound(
    bring: Bring, measured: Measured, first: dt.date, days: int
) -> None:
    """Every customer has two accounts; the second moves against the first, the sum stays."""
    people = "".join(f"c{n},2012-01-01\n" for n in range(3))
    bring("customers", "customer_id,known_at\n" + people)
    rows = ["account,day,customer_id,balance"]
    for place, amount in enumerate(AMOUNTS):
        for n in range(days):
            moved = n * 13
            rows.append(f"{place}-1,{first + dt.timedelta(n)},c{place},{float(amount) + moved:.2f}")
            rows.append(f"{place}-2,{first + dt.timedelta(n)},c{place},-{moved}")
    bring("account_balances", "\n".join(rows) + "\n")
    found = measured(first + dt.timedelta(days=days - 1))
    assert found["avg_daily_balance_month_minor"].to_pylist() == [4_999_999, 5_000_000, 5_000_001]
    bound = {"avg_daily_balance_month": {"gte": 50_000}}
    assert selected(found, bound) == [1, 2]
    before = measured(first + dt.timedelta(days=days - 2))
    assert selected(before, {"avg_daily_balance_month": {"ne": 0}}) == []


def test_spend_at_the_bound_with_returns_and_nobody(bring: Bring, measured: Measured) -> None:
    """A day of net spend in a window, some of it given back; the last one never bought."""
    bring("customers", "customer_id,known_at\nnobody,2012-01-01\n")
    rows = ["order_id,customer_id,ordered_at,quantity,amount"]
    for place, amount in enumerate(AMOUNTS):
        rows.append(f"A{place},c{place},2016-03-12 10:00:00,1,{float(amount) + 0.5:.2f}")
        rows.append(f"B{place},c{place},2016-03-13 23:59:59,-1,-0.50")
    bring("order_lines", "\n".join(rows) + "\n")
    found = measured(dt.date(2016, 3, 13))
    assert found["net_spend_84d_minor"].to_pylist() == [0, 4_999_999, 5_000_000, 5_000_001]
    assert selected(found, {"net_spend": {"window_days": 84, "gte": "50000"}}) == [2, 3]
    assert selected(found, {"net_spend": {"window_days": 84, "lte": "50000.00"}}) == [0, 1, 2]
    assert found["return_share"].to_pylist() == [None, 1.0, 1.0, 1.0]


INVOICES = "invoice_id,customer_id,issued_on,due_on,paid_on,amount\n"


def test_a_payment_counts_from_its_day_on_also_looking_back(
    bring: Bring, measured: Measured
) -> None:
    bring("customers", "customer_id,known_at\nanna,2012-01-01\n")
    bring("invoices", INVOICES + "1,anna,2016-02-01,2016-03-01,,100\n")
    assert measured(dt.date(2016, 3, 10))["overdue_days"].to_pylist() == [9]
    bring("invoices", INVOICES + "1,anna,2016-02-01,2016-03-01,2016-03-11,100\n")
    assert measured(dt.date(2016, 3, 10))["overdue_days"].to_pylist() == [9]
    paid = measured(dt.date(2016, 3, 11))
    assert paid["overdue_amount_minor"].to_pylist() == [0]
    assert paid["late_payment_share"].to_pylist() == [1.0]


HEADERS = {
    "invoices": INVOICES,
    "service_costs": "customer_id,incurred_on,activity,amount\n",
    "account_balances": "account,day,customer_id,balance\n",
    "purchase_intents": "customer_id,stated_at,intent,expected_on\n",
    "referrals": "referrer_id,referred_id,referred_at\n",
}
CORRECTIONS = {
    "invoices": ("1,anna,2016-02-01,2016-03-01,,100", "1,anna,2016-02-01,2016-02-20,,100"),
    "service_costs": ("anna,2016-02-01,call,5", "anna,2016-02-01,call,6"),
    "account_balances": ("DE1 Anna,2016-02-01,anna,5", "DE1 Anna,2016-02-01,anna,6"),
    "purchase_intents": (
        "anna,2016-02-01 09:00:00,refused,",
        "anna,2016-02-01 09:00:00,interested,2016-05-01",
    ),
    "referrals": ("anna,bert,2016-02-01", "anna,bert,2016-02-02"),
}


def test_a_correction_rebuilds_the_store(bring: Bring, measured: Measured, engine: Engine) -> None:
    def epoch() -> int:
        with engine.connect() as connection:
            return int(
                connection.execute(text("SELECT facts_epoch FROM installation")).scalar_one()
            )

    bring("customers", "customer_id,known_at\nanna,2012-01-01\nbert,2012-01-01\n")
    for kind, (before, _) in CORRECTIONS.items():
        bring(kind, f"{HEADERS[kind]}{before}\n")
    found = measured(dt.date(2016, 3, 5))
    for kind, (before, after) in CORRECTIONS.items():
        first = epoch()
        bring(kind, f"{HEADERS[kind]}{before}\n")
        assert epoch() == first
        bring(kind, f"{HEADERS[kind]}{after}\n")
        assert epoch() == first + 1
        corrected = measured(dt.date(2016, 3, 5))
        assert corrected.equals(found) == (kind == "referrals")  # nothing counts the day of one
        found = corrected


def test_the_store_names_no_account(bring: Bring, measured: Measured, tmp_path: Path) -> None:
    bring("customers", "customer_id,known_at\nanna,2012-01-01\n")
    bring("account_balances", HEADERS["account_balances"] + CORRECTIONS["account_balances"][0])
    measured(dt.date(2016, 2, 1))
    (path,) = FactStore(tmp_path / "facts").paths("account_balances")
    (row,) = pq.read_table(path).to_pylist()
    assert row == {
        "account_id": row["account_id"],
        "customer_id": 1,
        "known_at": cutoff_of(dt.date(2016, 2, 1), ZONE) - 1,
        "day": (dt.date(2016, 2, 1) - dt.date(1970, 1, 1)).days,
        "balance_minor": 500,
    }
    assert b"DE1" not in path.read_bytes()


def test_measures_become_columns_and_the_profile(bring: Bring, measured: Measured) -> None:
    bring("customers", "customer_id,known_at\nanna,2012-01-01\nbert,2012-01-01\n")
    bring(
        "purchase_intents",
        HEADERS["purchase_intents"] + "anna,2016-03-01 23:30:00,interested,2016-05-01\n",
    )
    columns = measure_columns(measured(dt.date(2016, 3, 2)))
    assert columns["intent"].tolist() == ["interested", None]
    assert columns["intent_expected_on"].tolist() == [dt.date(2016, 5, 1), None]
    assert columns["intent_age_days"][0] == 1
    profile = profile_measures(columns)
    assert profile["intent_expected_on"].to_pylist() == [dt.date(2016, 5, 1), None]
    assert profile["profit_365d_minor"].to_pylist() == [0, 0]
    assert profile["mean_basket_minor"].null_count == 2
