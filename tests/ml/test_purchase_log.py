"""A purchase log cleaned: what is dropped, what is cancelled, what later rows must not change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import cutoff_of
from ml.errors import BadLog
from ml.facts import FactStore
from ml.logs.amounts import read_amounts
from ml.logs.purchase_log import PurchaseLog, clean_log
from ml.logs.store import write_log_store

DAY = dt.date(2024, 1, 31)


def clean(rows: list[tuple[Any, ...]], **options: Any) -> PurchaseLog:
    """A log of (customer, time) or (customer, time, amount)."""
    names = ["who", "when", "paid"][: len(rows[0])]
    table = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    amount = {"amount": "paid"} if "paid" in names else {}
    return clean_log(table, customer="who", time="when", **amount, **options)


def rows_of(log: PurchaseLog) -> list[tuple[str, str, int]]:
    amounts = np.zeros(len(log), np.int64) if log.amount_minor is None else log.amount_minor
    return [
        (log.customers[int(who)].as_py(), str(np.datetime64(int(when), "s")), int(paid))
        for who, when, paid in zip(log.customer, log.moment, amounts, strict=True)
    ]


def test_customers_are_texts_unchanged() -> None:
    log = clean([("00012", "2024-01-05"), (" b ", "2024-01-05"), ("12", "2024-01-06")])
    assert log.customers.to_pylist() == [" b ", "00012", "12"]
    floats = pa.table({"who": [12.0, None, 3.5], "when": ["2024-01-05"] * 3})
    assert clean_log(floats, customer="who", time="when").customers.to_pylist() == ["12", "3.5"]


def test_what_cannot_be_used_is_dropped_and_counted_with_its_reason() -> None:
    log = clean(
        [
            ("a", "2024-01-05", "1.50"),
            (None, "2024-01-05", "1"),
            ("NULL", "2024-01-05", "1"),
            ("a", "", "1"),
            ("a", "someday", "1"),
            ("a", "2024-01-05", None),
            ("a", "2024-01-05", "much"),
        ],
        row_numbers=np.arange(11, 18),
    )
    assert [(each.reason, each.rows, each.examples) for each in log.dropped] == [
        ("no customer in 'who'", 2, (12, 13)),
        ("no time in 'when'", 1, (14,)),
        ("no time that can be read in 'when'", 1, (15,)),
        ("no amount in 'paid'", 1, (16,)),
        ("no amount that can be read in 'paid'", 1, (17,)),
    ]
    assert rows_of(log) == [("a", "2024-01-05T00:00:00", 150)]


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = [("b", "2024-01-06", 2.0), ("a", "2024-01-07", 1.0), ("b", "2024-01-05", 3.0)]
    assert rows_of(clean(rows)) == rows_of(clean(rows[::-1]))


def test_equal_rows_count_unless_they_are_left_out() -> None:
    rows = [("a", "2024-01-05", 1.0)] * 3
    kept, left_out = clean(rows), clean(rows, drop_duplicates=True)
    assert len(kept) == 3
    assert "2 rows are the same in all columns" in kept.notes[0]
    assert len(left_out) == 1
    assert left_out.dropped[0].rows == 2


@pytest.mark.parametrize(
    ("values", "minor", "exponent"),
    [
        ([1.1, 2.25, 0.1 + 0.2], [110, 225, 30], 2),
        ([7, 0, -3], [700, 0, -300], 2),
        (["1,234.50", "$5", "(3.00)", "4.00-"], [123450, 500, -300, -400], 2),
        (["12,50", "1.234,00", "3 €"], [1250, 123400, 300], 2),
        (["1,234", "2"], [123400, 200], 2),
        (["1.234", "2.5"], [1234, 2500], 3),
        ([Decimal("1.2345")], [12345], 4),
        ([0.00012345], [12345], 8),
        ([1e10, 0.5], [10**12, 50], 2),
    ],
)
def test_amounts_are_exact_in_as_few_decimals_as_they_need(
    values: list[Any], minor: list[int], exponent: int
) -> None:
    found = read_amounts(pa.array(values), "paid")
    assert (list(found.minor), found.exponent) == (minor, exponent)
    assert found.known.all()


def test_a_huge_order_that_is_cancelled_minutes_later_never_was() -> None:
    log = clean(
        [
            ("whale", "2024-01-10 10:00", 77_183.60),
            ("whale", "2024-01-10 10:16", -77_183.60),
            ("whale", "2024-01-05 09:00", 20.00),
            ("other", "2024-01-10 10:00", 77_183.60),
        ]
    ).known_at(DAY)
    assert rows_of(log) == [
        ("other", "2024-01-10T10:00:00", 7_718_360),
        ("whale", "2024-01-05T09:00:00", 2000),
    ]
    assert "1 purchases were cancelled" in log.notes[-1]


def test_a_cancellation_of_later_days_is_not_foreseen() -> None:
    rows = [("a", "2024-01-31 23:50", 500.0), ("a", "2024-02-01 00:10", -500.0)]
    assert len(clean(rows).known_at(DAY)) == 1
    assert len(clean([*rows, ("b", "2024-01-01", 1.0)]).known_at(dt.date(2024, 2, 1))) == 1


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ([("2024-01-05", 5.0), ("2024-01-09", -5.0)], [500, -500]),
        ([("2024-01-05", 5.0), ("2024-01-06", -4.0)], [500, -400]),
        ([("2024-01-05", -5.0), ("2024-01-06", 5.0)], [-500, 500]),
        ([("2024-01-05", 5.0), ("2024-01-06", 5.0), ("2024-01-07", -5.0)], [500]),
        ([("2024-01-05", 5.0), ("2024-01-05", -5.0), ("2024-01-05", -5.0)], [-500]),
    ],
)
def test_only_what_undoes_a_purchase_exactly_and_soon_is_a_cancellation(
    rows: list[tuple[str, float]], left: list[int]
) -> None:
    log = clean([("b", "2024-01-01", 1.0), *(("a", *row) for row in rows)]).known_at(DAY)
    assert [paid for who, _, paid in rows_of(log) if who == "a"] == left


def test_later_rows_change_nothing_that_is_known() -> None:
    early = [("a", "2024-01-05", 1.5), ("b", "2024-01-31 23:59:59", 2.0)]
    late = [("a", "2024-02-01", 9.12345), ("c", "2024-02-02", 1.0)]
    known, alone = clean(early + late).known_at(DAY), clean(early).known_at(DAY)
    assert rows_of(known) == rows_of(alone)
    assert known.customers == alone.customers
    assert known.exponent == alone.exponent == 2
    assert "2 rows are of later days than 2024-01-31" in known.notes[-1]


def test_the_last_day_ends_with_the_business() -> None:
    rows = [("a", "2024-01-31 22:30", 1.0), ("b", "2024-01-31 23:30Z", 1.0)]
    log = clean(rows, time_zone="Europe/Berlin").known_at(DAY)
    assert log.customers.to_pylist() == ["a"]
    assert log.moment[0] < cutoff_of(DAY, "Europe/Berlin")


def test_who_only_ever_returned_is_still_seen() -> None:
    log = clean([("a", "2024-01-05", 1.0), ("b", "2024-01-05", -1.0)]).known_at(DAY)
    assert log.customers.to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([("a", "2024-03-01", 1.0)], "the first purchase is of 2024-03-01"),
        ([("a", "2024-01-05", -1.0)], "All amounts are negative"),
        ([("a", "2024-01-05", -1.0), ("a", "2024-03-01", 1.0)], "the first purchase is of"),
    ],
)
def test_a_day_before_the_first_purchase_is_refused(
    rows: list[tuple[Any, ...]], complaint: str
) -> None:
    with pytest.raises(BadLog, match=complaint):
        clean(rows).known_at(DAY)


def test_negative_totals_and_zeros_are_remarked() -> None:
    assert "together are negative" in clean([("a", "2024-01-05", -9.0)]).notes[-1]
    assert "All amounts are 0" in clean([("a", "2024-01-05", 0.0)]).notes[-1]


def test_columns_that_are_not_there_are_named_with_those_that_are() -> None:
    table = pa.table({"client": ["a"], "date": ["2024-01-05"]})
    with pytest.raises(BadLog, match=r"no column 'datum'; the columns are client, date\. Did you"):
        clean_log(table, customer="client", time="datum")
    headless = pa.table({"00001": ["00002"], "19970101": ["19970112"], "11.77": ["12.00"]})
    with pytest.raises(BadLog, match="put a row of names above"):
        clean_log(headless, customer="who", time="when")


def test_a_log_without_a_usable_row_is_refused() -> None:
    with pytest.raises(BadLog, match="No row of the log can be used: 1 have no customer"):
        clean([("null", "2024-01-05")])
    empty = pa.table({"who": pa.array([], pa.string()), "when": pa.array([], pa.string())})
    with pytest.raises(BadLog, match="is empty"):
        clean_log(empty, customer="who", time="when")


def test_a_store_of_the_log_has_an_order_for_each_customer_and_moment(tmp_path: Path) -> None:
    log = clean(
        [
            ("b", "2024-01-05 10:00", 1.0), ("b", "2024-01-05 10:00", 2.0),
            ("a", "2024-01-05 10:00", -3.0), ("a", "2024-01-04 10:00", 4.0),
        ]
    ).known_at(DAY)  # fmt: skip
    write_log_store(log, tmp_path)
    store = FactStore(tmp_path)
    lines = pq.read_table(store.paths("order_lines")[0]).to_pylist()
    keys = ("order_id", "line_no", "customer_id", "quantity_milli", "amount_minor")
    assert [tuple(line[key] for key in keys) for line in lines] == [
        (1, 1, 1, 1000, 400), (2, 1, 1, -1000, -300), (3, 1, 2, 1000, 100), (3, 2, 2, 1000, 200),
    ]  # fmt: skip
    customers = pq.read_table(store.paths("customers")[0])
    assert customers["customer_id"].to_pylist() == [1, 2]
    assert store.manifest.currency_exponent == 2


def test_attributes_are_typed_and_sensitive_ones_and_names_are_left_out(tmp_path: Path) -> None:
    customers = [f"c{number:03}" for number in range(120)]
    log = clean([(who, "2024-01-05", 1.0) for who in customers]).known_at(DAY)
    attributes = pa.table(
        {
            "who": [*customers[:100], "stranger", "c000"],
            "gender": ["f", "m"] * 51,
            "email": [f"{number}@example.com" for number in range(102)],
            "visits": [str(number % 7) for number in range(102)],
            "plan": ["basic", "gold", None] * 34,
            "town": [f"town {number % 20}" for number in range(102)],
        }
    )
    notes = write_log_store(log, tmp_path, attributes=attributes, attribute_customer="who")
    fields = {field.name: field for field in FactStore(tmp_path).attribute_fields()}
    assert sorted(fields) == ["plan", "town", "visits"]
    assert fields["visits"].value_type == "number"
    assert fields["plan"].choices == ("basic", "gold")
    assert len(fields["town"].choices) == 12
    assert "other" in fields["town"].choices
    told = " ".join(notes)
    assert "gender" in told
    assert "email" in told
    assert "20 customers have no attributes" in told
    assert "1 rows of attributes repeat a customer" in told
    write_log_store(
        log, tmp_path, attributes=attributes, attribute_customer="who", allow_sensitive=True
    )
    assert "gender" in {field.name for field in FactStore(tmp_path).attribute_fields()}


def test_attributes_of_other_customers_are_refused(tmp_path: Path) -> None:
    log = clean([("a", "2024-01-05")]).known_at(DAY)
    strangers = pa.table({"who": ["b"], "plan": ["gold"]})
    with pytest.raises(BadLog, match="none of the log's customers"):
        write_log_store(log, tmp_path, attributes=strangers, attribute_customer="who")
    with pytest.raises(BadLog, match="no column 'client'"):
        write_log_store(log, tmp_path, attributes=strangers, attribute_customer="client")
