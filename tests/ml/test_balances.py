"""Balances and their mean over the calendar month, against numbers worked out by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.ml.measuring import day_number, end_of, measure


def balance(
    account: int, day: dt.date, minor: int, customer: int = 1, zone: str = "UTC"
) -> dict[str, Any]:
    moment = end_of(day, zone)
    row = {"account_id": account, "customer_id": customer, "known_at": moment}
    return row | {"day": day_number(day), "balance_minor": minor}


def average(folder: Path, rows: list[dict[str, Any]], as_of: dt.date, **more: Any) -> Any:
    return measure(folder, {"account_balances": rows}, as_of, **more)[
        "avg_daily_balance_month_minor"
    ]


def test_the_mean_is_over_the_last_complete_calendar_month(tmp_path: Path) -> None:
    """The balance changed on 11 January; 10 days of 3100, 21 of 6200."""
    rows = [
        balance(1, dt.date(2024, 1, 1), 3100),
        balance(1, dt.date(2024, 1, 11), 6200),
        balance(1, dt.date(2024, 2, 1), 99_999),
    ]
    january = (10 * 3100 + 21 * 6200) / 31
    for as_of in (dt.date(2024, 1, 31), dt.date(2024, 2, 1), dt.date(2024, 2, 28)):
        assert average(tmp_path, rows, as_of) == january, as_of
    assert average(tmp_path, rows, dt.date(2024, 2, 29)) == 99_999
    assert average(tmp_path, rows, dt.date(2024, 1, 30)) == 0


@pytest.mark.parametrize(("year", "days"), [(2024, 29), (2023, 28)])
def test_a_leap_day_counts(tmp_path: Path, year: int, days: int) -> None:
    rows = [balance(1, dt.date(year, 1, 15), 0), balance(1, dt.date(year, 2, 28), 2900)]
    assert average(tmp_path, rows, dt.date(year, 3, 5)) == 2900 * (days - 27) / days


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Shanghai", "Pacific/Apia"])
def test_days_are_the_businesss_own_whatever_its_clocks_do(tmp_path: Path, zone: str) -> None:
    """Clocks in New York change on 10 March and 3 November."""
    for month, days in ((3, 31), (11, 30)):
        first = dt.date(2024, month, 1)
        rows = [
            balance(1, first + dt.timedelta(days=n), 1000 * (n + 1), zone=zone) for n in range(days)
        ]
        last = first + dt.timedelta(days=days - 1)
        mean = sum(1000 * (n + 1) for n in range(days)) / days
        assert average(tmp_path, rows, last, zone=zone) == mean
        assert average(tmp_path, rows, last + dt.timedelta(days=9), zone=zone) == mean


def test_accounts_are_summed_and_silence_carries_the_last_balance_on(tmp_path: Path) -> None:
    """One account of last year, one opened on the 30th, one overdrawn, one that moved away."""
    rows = [
        balance(1, dt.date(2023, 5, 5), 31_000),
        balance(2, dt.date(2024, 1, 30), 310),
        balance(3, dt.date(2024, 1, 1), -62),
        balance(4, dt.date(2023, 1, 1), 3100),
        balance(4, dt.date(2024, 1, 2), 3100, customer=2),
    ]
    found = measure(tmp_path, {"account_balances": rows}, dt.date(2024, 1, 31))
    assert found["avg_daily_balance_month_minor"] == 31_000 + 310 * 2 / 31 - 62 + 100
    assert found["balance_minor"] == 31_000 + 310 - 62


def test_who_has_no_account_has_no_balance(tmp_path: Path) -> None:
    rows = [balance(1, dt.date(2024, 4, 1), 5)]
    found = measure(tmp_path, {"account_balances": rows})
    assert (found["balance_minor"], found["avg_daily_balance_month_minor"]) == (None, None)


@pytest.mark.parametrize("minor", [4_999_999, 5_000_000, 5_000_001])
def test_a_constant_balance_is_its_own_mean_to_the_last_unit(tmp_path: Path, minor: int) -> None:
    for month in (2, 3, 4):
        rows = [balance(1, dt.date(2024, month, n), minor) for n in range(1, 29)]
        assert average(tmp_path, rows, dt.date(2024, month, 28) + dt.timedelta(days=5)) == minor
