"""Months side by side: counts, exact money, means; by tier, stage and class."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from api.db.models import MonthlyStatistic
from tests.api.conftest import Api, reads

NUMBERS = """{ key customers buyers newBuyers lost netSpend netSpend365d clv
    meanChurnProbability }"""
DOCUMENT = f"""query($from: Date, $to: Date) {{ monthlyStatistics(from: $from, to: $to) {{
    month asOf currency total {NUMBERS} byTier {NUMBERS} byLifecycleStage {{ key }}
    byAbcClass {{ key }} }} }}"""
WHOLE = {"customers": 9, "buyers": 4, "new_buyers": 1, "lost": 2}
WHOLE |= {"net_spend": 2**53 + 1, "net_spend_365d": -5, "clv": 100}
MONTHS = (dt.date(2025, 12, 1), dt.date(2026, 1, 1), dt.date(2026, 3, 1))


def rows(month: dt.date, dimension: str, key: str) -> list[dict[str, Any]]:
    shared = {"month": month, "dimension": dimension, "key": key, "number": None, "whole": None}
    shared |= {"as_of": month + dt.timedelta(days=20)}
    wholes = [shared | {"measure": name, "whole": value} for name, value in WHOLE.items()]
    return [*wholes, shared | {"measure": "churn_probability", "number": 0.25 if key else None}]


@pytest.fixture
def months(own_api: Api, engine: Engine) -> Api:
    parts = (("all", ""), ("tier", ""), ("tier", "gold"), ("abc_class", "A"))
    with engine.begin() as connection:
        for month in MONTHS:
            for dimension, key in parts:
                connection.execute(insert(MonthlyStatistic), rows(month, dimension, key))
    return own_api


async def test_months_come_oldest_first_with_exact_money(months: Api) -> None:
    found = (await months.ask(DOCUMENT, "frontend"))["monthlyStatistics"]
    assert [each["month"] for each in found] == [month.isoformat() for month in MONTHS]
    march = found[-1]
    assert (march["asOf"], march["currency"]) == ("2026-03-21", "USD")
    total = march["total"]
    assert (total["key"], total["meanChurnProbability"]) == (None, None)
    assert [total[name] for name in ("customers", "buyers", "newBuyers", "lost")] == [9, 4, 1, 2]
    assert total["netSpend"] == "90071992547409.93"
    assert (total["netSpend365d"], total["clv"]) == ("-0.05", "1.00")
    assert [each["key"] for each in march["byTier"]] == [None, "gold"]
    assert march["byTier"][1]["meanChurnProbability"] == 0.25
    assert (march["byLifecycleStage"], march["byAbcClass"]) == ([], [{"key": "A"}])


async def test_from_and_to_name_months_by_any_of_their_days(months: Api) -> None:
    days = {"from": "2025-12-31", "to": "2026-01-15"}
    async with months.statements() as sent:
        found = await months.ask(DOCUMENT, "frontend", variables=days)
    assert [each["month"] for each in found["monthlyStatistics"]] == ["2025-12-01", "2026-01-01"]
    assert len([each for each in reads(sent) if "monthly_statistics" in each]) == 1
    last = {"to": "2025-12-01"}
    found = await months.ask(DOCUMENT, "frontend", variables=last)
    assert [each["month"] for each in found["monthlyStatistics"]] == ["2025-12-01"]


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({"from": "2026-02-01", "to": "2026-01-31"}, "`from` is after `to`"),
        ({"from": "2020-01-01", "to": "2026-01-31"}, "60 months at most"),
    ],
)
async def test_what_is_no_stretch_of_months_is_refused(
    api: Api, days: dict[str, str], message: str
) -> None:
    answer = (await api.send(DOCUMENT, "frontend", variables=days)).json()
    assert message in answer["errors"][0]["message"]


async def test_the_numbers_need_the_scope(api: Api) -> None:
    assert await api.codes(DOCUMENT, "partner") == ["FORBIDDEN"]
