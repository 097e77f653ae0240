"""Order lines make orders, customers and products; importing them again changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from sqlalchemy import Engine

from tests.intake.conftest import Bring, epoch, one, reasons, rows, set_aside

HEADER = "order_id,customer_id,ordered_at,product_id,quantity,amount"
LOG = f"""{HEADER},discount,store,channel
A,anna,2017-02-01 10:00,milk,2,3.98,0.50,7,store
A,anna,2017-02-01 10:00,bread,1,2.10,,7,store
B,bert,2017-03-01 12:00,milk,-1,1.99,0.25,,web
C,anna,2017-01-15,,0.375,1.25,0,,
"""
LINES = (
    "SELECT o.external_id, l.line_no, p.external_id, l.quantity_milli, l.amount_minor, "
    "l.discount_minor FROM order_lines l JOIN orders o ON o.id = l.order_id "
    "LEFT JOIN products p ON p.id = l.product_id ORDER BY 1, 2"
)


def log(*lines: str, header: str = HEADER) -> str:
    return "\n".join((header, *lines)) + "\n"


def test_a_flat_log_becomes_orders_lines_customers_and_products(
    bring: Bring, engine: Engine
) -> None:
    report = bring("order_lines", LOG)
    assert (report.rows_read, report.added, report.rejected) == (4, 4, 0)
    assert rows(engine, LINES) == [
        ("A", 1, "milk", 2000, 398, 50),
        ("A", 2, "bread", 1000, 210, 0),
        ("B", 1, "milk", -1000, -199, -25),
        ("C", 1, None, 375, 125, 0),
    ]
    known = rows(
        engine, "SELECT external_id, kind, CAST(known_at AS TEXT) FROM customers ORDER BY 1"
    )
    assert [(name, kind, day[:10]) for name, kind, day in known] == [
        ("anna", "b2c", "2017-01-15"),
        ("bert", "b2c", "2017-03-01"),
    ]
    orders = rows(engine, "SELECT external_id, store, channel FROM orders ORDER BY 1")
    assert orders == [("A", "7", "store"), ("B", None, "web"), ("C", None, None)]
    batch = rows(
        engine, "SELECT kind, source, status, rows_added, rows_changed FROM import_batches"
    )
    assert batch == [("order_lines", "test", "done", 4, 0)]
    assert epoch(engine) == 1


def test_importing_again_is_harmless_and_leaves_no_trace(bring: Bring, engine: Engine) -> None:
    bring("order_lines", LOG, batch_rows=2)
    stored = rows(engine, LINES)
    again = bring("order_lines", LOG)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 4)
    assert rows(engine, LINES) == stored
    assert one(engine, "SELECT COUNT(*) FROM import_batches") == 2
    assert epoch(engine) == 2  # anna's January order came after her February one


def test_lines_are_numbered_alike_whatever_the_batches(bring: Bring, engine: Engine) -> None:
    lines = [f"{order},anna,2017-02-01,p{place},1,1" for place in range(5) for order in "XY"]
    bring("order_lines", log(*lines), batch_rows=3)
    assert [row[1] for row in rows(engine, LINES)] == [1, 2, 3, 4, 5] * 2
    assert bring("order_lines", log(*lines), batch_rows=4).unchanged == 10


def test_a_mended_line_does_not_move_the_others(bring: Bring, engine: Engine) -> None:
    good = ["A,anna,2017-02-01,milk,1,1", "A,anna,2017-02-01,bread,1,2"]
    first = bring("order_lines", log(good[0], "A,anna,2017-02-01,eggs,1,oops", good[1]))
    assert (first.added, first.rejected) == (2, 1)
    mended = bring("order_lines", log(good[0], "A,anna,2017-02-01,eggs,1,5", good[1]))
    assert (mended.added, mended.changed, mended.unchanged) == (1, 0, 2)


def test_a_correction_raises_the_epoch_and_a_new_row_does_not(bring: Bring, engine: Engine) -> None:
    bring("order_lines", log("A,anna,2017-02-01,milk,1,1"))
    added = bring("order_lines", log("B,anna,2017-03-01,milk,1,1"))
    assert (added.added, epoch(engine)) == (1, 1)
    changed = bring("order_lines", log("A,anna,2017-02-01,milk,1,1.01"))
    assert (changed.changed, epoch(engine)) == (1, 2)
    moved = bring("order_lines", log("A,bert,2017-02-01,milk,1,1.01"))
    assert (moved.changed, moved.unchanged, epoch(engine)) == (1, 0, 3)


def test_a_moved_order_and_its_new_line_are_counted_once_each(bring: Bring) -> None:
    bring("order_lines", log("A,anna,2017-03-01,milk,1,3.00"))
    moved = log("A,ben,2017-03-01,milk,1,4.00", "A,ben,2017-03-01,tea,1,1.00")
    again = bring("order_lines", moved)
    assert (again.added, again.changed, again.unchanged, again.rejected) == (1, 1, 0, 0)


def test_what_the_fact_store_does_not_hold_is_no_correction(bring: Bring, engine: Engine) -> None:
    bring("order_lines", LOG)
    before = epoch(engine)
    header = "order_id,customer_id,ordered_at,store,promised_on"
    report = bring("orders", log("A,anna,2017-02-01 10:00,8,2019-01-01", header=header))
    assert (report.changed, epoch(engine)) == (1, before)
    products = bring("products", "product_id,name\nmilk,Milk\n")
    assert (products.changed, epoch(engine)) == (1, before)
    products = bring("products", "product_id,department\nmilk,DAIRY\n")
    assert (products.changed, epoch(engine)) == (1, before + 1)


BAD_LINES = (
    (",anna,2017-02-01,milk,1,1", "order_id: is empty"),
    ("A,,2017-02-01,milk,1,1", "customer_id: is empty"),
    ("A,anna,,milk,1,1", "ordered_at: is empty"),
    ("A,anna,2017-02-01,milk,1,", "amount: is empty"),
    ("A,anna,02/01/2017,milk,1,1", "ordered_at: '02/01/2017' is not a moment"),
    ("A,anna,2018-01-02,milk,1,1", "ordered_at: '2018-01-02' lies in the future"),
    ("A,anna,2017-02-01,milk,one,1", "quantity: 'one' is not a number"),
    ("A,anna,2017-02-01,milk,0.0001,1", "quantity: '0.0001' has more than 3 decimals"),
    ("A,anna,2017-02-01,milk,1,-1", "amount: '-1' is negative though the quantity is not"),
    ("A,anna,2017-02-01,milk,1,1.234", "amount: '1.234' has more decimals than the 2 of USD"),
    ("A,anna,2017-02-01,milk,1,$5", "amount: '$5' is not an amount"),
    (f"A,anna,2017-02-01,{'m' * 201},1,1", "is longer than 200 characters"),
    ("A,anna,2017-02-01,milk,1", "the row has 5 values, the header 6"),
)


def test_bad_rows_are_set_aside_with_their_reasons_and_the_good_ones_go_in(
    bring: Bring, engine: Engine
) -> None:
    bad = [line for line, _ in BAD_LINES]
    report = bring("order_lines", log("G,gus,2017-02-01,milk,0,1", *bad, "H,gus,2017-02-01,,1,0"))
    assert (report.added, report.rejected) == (2, len(bad))
    found = set_aside(report)
    assert [int(row["row_number"]) for row in found] == list(range(2, len(bad) + 2))
    for row, (_, reason) in zip(found, BAD_LINES, strict=True):
        assert reason in row["reason"]
    assert one(engine, "SELECT COUNT(*) FROM order_lines") == 2
    assert rows(engine, "SELECT external_id FROM customers") == [("gus",)]


def test_all_that_is_wrong_with_a_row_is_said_at_once(bring: Bring) -> None:
    report = bring("order_lines", log("A,anna,soon,milk,x,y"))
    assert set_aside(report)[0]["column"] == "ordered_at, quantity, amount"


def test_reasons_name_the_columns_as_the_file_does(bring: Bring) -> None:
    text = log("A,anna,2017-02-01,x", header="basket,household,time,total")
    mapping = {
        "basket": "order_id",
        "household": "customer_id",
        "time": "ordered_at",
        "total": "amount",
    }
    (row,) = set_aside(bring("order_lines", text, mapping))
    assert row["column"] == "total"
    assert row["household"] == "anna"


def test_an_order_has_one_customer_and_one_time(bring: Bring, engine: Engine) -> None:
    lines = [
        "A,anna,2017-02-01,milk,1,1",
        "A,bert,2017-02-01,milk,1,1",
        "B,bert,2017-02-02,milk,1,1",
        "A,anna,2017-02-09,milk,1,1",
    ]
    for batch_rows in (2, 10):
        report = bring("order_lines", log(*lines), batch_rows=batch_rows)
        assert [row["row_number"] for row in set_aside(report)] == ["2", "4"]
        assert "is not the order's customer on row 1" in reasons(report)[0]
        assert "is not the order's time on row 1" in reasons(report)[1]
    assert one(engine, "SELECT COUNT(*) FROM order_lines") == 2


def test_given_line_numbers_are_kept_and_repeated_ones_are_found(
    bring: Bring, engine: Engine
) -> None:
    header = "order_id,customer_id,ordered_at,line_no,amount"
    lines = [
        "A,anna,2017-02-01,7,1",
        "A,anna,2017-02-01,3,1",
        "A,anna,2017-02-01,7,1",
        "A,anna,2017-02-01,7,2",
        "A,anna,2017-02-01,,2",
        "A,anna,2017-02-01,0,2",
    ]
    for batch_rows in (2, 10):
        report = bring("order_lines", log(*lines, header=header), batch_rows=batch_rows)
        assert "the same order_id, line_no as in row 1, with other content" in reasons(report)[0]
        assert "line_no: is empty" in reasons(report)[1]
        assert "line_no: '0' is below 1" in reasons(report)[2]
        assert report.unchanged == (1 if batch_rows == 2 else 3)
    assert [row[:2] + row[3:5] for row in rows(engine, LINES)] == [
        ("A", 3, 1000, 100),
        ("A", 7, 1000, 100),
    ]


def test_parquet_floats_ids_and_moments_are_taken_as_they_are(bring: Bring, engine: Engine) -> None:
    table = pa.table(
        {
            "order_id": [31198570044, 31198570047],
            "customer_id": [900.0, 901.0],
            "ordered_at": pa.array([0, 86_400_000_000_000], pa.timestamp("ns")),
            "amount": [0.1 + 0.2, 1.005],
        }
    )
    report = bring("order_lines", table)
    assert reasons(report) == ["amount: '1.005' has more decimals than the 2 of USD"]
    assert rows(engine, "SELECT external_id FROM customers") == [("900",)]
    assert rows(engine, "SELECT amount_minor FROM order_lines") == [(30,)]


def test_returns_turn_every_amount_negative(bring: Bring, engine: Engine) -> None:
    header = "order_id,customer_id,ordered_at,quantity,amount,discount,cost"
    bring("order_lines", log("A,a,2017-02-01,-2,-10,1,6", "B,a,2017-02-01,0,-5,,", header=header))
    stored = rows(engine, "SELECT amount_minor, discount_minor, cost_minor FROM order_lines")
    assert sorted(stored) == [(-1000, -100, -600), (-500, 0, None)]


def test_nothing_good_leaves_no_batch(
    bring: Bring, engine: Engine, customers: Callable[..., None]
) -> None:
    report = bring("order_lines", log("A,anna,2017-02-01,milk,1,x"))
    assert (report.added, report.rejected) == (0, 1)
    assert one(engine, "SELECT COUNT(*) FROM import_batches") == 0
    empty = bring("order_lines", HEADER + "\n")
    assert (empty.rows_read, empty.quarantine_path) == (0, None)
