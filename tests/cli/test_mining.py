"""`echelon mine` answers under the names of the business, or says what is missing."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from api.cli.context import open_installation
from api.db.champions import ModelName, ModelRecord, record_model
from api.db.facts import sync_facts
from ml.training import train
from tests.cli.conftest import Echelon

LAST = dt.date(2025, 12, 31)
AS_OF = ("--as-of", LAST.isoformat())
CUSTOMERS = 80
PRODUCTS = {"p1": "Milk", "p2": "Tea", "p3": "Lemon", "p4": "Bread", "p5": "Butter"}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def lines() -> list[dict[str, Any]]:
    """Who has an odd number buys tea and lemon, the others bread and butter; all of them milk."""
    random = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for customer in range(CUSTOMERS):
        leaves = 0 if customer % 3 else int(random.integers(30, 200))
        day = leaves + float(random.uniform(0, 20))
        while day < 300:
            wanted = ["p1", *(("p2", "p3") if customer % 2 else ("p4", "p5"))]
            taken = [product for product in wanted if random.random() < 0.7] or ["p1"]
            rows += [
                {
                    "order_id": f"o{customer}-{int(day)}",
                    "customer_id": f"c{customer}",
                    "ordered_at": (LAST - dt.timedelta(days=int(day))).isoformat(),
                    "product_id": product,
                    "quantity": 1,
                    "amount": 5,
                }
                for product in taken
            ]
            day += max(2.0, float(random.normal(8 if customer % 2 else 25, 3)))
    return rows


def contacts() -> list[dict[str, Any]]:
    return [
        {
            "interaction_id": f"i{customer}",
            "customer_id": f"c{customer}",
            "occurred_at": (LAST - dt.timedelta(days=9)).isoformat(),
            "channel": "phone" if customer % 2 else "email",
            "direction": "inbound",
            "kind": "question",
        }
        for customer in range(0, CUSTOMERS, 3)
    ]


@pytest.fixture
def shop(echelon: Echelon, tmp_path: Path) -> Echelon:
    assert echelon("db", "upgrade").code == 0
    known = [
        {"product_id": key, "name": name, "department": "hot" if key in ("p2", "p3") else "cold"}
        for key, name in PRODUCTS.items()
    ]
    for kind, rows in (("products", known), ("order_lines", lines()), ("interactions", contacts())):
        assert echelon("import", kind, write(tmp_path / f"{kind}.csv", rows)).code == 0
    return echelon


def answer(shop: Echelon, *arguments: str) -> Any:
    told = shop("mine", *arguments, "--json")
    assert told.code == 0, told.err
    return json.loads(told.out)


def test_products_come_with_their_names_and_a_reason(shop: Echelon, tmp_path: Path) -> None:
    rows = answer(shop, "products", *AS_OF, "--customer", "c1", "--exclude-days", "0")
    assert {row["customer"] for row in rows} == {"c1"}
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    milk = next(row for row in rows if row["product"] == "p1")
    assert milk["name"] == "Milk"
    assert milk["reason"].startswith("Bought every ")
    chinese = answer(shop, "products", *AS_OF, "--customer", "c1", "--new", "--language", "zh")
    assert {row["product"] for row in chinese} <= {"p4", "p5"}
    out = tmp_path / "offers.parquet"
    assert answer(shop, "products", *AS_OF, "--top", "2", "--out", str(out))["rows"] > CUSTOMERS
    assert set(pq.read_table(out).column_names) >= {"customer", "product", "probability", "reason"}


def test_products_are_judged_on_the_last_four_weeks(shop: Echelon) -> None:
    rows = answer(shop, "products", *AS_OF, "--evaluate")
    assert {"echelon", "popularity", "own most bought"} <= {row["method"] for row in rows}
    assert all(0.0 <= row["hit_rate"] <= 1.0 for row in rows)


def test_channels_come_with_their_evidence(shop: Echelon) -> None:
    rows = answer(shop, "channels", *AS_OF, "--customer", "c3")
    assert (rows[0]["channel"], rows[0]["rank"]) == ("phone", 1)
    assert rows[0]["evidence"] == "Used for 1 of the customer's 1 contacts"


def test_groups_carry_on_from_those_published(shop: Echelon, tmp_path: Path) -> None:
    first = answer(shop, "groups", *AS_OF)
    assert first["moved"] is None
    assert sum(group["customers"] for group in first["groups"]) + first["asleep"] == CUSTOMERS
    report = answer(shop, "publish", *AS_OF)
    assert (report["groups"], report["products"]) == (CUSTOMERS, CUSTOMERS)
    assert report["channels"] == CUSTOMERS
    assert report["lacking"] == ["There is no churn champion yet. Train one: echelon train churn"]
    again = answer(shop, "groups", *AS_OF, "--seed", "5")
    assert (again["moved"], again["groups"]) == (0.0, first["groups"])
    assert "in another group than on the last run" in shop("mine", "groups", *AS_OF).out
    assert answer(shop, "publish", *AS_OF)["changed"] == 0
    out = tmp_path / "groups.csv"
    assert shop("mine", "groups", *AS_OF, "--out", str(out)).code == 0
    with out.open() as file:
        members = list(csv.DictReader(file))
    assert {row["customer"] for row in members} == {f"c{each}" for each in range(CUSTOMERS)}
    known = {*(each["group"] for each in first["groups"]), "asleep"}
    assert {row["group"] for row in members} <= known


def test_differences_between_two_groups(shop: Echelon) -> None:
    key = answer(shop, "groups", *AS_OF)["groups"][0]["group"]
    rows = answer(shop, "differences", key, *AS_OF, "--what", "product")
    assert {row["product"] for row in rows} <= set(PRODUCTS.values())
    both = [
        {row["product"], row["with"]}
        for group in answer(shop, "groups", *AS_OF)["groups"]
        for row in answer(shop, "together", group["group"], *AS_OF, "--what", "product")
    ]
    assert both
    assert all(pair <= set(PRODUCTS.values()) for pair in both)
    assert {"Tea", "Bread"} not in both
    assert shop("mine", "together", key, *AS_OF, "--what", "colour").code == 1
    refused = shop("mine", "differences", "nobody", *AS_OF)
    assert refused.code == 1
    assert "There is no group 'nobody'" in refused.err


def test_hints_and_drivers_come_from_the_champion(shop: Echelon, tmp_path: Path) -> None:
    refused = shop("mine", "hints", *AS_OF)
    assert refused.code == 1
    assert "echelon train churn" in refused.err
    _make_champion()
    rows = answer(shop, "hints", *AS_OF, "--threshold", "0.3")
    assert rows
    assert all(row["after"] < row["before"] for row in rows)
    assert all(row["hint"] and row["actions"] for row in rows)
    some = rows[0]["customer"]
    only = answer(shop, "hints", *AS_OF, "--threshold", "0.3", "--customer", some)
    assert {row["customer"] for row in only} == {some}
    out = tmp_path / "hints.csv"
    assert shop("mine", "hints", *AS_OF, "--threshold", "0.3", "--out", str(out)).code == 0
    assert len(out.read_text().splitlines()) == len(rows) + 1
    assert answer(shop, "publish", *AS_OF, "--threshold", "0.3")["hints"] > 0
    drivers = answer(shop, "drivers", *AS_OF)
    assert {"group", "label", "effect", "text"} <= set(drivers[0])
    assert shop("mine", "drivers", *AS_OF, "--by", "moon").code == 1


def test_levers_and_due_days_come_from_the_champions(shop: Echelon, tmp_path: Path) -> None:
    for name, command in (("clv", "levers"), ("churn", "due")):
        refused = shop("mine", command, *AS_OF)
        assert refused.code == 1
        assert f"echelon train {name}" in refused.err
        _make_champion(name)
    stranger = [{"customer_id": "prospect", "known_at": "2025-01-01"}]
    people = write(tmp_path / "people.csv", stranger)
    assert shop("import", "customers", people).code == 0
    buyers = {f"c{each}" for each in range(CUSTOMERS)}

    levers = answer(shop, "levers", *AS_OF)
    assert {row["customer"] for row in levers} == buyers
    values = [row["value"] for row in levers]
    assert values == sorted(values, reverse=True)
    for row in levers:
        assert (row["basis"], row["horizon_days"]) == ("spend", 28)
        made = row["purchases_per_year"] / 365 * row["amount_per_purchase"] * row["active_days"]
        assert row["value"] == pytest.approx(made, rel=0.02, abs=0.05)
        assert row["adds_amount"] == pytest.approx(0.1 * row["value"], abs=0.01)
        assert 5 <= row["amount_per_purchase"] <= 15  # one to three products at 5 dollars each

    rows = answer(shop, "due", *AS_OF)
    assert {row["customer"] for row in rows} == buyers
    overdue = [row["overdue"] for row in rows]
    assert overdue == sorted(overdue, reverse=True)
    for row in rows:
        assert LAST.isoformat() < row["earliest"] <= row["expected_on"] <= row["latest"]
    assert answer(shop, "due", *AS_OF, "--customer", "c1") == [
        row for row in rows if row["customer"] == "c1"
    ]
    assert answer(shop, "levers", *AS_OF, "--customer", "prospect") == []
    out = tmp_path / "due.csv"
    assert shop("mine", "due", *AS_OF, "--out", str(out)).code == 0
    assert len(out.read_text().splitlines()) == CUSTOMERS + 1


def _make_champion(name: ModelName = "churn") -> None:
    place = open_installation()
    sync_facts(place.engine, place.url, place.settings.fact_store)
    folder = place.settings.model_dir / name / "1"
    folder.mkdir(parents=True)
    trained = train(
        place.settings.fact_store, name, as_of=LAST, horizon_days=28, threads=1, folder=folder
    )
    _record(place.engine, name, trained.files)


def _record(engine: Engine, name: ModelName, files: dict[str, str]) -> None:
    record = ModelRecord(
        name=name,
        version=1,
        mlflow_run_id="none",
        horizon_days=28,
        trained_as_of=LAST,
        registered_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        files=files,
        metrics={},
    )
    record_model(engine, record, champion=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["products", "--customer", "nobody"], "no customer with that id"),
        (["channels", "--language", "fr"], "en or zh"),
        (["groups", "--out", "groups.txt"], ".parquet or .csv"),
        (["products", "--as-of", "2020-01-01"], "No products known"),
        (["channels", "--as-of", "2020-01-01"], "No contacts known"),
        (["groups", "--as-of", "2020-01-01"], "groups need at least"),
    ],
)
def test_what_is_wrong_is_said(shop: Echelon, arguments: list[str], said: str) -> None:
    told = shop("mine", *arguments)
    assert told.code == 1
    assert said in told.err
