"""`echelon policy decide`: tiers for a spreadsheet, without a database and from any folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from api.documents import POLICIES
from tests.cli.conftest import Echelon

DAY = ("--as-of", "2026-03-31")


def bank(
    echelon: Echelon, folder: Path, lines: str, *more: str, out: str = "out.csv"
) -> list[dict[str, str]]:
    table = folder / "table.csv"
    table.write_text(f"customer_id,avg_daily_balance_month\n{lines}", "utf-8")
    answer = echelon(
        *("policy", "decide", "--policy", "bank-assets", "--table", str(table)),
        *("--out", str(folder / out), *(DAY if "--as-of" not in more else ()), *more),
    )
    assert answer.code == 0, answer.err
    with (folder / out).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_bank_scheme_on_a_spreadsheet(echelon: Echelon, tmp_path: Path) -> None:
    rows = bank(
        echelon,
        tmp_path,
        "007,49999.99\n0008,50000.00\n9,50000.01\nA-1,300000\nA-2,1000000\nA-3,8000000\n"
        "A-4,7999999.999\nA-5,\nA-6,-5\n",
    )
    assert {row["customer_id"]: row["tier"] for row in rows} == {
        "007": "",
        "0008": "xinran",
        "9": "xinran",
        "A-1": "youran",
        "A-2": "zhuoran",
        "A-3": "siyin",
        "A-4": "zhuoran",
        "A-5": "",
        "A-6": "",
    }
    assert list(rows[0])[:3] == ["customer_id", "tier", "reasons"]
    assert "at least 50,000.00 CNY" in rows[1]["reasons"]
    assert "7,999,999.99 CNY" in rows[6]["reasons"], "a fraction is never rounded up"
    assert not (tmp_path / "var").exists()
    assert {each.name for each in tmp_path.iterdir()} == {"table.csv", "out.csv"}


def test_the_next_month_starts_from_where_customers_stand(echelon: Echelon, tmp_path: Path) -> None:
    bank(echelon, tmp_path, "1,8000000\n2,1000000\n3,50000\n", out="march.csv")
    days = {"april": "2026-04-30", "july": "2026-07-31", "october": "2026-10-31"}
    before, tiers = "march", {}
    for name, day in days.items():
        rows = bank(
            echelon,
            tmp_path,
            "1,0\n2,0\n3,8000000\n4,50000\n",
            *("--as-of", day, "--previous", str(tmp_path / f"{before}.csv"), "--language", "zh"),
            out=f"{name}.csv",
        )
        before, tiers[name] = name, [row["tier"] for row in rows]
        if name == "april":
            assert "观察期" in rows[1]["reasons"]
    assert tiers == {
        "april": ["siyin", "zhuoran", "siyin", "xinran"],
        "july": ["siyin", "youran", "siyin", "xinran"],
        "october": ["zhuoran", "youran", "siyin", "xinran"],
    }, "one level down after three months, from the top after six"


def test_a_previous_file_may_hold_no_more_than_customer_and_tier(
    echelon: Echelon, tmp_path: Path
) -> None:
    (tmp_path / "before.csv").write_text("customer_id,tier\n1,youran\n2,\n")
    rows = bank(echelon, tmp_path, "1,0\n2,50000\n", "--previous", str(tmp_path / "before.csv"))
    assert [(row["tier"], row["watch_since"]) for row in rows] == [
        ("youran", "2026-03-31"),
        ("xinran", ""),
    ]


def test_typed_tables_and_parquet_are_read_and_written(echelon: Echelon, tmp_path: Path) -> None:
    table = pa.table(
        {
            "customer_id": ["1", "2"],
            "kind": ["b2b", "b2c"],
            "profit_365d": [60_000.0, 0.0],
            "order_count_365d": [24, 0],
            "late_payment_share": pa.array([0.0, None], pa.float64()),
            "satisfaction": pa.array([0.95, None], pa.float64()),
            "overdue_days": pa.array([None, None], pa.float64()),
            "net_spend_365d": [0.0, 999.99],
        }
    )
    pq.write_table(table, tmp_path / "table.parquet")
    answer = echelon(
        *("policy", "decide", "--policy", "b2b-credit", "--table", str(tmp_path / "table.parquet")),
        *("--out", str(tmp_path / "out.parquet"), *DAY, "--json"),
    )
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["customers"] == 2
    written = pq.read_table(tmp_path / "out.parquet")
    assert written["tier"].to_pylist() == ["strategic", "restricted"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("customer,avg_daily_balance_month\n1,5\n", "no column 'customer_id'"),
        ("customer_id,avg_daily_balance\n1,5\n", "did you mean 'avg_daily_balance'"),
        ("customer_id,avg_daily_balance_month\n1,5\n1,6\n", "row 2: this customer_id"),
        ("customer_id,avg_daily_balance_month\n1,5\n,6\n", "row 2: customer_id is empty"),
        ("customer_id,avg_daily_balance_month\n1,lots\n", "row 1: takes an amount"),
        ("customer_id,avg_daily_balance_month\n", "no row that can be read"),
    ],
)
def test_a_table_with_a_mistake_is_refused_and_nothing_written(
    echelon: Echelon, tmp_path: Path, table: str, message: str
) -> None:
    (tmp_path / "table.csv").write_text(table)
    answer = echelon(
        *("policy", "decide", "--policy", "bank-assets", "--table", str(tmp_path / "table.csv")),
        *("--out", str(tmp_path / "out.csv"), *DAY),
    )
    assert answer.code == 1
    assert message in answer.err
    assert not (tmp_path / "out.csv").exists()


def test_an_unknown_tier_in_the_previous_file_is_refused(echelon: Echelon, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("customer_id,avg_daily_balance_month\n1,5\n")
    (tmp_path / "before.csv").write_text("customer_id,tier\n1,gold\n")
    answer = echelon(
        *("policy", "decide", "--policy", "bank-assets", "--table", str(tmp_path / "table.csv")),
        *("--previous", str(tmp_path / "before.csv"), "--out", str(tmp_path / "out.csv"), *DAY),
    )
    assert answer.code == 1
    assert "the policy has no tier 'gold'" in answer.err


@pytest.mark.parametrize(
    ("before", "options", "message"),
    [
        ("tier,since\n1,vip,2199-01-01\n", (), "take the file of an earlier day"),
        ("tier,evaluated_on\n1,,2199-01-01\n", (), "(evaluated_on)"),
        ("tier\n1,\n", ("--currency", "dollars"), "takes a currency such as CNY"),
    ],
)
def test_what_can_not_have_been_before_is_refused(
    echelon: Echelon, tmp_path: Path, before: str, options: tuple[str, ...], message: str
) -> None:
    document = (POLICIES / "bank-assets.yaml").read_text(encoding="utf-8")
    vip = yaml.safe_load(document)["tiers"][0]["key"]
    (tmp_path / "table.csv").write_text("customer_id,avg_daily_balance_month\n1,5\n")
    (tmp_path / "before.csv").write_text("customer_id," + before.replace("vip", vip))
    answer = echelon(
        *("policy", "decide", "--policy", "bank-assets", "--table", str(tmp_path / "table.csv")),
        *("--previous", str(tmp_path / "before.csv"), "--out", str(tmp_path / "out.csv"), *DAY),
        *options,
    )
    assert answer.code == 1
    assert message in answer.err
    assert not (tmp_path / "out.csv").exists()
