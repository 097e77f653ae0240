"""Workbooks: which sheet, which rows, which types, and what is wrong with those that are none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from api.errors import InvalidInput
from api.intake.readers import open_source
from tests.intake.sheets import write_workbook

NOON = dt.datetime(2024, 3, 1, 12, 0)
ROWS = [
    ["customer", "when", "day", "total", "vip", "note"],
    ["00012", NOON, dt.date(2024, 3, 1), 12.5, True, "a, b"],
    [None, None, None, None, None, None],
    ["A1", NOON, dt.date(2024, 3, 2), 7, False, 3],
]


def test_a_sheet_gives_typed_columns_and_rows_numbered_as_people_count_them(tmp_path: Path) -> None:
    source = open_source(write_workbook(tmp_path / "w", {"May": ROWS}))
    assert source.columns == ("customer", "when", "day", "total", "vip", "note")
    assert source.sheet == "May"
    (batch,) = source.batches
    assert list(batch.row_numbers) == [1, 3]
    assert batch.table.schema.types == [
        pa.string(), pa.timestamp("us"), pa.date32(), pa.float64(), pa.bool_(), pa.string(),
    ]  # fmt: skip
    assert batch.table.to_pylist() == [
        {"customer": "00012", "when": NOON, "day": dt.date(2024, 3, 1), "total": 12.5,
         "vip": True, "note": "a, b"},
        {"customer": "A1", "when": NOON, "day": dt.date(2024, 3, 2), "total": 7.0,
         "vip": False, "note": "3"},
    ]  # fmt: skip


def test_the_first_sheet_that_is_shown_is_read_and_any_by_its_name(tmp_path: Path) -> None:
    sheets = {"Hidden": [["a"], [1]], "Shown": [["a"], [2]], "Other": [["a"], [3]]}
    path = write_workbook(tmp_path / "w", sheets, hidden=["Hidden"])
    for name, expected in ((None, 2.0), ("Hidden", 1.0), ("Other", 3.0)):
        (batch,) = open_source(path, sheet=name).batches
        assert batch.table["a"].to_pylist() == [expected]


def test_days_and_moments_in_one_column_are_moments(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "w", {"s": [["t"], [dt.date(2024, 3, 1)], [NOON]]})
    (batch,) = open_source(path).batches
    assert batch.table["t"].to_pylist() == [dt.datetime(2024, 3, 1), NOON]


def test_a_nameless_column_gets_a_name_and_an_empty_one_goes(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "w", {"s": [["a", None, None], [1, None, 2]]})
    source = open_source(path)
    assert source.columns == ("a", "column 3")


def test_batches_are_bounded(tmp_path: Path) -> None:
    rows = [["a"], *([number] for number in range(10))]
    batches = list(open_source(write_workbook(tmp_path / "w", {"s": rows}), batch_rows=4).batches)
    assert [list(batch.row_numbers) for batch in batches] == [
        [1, 2, 3, 4], [5, 6, 7, 8], [9, 10],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "sheet", "complaint"),
    [
        ([], None, "is empty"),
        ([["a"], [1]], "June", "no sheet 'June'; its sheets are s"),
        ([["a", "a"], [1, 2]], None, "two columns 'a'"),
    ],
)
def test_what_a_workbook_lacks_is_named(
    tmp_path: Path, rows: list[list[str | int]], sheet: str | None, complaint: str
) -> None:
    path = write_workbook(tmp_path / "w", {"s": rows})
    with pytest.raises(InvalidInput, match=complaint):
        open_source(path, sheet=sheet)


def test_a_sheet_is_asked_of_workbooks_only(tmp_path: Path) -> None:
    path = tmp_path / "plain.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match="is no workbook"):
        open_source(path, sheet="s")
