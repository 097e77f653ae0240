"""From purchases alone to a table: complete, sane, the same every time, and a refusal where due."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml.contracts import cutoff_of
from ml.errors import MLError, NotEnoughHistory
from ml.forecast import COLUMNS, forecast
from ml.synthetic import Business, invent
from tests.ml.conftest import Rows, write_rows

SMALL = Business(customers=170, days=200)
HORIZON = 28
AMOUNTS = ("expected_spend", "spend_low", "spend_high")


def lines(rows: Rows) -> Rows:
    """A log: purchases, and nothing else is known."""
    return {"order_lines": rows["order_lines"]}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("small") / "facts", lines(invent(SMALL, seed=4)), ())


@pytest.fixture(scope="module")
def foretold(small: Path) -> pa.Table:
    return forecast(small, as_of=SMALL.last_day, horizon_days=HORIZON)


def floats(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table[name].to_numpy())


def sane(table: pa.Table) -> None:
    assert table.schema == COLUMNS
    absence, purchases = floats(table, "churn_probability"), floats(table, "expected_purchases")
    assert np.all((absence > 0) & (absence < 1))
    assert np.all(purchases >= 0)
    assert np.all(purchases >= 0.999 * (1 - absence))
    spend, low, high = (floats(table, name) for name in AMOUNTS)
    assert np.all((low >= 0) & (low <= spend) & (spend <= high))
    assert np.all(np.isfinite(high))


def test_everyone_who_bought_has_a_row(small: Path, foretold: pa.Table) -> None:
    sane(foretold)
    cutoff = cutoff_of(SMALL.last_day, "UTC")
    bought = {
        row["customer_id"]
        for row in invent(SMALL, seed=4)["order_lines"]
        if row["ordered_at"] < cutoff and row["quantity_milli"] > 0
    }
    assert foretold["customer_id"].to_pylist() == sorted(bought)
    assert foretold["extrapolated"].to_pylist() == [False] * len(bought)
    for text in foretold["reasons"].to_pylist():
        assert {"code", "value", "effect"} == set(json.loads(text)[0])
    earlier = forecast(small, as_of=SMALL.first_day + dt.timedelta(days=99), horizon_days=HORIZON)
    sane(earlier)
    assert set(earlier["customer_id"].to_pylist()) < bought


def test_the_same_seed_gives_the_same_table_whatever_the_threads(
    small: Path, foretold: pa.Table
) -> None:
    heard: list[tuple[str, float]] = []
    again = forecast(
        small,
        as_of=SMALL.last_day,
        horizon_days=HORIZON,
        threads=2,
        progress=lambda step, share: heard.append((step, share)),
    )
    assert again.equals(foretold)
    assert {"Computing features", "Fitting", "Predicting"} <= {step for step, _ in heard}
    assert all(0 <= share <= 1 for _, share in heard)


def test_who_is_silent_is_expected_less(foretold: pa.Table) -> None:
    absence = floats(foretold, "churn_probability")
    order = np.argsort(absence)
    third = len(order) // 3
    for name in ("expected_purchases", "expected_spend"):
        values = floats(foretold, name)
        assert values[order[:third]].mean() > 2 * values[order[-third:]].mean()


def test_a_horizon_longer_than_any_window_is_said_to_be_stretched(small: Path) -> None:
    table = forecast(small, as_of=SMALL.last_day, horizon_days=190)
    sane(table)
    assert set(table["extrapolated"].to_pylist()) == {True}


def test_a_store_without_amounts_has_no_money_to_foretell(tmp_path: Path) -> None:
    rows = [dict(row, amount_minor=0) for row in invent(SMALL, seed=4)["order_lines"]]
    path = write_rows(tmp_path / "facts", {"order_lines": rows}, ())
    table = forecast(path, as_of=SMALL.last_day, horizon_days=HORIZON)
    assert table.schema == COLUMNS
    assert [table[name].null_count for name in AMOUNTS] == [len(table)] * 3
    absence = floats(table, "churn_probability")
    assert np.all((absence > 0) & (absence < 1))
    assert np.all(floats(table, "expected_purchases") > 0)


def test_one_price_for_everybody_is_foretold_too(tmp_path: Path) -> None:
    rows = [
        dict(row, amount_minor=1000, quantity_milli=1000)
        for row in invent(SMALL, seed=4)["order_lines"]
        if row["line_no"] == 1
    ]
    path = write_rows(tmp_path / "facts", {"order_lines": rows}, ())
    table = forecast(path, as_of=SMALL.last_day, horizon_days=HORIZON)
    sane(table)
    price = floats(table, "expected_spend").sum() / floats(table, "expected_purchases").sum()
    assert price == pytest.approx(1000, rel=0.4)


def test_where_everyone_buys_once_there_is_a_clear_refusal(tmp_path: Path) -> None:
    first: dict[int, object] = {}
    for row in invent(SMALL, seed=4)["order_lines"]:
        if row["quantity_milli"] > 0:
            first.setdefault(row["customer_id"], row)
    rows = {"order_lines": list(first.values())}
    path = write_rows(tmp_path / "facts", rows, ())  # type: ignore[arg-type]
    with pytest.raises(MLError, match="every customer left in all"):
        forecast(path, as_of=SMALL.last_day, horizon_days=HORIZON)


def test_twenty_days_are_too_few(small: Path) -> None:
    as_of = SMALL.first_day + dt.timedelta(days=19)
    with pytest.raises(MLError, match=r"Only \d+ customers|needs 28 days"):
        forecast(small, as_of=as_of, horizon_days=HORIZON)
    crowd = Business(customers=900, days=20)
    path = write_rows(small.parent / "crowd", lines(invent(crowd, seed=4)), ())
    with pytest.raises(NotEnoughHistory, match="needs 28 days of purchases up to 2024-01-20"):
        forecast(path, as_of=crowd.last_day, horizon_days=HORIZON)


def test_a_month_is_enough(small: Path) -> None:
    crowd = Business(customers=600, days=32)
    path = write_rows(small.parent / "month", lines(invent(crowd, seed=4)), ())
    table = forecast(path, as_of=crowd.last_day, horizon_days=14)
    sane(table)


def test_purchases_are_counted_as_they_are_made_not_by_days(tmp_path: Path) -> None:
    """Everybody buys twice on each purchase day: twice as many purchases lie ahead."""
    rows = invent(Business(customers=150, days=150), seed=8)
    once = rows["order_lines"]
    again = [
        {**line, "order_id": line["order_id"] + 10**6, "ordered_at": line["ordered_at"] + 3600}
        for line in once
    ]
    day = Business(customers=150, days=150).last_day
    single, double = (
        forecast(write_rows(tmp_path / name, {**rows, "order_lines": lines}), as_of=day,
                 horizon_days=28)["expected_purchases"].to_numpy()
        for name, lines in (("once", once), ("twice", [*once, *again]))
    )  # fmt: skip
    assert double.sum() == pytest.approx(2 * single.sum(), rel=0.1)
