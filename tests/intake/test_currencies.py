"""Foreign amounts are converted at the day's rate, or set aside until there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine

from api.db.schema import upgrade
from api.settings import Settings
from tests.intake.conftest import Bring, reasons, rows, set_aside

HEADER = "order_id,customer_id,ordered_at,amount,currency\n"
RATES = "currency,day,rate\nEUR,2017-03-01,1.0825\nJPY,2017-01-01,0.0089\nKWD,2017-01-01,3.27\n"


def test_a_currency_without_a_rate_is_set_aside_with_the_way_out(bring: Bring) -> None:
    log = HEADER + "A,anna,2017-02-28,10,EUR\nB,anna,2017-02-28,10,usd\n"
    report = bring("order_lines", log)
    assert report.added == 1
    assert reasons(report) == ["currency: no rate for EUR on 2017-02-28: import exchange_rates"]
    bring("exchange_rates", RATES)
    assert "EUR on 2017-02-28" in reasons(bring("order_lines", log))[0]
    bring("exchange_rates", "currency,day,rate\nEUR,2017-02-01,1.05\n")
    again = bring("order_lines", log)
    assert (again.added, again.unchanged, again.rejected) == (1, 1, 0)


def test_amounts_are_converted_exactly_and_the_original_is_kept(
    bring: Bring, engine: Engine
) -> None:
    bring("exchange_rates", RATES)
    report = bring(
        "order_lines",
        HEADER
        + "A,anna,2017-03-01,10.01,EUR\nB,anna,2017-03-02,1000,JPY\nC,anna,2017-03-02,1.234,KWD\n"
        "D,anna,2017-03-02,2.50,\nE,anna,2017-03-02,10.5,JPY\nF,anna,2017-03-02,1,euro\n",
    )
    assert reasons(report) == [
        "amount: '10.5' has more decimals than the 0 of JPY",
        "currency: 'euro' is not an ISO 4217 code such as EUR",
    ]
    assert rows(
        engine,
        "SELECT o.external_id, l.amount_minor, l.source_currency, l.source_amount_minor "
        "FROM order_lines l JOIN orders o ON o.id = l.order_id ORDER BY 1",
    ) == [
        ("A", 1084, "EUR", 1001),
        ("B", 890, "JPY", 1000),
        ("C", 404, "KWD", 1234),
        ("D", 250, None, None),
    ]


def test_the_rate_of_the_business_day_counts(
    bring: Bring, engine: Engine, settings: Settings
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE installation SET time_zone = 'Asia/Shanghai'")
    bring("exchange_rates", RATES + "EUR,2017-03-02,2\n")
    bring("order_lines", HEADER + "A,a,2017-03-01T17:00:00Z,1,EUR\nB,a,2017-03-01 23:00,1,EUR\n")
    stored = rows(engine, "SELECT amount_minor FROM order_lines ORDER BY order_id")
    assert stored == [(200,), (108,)]


def test_rates_are_checked_and_have_one_spelling(bring: Bring, engine: Engine) -> None:
    text = "currency,day,rate\nEUR,2017-03-01,1.10\nEUR,2017-03-02,0\nUSD,2017-03-01,1\nX,,-\n"
    report = bring("exchange_rates", text)
    found = reasons(report)
    assert "rate: '0' is not a rate" in found[0]
    assert "USD is the base currency" in found[1]
    assert set_aside(report)[2]["column"] == "currency, day, rate"
    assert bring("exchange_rates", "currency,day,rate\nEUR,2017-03-01,1.1\n").unchanged == 1
    assert rows(engine, "SELECT rate FROM exchange_rates") == [("1.1",)]


def test_every_money_kind_is_converted(
    bring: Bring, engine: Engine, customers: Callable[..., None]
) -> None:
    customers("anna")
    bring("exchange_rates", RATES)
    bring(
        "invoices",
        "invoice_id,customer_id,issued_on,due_on,paid_on,amount,currency\n"
        "1,anna,2017-03-01,2019-01-01,,100,EUR\n2,anna,2017-03-01,2017-04-01,2017-05-01,-5,\n",
    )
    costs = bring(
        "service_costs",
        "customer_id,incurred_on,activity,amount,currency\n"
        "anna,2017-03-01,support,100,EUR\nanna,2017-03-02,support,-1,\n",
    )
    bring(
        "account_balances",
        "account,day,customer_id,balance,currency\n1,2017-03-01,anna,-100,EUR\n",
    )
    assert rows(engine, "SELECT amount_minor FROM invoices ORDER BY id") == [(10825,), (-500,)]
    assert rows(engine, "SELECT amount_minor FROM service_costs") == [(10825,)]
    assert rows(engine, "SELECT balance_minor FROM account_balances") == [(-10825,)]
    assert reasons(costs) == ["amount: is below 0"]


def test_a_base_currency_without_decimals(
    engine: Engine, bring: Bring, settings: Settings, tmp_path: Path
) -> None:
    upgrade(engine, settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE installation SET base_currency = 'JPY'")
    bring("exchange_rates", "currency,day,rate\nUSD,2017-01-01,112.5\n")
    report = bring("order_lines", HEADER + "A,a,2017-03-01,100,\nB,a,2017-03-01,0.50,USD\n")
    assert report.rejected == 0
    stored = rows(engine, "SELECT amount_minor FROM order_lines ORDER BY order_id")
    assert stored == [(100,), (56,)]


def test_rates_and_worths_beyond_all_measure_are_set_aside(bring: Bring) -> None:
    report = bring(
        "exchange_rates", "currency,day,rate\nEUR,2017-01-01,1e13\nGBP,2017-01-01,1e12\n"
    )
    assert reasons(report) == ["rate: '1e13' is not a rate; write a number above 0, like 1.0825"]
    report = bring("order_lines", HEADER + "A,anna,2017-03-01,1000,GBP\nB,anna,2017-03-01,1,GBP\n")
    assert (report.added, reasons(report)) == (1, ["amount: is more in USD than can be stored"])
