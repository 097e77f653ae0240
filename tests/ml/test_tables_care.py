"""Tables as people have them: what is kept, what is left out, and what is said about it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from ml.errors import BadTable, NotEnoughHistory
from ml.tables.care import LabelledTable, read_rows, read_table
from ml.tables.columns import OTHER, describe
from ml.tables.screens import is_sensitive, single_column_auc

ROWS = 200


def customers(**more: list[object]) -> pa.Table:
    """A table of text, as a CSV gives it: usage tells a little of who churned."""
    rng = np.random.default_rng(7)
    churned = rng.random(ROWS) < 0.3
    usage = rng.normal(10.0, 3.0, ROWS) - 2.0 * churned
    return pa.table(
        {
            "usage": [f"{value:.2f}" for value in usage],
            "plan": [("basic", "plus", "family")[place] for place in rng.integers(0, 3, ROWS)],
            **more,
            "Churn": ["Yes" if left else "No" for left in churned],
        }
    )


def read(table: pa.Table, **options: object) -> LabelledTable:
    return read_table(table, label="Churn", **options)  # type: ignore[arg-type]


def note_on(data: LabelledTable, name: str) -> str:
    (note,) = [note for note in data.notes if name in note]
    return note


def test_text_becomes_numbers_and_choices() -> None:
    data = read(customers())
    assert data.names == ("usage", "plan")
    assert [column.kind for column in data.columns] == ["number", "choice"]
    assert data.columns[1].choices == ("basic", "family", "plus")
    assert data.positive == "Yes"
    assert data.notes == ()
    assert data.target.sum() == customers()["Churn"].to_pylist().count("Yes")


def test_blanks_are_missing_and_do_not_make_a_number_a_text() -> None:
    table = customers(total=[" " if row % 40 == 0 else f"{row * 1.5}" for row in range(ROWS)])
    data = read(table)
    place = data.names.index("total")
    assert data.columns[place].kind == "number"
    assert np.flatnonzero(np.isnan(data.values[:, place])).tolist() == [0, 40, 80, 120, 160]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1,234.5", "12", "1,000"], [1234.5, 12.0, 1000.0]),
        (["1,5", "2,25", "3"], [1.5, 2.25, 3.0]),
        (["$12.50", "€3", "40%"], [12.5, 3.0, 40.0]),
        (["-1e3", "NA", "+4"], [-1000.0, np.nan, 4.0]),
    ],
)
def test_numbers_are_read_as_people_write_them(texts: list[str], expected: list[float]) -> None:
    values = pa.chunked_array([texts])
    column = describe("amount", values)
    assert column.kind == "number"
    np.testing.assert_equal(column.read(values), expected)


@pytest.mark.parametrize(
    "texts",
    [
        ["2024-02-01", "2024-12-31"],
        ["01/02/2024", "31/12/2024"],
        ["02/01/2024", "12/31/2024"],
        ["01.02.2024", "31.12.2024"],
        ["2024-02-01T00:00:00Z", "2024-12-31T00:00:00+00:00"],
    ],
)
def test_days_are_read_in_the_order_that_fits_them_all(texts: list[str]) -> None:
    values = pa.chunked_array([texts])
    column = describe("since", values)
    days = [(dt.date(2024, 2, 1) - dt.date(1970, 1, 1)).days]
    days.append((dt.date(2024, 12, 31) - dt.date(1970, 1, 1)).days)
    assert column.kind == "date"
    assert column.read(values).tolist() == days
    typed = pa.chunked_array([[dt.date(2024, 2, 1), dt.date(2024, 12, 31)]])
    assert column.read(typed).tolist() == days


def test_postal_codes_stay_texts() -> None:
    assert describe("zip", pa.chunked_array([["01234", "99999", "10115"]])).kind == "choice"


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("customerID", [f"{row:04d}-X" for row in range(ROWS)]),
        ("RowNumber", list(range(1, ROWS + 1))),
        ("CLIENTNUM", [700_000_000 + 37 * row for row in range(ROWS)]),
        ("contact", [f"person{row}@example.com" for row in range(ROWS)]),
        ("Surname", [f"Name{row % 90}" for row in range(ROWS)]),
        ("remarks", [f"called {row % 150} times" for row in range(ROWS)]),
        ("姓名", [f"某{row}" for row in range(ROWS)]),
    ],
)
def test_what_names_a_customer_is_left_out(name: str, cells: list[object]) -> None:
    data = read(customers(**{name: cells}))
    assert data.names == ("usage", "plan")
    assert note_on(data, name).startswith(f"Left out {name}: ")
    assert name in read(customers(**{name: cells}), keep=[name]).names


def test_what_only_sounds_like_an_identifier_stays() -> None:
    kept = {
        "PhoneService": ["Yes", "No"] * (ROWS // 2),
        "plan_id": [str(row % 4) for row in range(ROWS)],
        "product_name": [f"Product {row % 5}" for row in range(ROWS)],
    }
    assert read(customers(**kept)).names == ("usage", "plan", *kept)


def test_constant_and_empty_columns_are_named_and_left_out() -> None:
    data = read(customers(country=["NL"] * ROWS, fax=[None] * ROWS))
    assert data.names == ("usage", "plan")
    assert note_on(data, "country") == "Left out country: it has the same value in every row."
    assert note_on(data, "fax") == "Left out fax: it is empty."


def test_columns_that_know_the_outcome_are_left_out_unless_forced() -> None:
    labels = customers()["Churn"].to_pylist()
    rng = np.random.default_rng(0)
    leaks = {
        "final_bill": [f"{rng.normal(50 if label == 'Yes' else 10):.1f}" for label in labels],
        "closing_code": ["C1" if label == "Yes" else None for label in labels],
        "Churn Score": [str(rng.integers(0, 100)) for _ in labels],
    }
    data = read(customers(**leaks))
    assert data.names == ("usage", "plan")
    assert data.column_auc["final_bill"] > 0.98
    for name in leaks:
        assert note_on(data, name).startswith(f"Warning: left out {name}")
    forced = read(customers(**leaks), keep=["final_bill"])
    assert forced.names == ("usage", "plan", "final_bill")
    assert "used as you asked" in note_on(forced, "final_bill")


def test_a_leak_is_seen_whatever_its_shape() -> None:
    rng = np.random.default_rng(1)
    churned = rng.random(1000) < 0.4
    both_ends = np.where(churned, rng.choice([-5.0, 5.0], 1000), 0.0) + rng.normal(0, 0.5, 1000)
    assert single_column_auc(both_ends, churned) > 0.98
    assert abs(single_column_auc(rng.normal(size=1000), churned) - 0.5) < 0.06


def test_sensitive_attributes_are_listed_and_left_out_unless_allowed() -> None:
    cells = [str(20 + row % 50) for row in range(ROWS)]
    table = customers(Age=cells, 婚姻状况=["是", "否"] * (ROWS // 2))
    data = read(table)
    assert data.names == ("usage", "plan")
    assert data.sensitive == ("Age", "婚姻状况")
    assert "Age, 婚姻状况" in note_on(data, "Age")
    allowed = read(table, allow_sensitive=True)
    assert allowed.names == ("usage", "plan", "Age", "婚姻状况")
    assert "as you asked" in note_on(allowed, "Age")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gender", True),
        ("SeniorCitizen", True),
        ("Customer_Age", True),
        ("marital status", True),
        ("MaritalStatus", True),
        ("国籍", True),
        ("account_age", False),
        ("average_spend", False),
        ("usage", False),
        ("message_count", False),
        ("Contract", False),
    ],
)
def test_names_tell_what_is_sensitive(name: str, expected: bool) -> None:
    assert is_sensitive(name) is expected


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (("0", "1"), "1"),
        ((" False.", " True."), "True."),
        (("Existing Customer", "Attrited Customer"), "Attrited Customer"),
        (("active", "closed"), "closed"),
        (("未流失", "流失"), "流失"),
    ],
)
def test_the_usual_words_for_churn_need_no_option(values: tuple[str, str], positive: str) -> None:
    table = customers()
    labels = [values[label == "Yes"] for label in table["Churn"].to_pylist()]
    data = read(table.set_column(2, "Churn", pa.array(labels)))
    assert data.positive == positive
    assert data.target.tolist() == read(table).target.tolist()


def test_a_label_of_unknown_words_asks_which_one_is_meant() -> None:
    labels = ["red" if label == "Yes" else "blue" for label in customers()["Churn"].to_pylist()]
    table = customers().set_column(2, "Churn", pa.array(labels))
    with pytest.raises(BadTable, match=r"blue and red.*--positive"):
        read(table)
    assert read(table, positive="RED").target.tolist() == read(customers()).target.tolist()
    with pytest.raises(BadTable, match=r"blue and red.*--positive"):
        read(table, positive="green")


def test_a_label_with_three_values_is_refused_by_name() -> None:
    labels = ["low", "mid", "a value that is very long indeed"] * 66 + ["low", "mid"]
    with pytest.raises(
        BadTable, match=r"3 different values \(a value that is very \.\.\., low, mid"
    ):
        read(customers().set_column(2, "Churn", pa.array(labels)))


def test_rows_without_a_label_teach_nothing() -> None:
    labels = [
        "" if row < 5 else label for row, label in enumerate(customers()["Churn"].to_pylist())
    ]
    data = read(customers().set_column(2, "Churn", pa.array(labels)))
    assert len(data) == ROWS - 5
    assert data.notes == ("Left out 5 rows without a value in Churn.",)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (customers().slice(0, 0), "has no values"),
        (customers().slice(0, 30), "30 labelled rows"),
        (customers().set_column(2, "Churn", pa.array(["No"] * ROWS)), "one value only"),
        (
            customers().set_column(2, "Churn", pa.array(["Yes"] * 3 + ["No"] * (ROWS - 3))),
            "3 rows only",
        ),
    ],
)
def test_too_little_to_learn_from_is_said(table: pa.Table, message: str) -> None:
    with pytest.raises(NotEnoughHistory, match=message):
        read(table)


def test_columns_that_are_asked_for_must_be_there_once() -> None:
    with pytest.raises(BadTable, match=r"no column left. It has: usage, plan, Churn\."):
        read_table(customers(), label="left")
    with pytest.raises(BadTable, match="no column spend"):
        read(customers(), keep=["spend"])
    twice = customers().rename_columns(["plan", "plan", "Churn"])
    with pytest.raises(BadTable, match="More than one column is named plan"):
        read(twice)


def test_a_table_of_nothing_usable_says_why() -> None:
    table = customers().drop_columns(["usage"]).set_column(0, "plan", pa.array(["x"] * ROWS))
    with pytest.raises(BadTable, match="Left out plan: it has the same value in every row"):
        read(table)


def test_rows_to_score_are_read_as_those_learned_from() -> None:
    data = read(customers())
    other = pa.table(
        {
            "more": [1, 2, 3],
            "plan": ["PLUS", "never seen", None],
            "usage": pa.array([1.5, None, float("nan")]),
        }
    )
    expected = [[1.5, 2.0], [np.nan, OTHER], [np.nan, np.nan]]
    np.testing.assert_equal(read_rows(other, data.columns), expected)
    with pytest.raises(BadTable, match="lacks 1 of the columns learned from: usage"):
        read_rows(other.drop_columns(["usage"]), data.columns)


def test_a_table_without_labels_has_no_target() -> None:
    data = read_table(customers().drop_columns(["Churn"]), label=None)
    assert data.names == ("usage", "plan")
    assert data.churned is None
    with pytest.raises(BadTable, match="--label"):
        data.target  # noqa: B018 - reading it is what must fail
