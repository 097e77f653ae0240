"""What can be read and what can't: forms, encodings, separators, things that are no table."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.errors import InvalidInput
from api.intake.readers import open_source

CHINESE = "product_id,name,department\n1,酱油,调味品\n2,豆腐,豆制品\n"


def read(path: Path, **options: object) -> list[dict[str, object]]:
    source = open_source(path, **options)  # type: ignore[arg-type]
    return [row for batch in source.batches for row in batch.table.to_pylist()]


def write(folder: Path, content: bytes | str, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_are_recognised(tmp_path: Path, encoding: str) -> None:
    found = read(write(tmp_path, CHINESE.encode(encoding)))
    assert found[0] == {"product_id": "1", "name": "酱油", "department": "调味品"}


def test_chinese_text_far_from_the_start_is_recognised(tmp_path: Path) -> None:
    plain = "product_id,name\n" + "1,soap\n" * 400_000
    assert read(write(tmp_path, (plain + "2,豆腐\n").encode("gb18030")))[-1]["name"] == "豆腐"


def test_western_letters_are_not_taken_for_chinese(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name\n1,Zoé Müller\n2,Françoise\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match="neither UTF-8 nor GB18030"):
        read(path)
    assert read(path, encoding="latin-1")[0]["name"] == "Zoé Müller"


def test_two_accents_in_a_row_are_not_taken_for_chinese_either(tmp_path: Path) -> None:
    path = write(tmp_path, "id,name\n1,Größe\n2,über\n".encode("latin-1"))
    with pytest.raises(InvalidInput, match="neither UTF-8 nor GB18030"):
        read(path)


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no encoding 'klingon'"):
        read(write(tmp_path, "a\n1\n"), encoding="klingon")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_recognised_outside_of_quotes(tmp_path: Path, separator: str) -> None:
    text = f'a{separator}"b,;|\tc"\n"x,y"{separator}"two\nlines"\n'
    assert read(write(tmp_path, text)) == [{"a": "x,y", "b,;|\tc": "two\nlines"}]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_columns_set_with_blanks_are_read(tmp_path: Path, ending: str) -> None:
    lines = [" id  when amount ", "00001 19970101\t  11.77", " 00002  19970112  5.00  ", ""]
    found = read(write(tmp_path, ending.join(lines)))
    assert found == [
        {"id": "00001", "when": "19970101", "amount": "11.77"},
        {"id": "00002", "when": "19970112", "amount": "5.00"},
    ]


def test_many_lines_set_with_blanks_lose_nothing(tmp_path: Path) -> None:
    rows = "".join(f"  {number}   x\n" for number in range(700_000))
    found = read(write(tmp_path, "a b\n" + rows))
    assert [row["a"] for row in found] == [str(number) for number in range(700_000)]


def test_a_column_of_words_is_one_column(tmp_path: Path) -> None:
    assert read(write(tmp_path, "full name\nJane\nJohn Q Smith\n"))[1] == {
        "full name": "John Q Smith"
    }


def test_gzip_parquet_json_lines_and_arrow_give_the_same(tmp_path: Path) -> None:
    table = pa.table({"a": ["1", "2"], "b": ["x", None]})
    pq.write_table(table, tmp_path / "p")
    lines = '\ufeff{"a": 1, "b": "x"}\n\n{"a": 2, "b": null}\n'
    expected = table.to_pylist()
    assert read(tmp_path / "p") == expected
    assert read(write(tmp_path, lines, "j")) == expected
    assert read(write(tmp_path, gzip.compress(lines.encode(), mtime=0), "z")) == expected
    assert read(write(tmp_path, gzip.compress(b"a,b\n1,x\n", mtime=0), "c")) == expected[:1]
    arrow = open_source(iter(table.to_batches()))
    assert [row for batch in arrow.batches for row in batch.table.to_pylist()] == expected


def test_json_numbers_keep_every_digit_and_objects_are_flattened(tmp_path: Path) -> None:
    line = {"a": Decimal("12345678901234.57"), "attributes": {"size": 3, "vip": True}}
    text = json.dumps(line, default=str).replace('"12345678901234.57"', "12345678901234.57")
    assert read(write(tmp_path, text)) == [
        {"a": "12345678901234.57", "attributes.size": "3", "attributes.vip": "true"}
    ]


def test_batches_are_bounded_and_rows_numbered_as_in_the_file(tmp_path: Path) -> None:
    text = "a,b\n" + "1,2\n" * 5 + "3\n" + "1,2\n" * 3 + "4,5,6\n" + "7,8\n"
    batches = list(open_source(write(tmp_path, text), batch_rows=4).batches)
    assert [len(batch.row_numbers) for batch in batches] == [4, 4, 1]
    numbers = [int(number) for batch in batches for number in batch.row_numbers]
    assert numbers == [1, 2, 3, 4, 5, 7, 8, 9, 11]
    bad = [(row.row_number, row.reason) for batch in batches for row in batch.malformed]
    assert bad == [
        (6, "the row has 1 values, the header 2"),
        (10, "the row has 3 values, the header 2"),
    ]


def test_broken_json_lines_are_set_aside(tmp_path: Path) -> None:
    text = '{"a": 1}\n{"a": \n[1]\n{"a": [2]}\n{"a": 3, "b": 4}\n{"a": 5}\n'
    batches = list(open_source(write(tmp_path, '{"b": 0}\n' + text), batch_rows=3).batches)
    numbers = [int(number) for batch in batches for number in batch.row_numbers]
    assert numbers == [1, 2, 6, 7]
    assert [row.row_number for batch in batches for row in batch.malformed] == [3, 4, 5]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"  \n\n", "is empty"),
        (b"\x00\x01\x02binary", "binary data"),
        (b"<!doctype html><html></html>", "web page"),
        (b"PK\x03\x04....", "damaged workbook or a zip"),
        (b"\xd0\xcf\x11\xe0 nothing more", "damaged workbook"),
        (gzip.compress(b"PK\x03\x04....", mtime=0), "packed workbook or archive"),
        (b"%PDF-1.7", "a PDF"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
        (b'[{"a": 1}]', "one object a line"),
        (b"\x1f\x8bnot really", "damaged gzip"),
        (gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-20], "damaged"),
        (b"PAR1 nothing more", "damaged Parquet"),
        (b"{broken\n", "no JSON object"),
        (b"a,a\n1,2\n", "two columns 'a'"),
    ],
)
def test_things_that_are_no_table_are_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read(write(tmp_path, content))


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no file"):
        read(tmp_path / "nothing.csv")
    with pytest.raises(InvalidInput, match="is a folder"):
        read(tmp_path)


def test_no_columns_at_all(tmp_path: Path) -> None:
    pq.write_table(pa.table({}), tmp_path / "p")
    with pytest.raises(InvalidInput, match="no columns"):
        read(tmp_path / "p")
    with pytest.raises(InvalidInput, match="no columns"):
        open_source(iter([]))


def test_an_open_quote_is_explained(tmp_path: Path) -> None:
    text = 'a,b\n1,"never closed\n' + "x,y\n" * 3_000_000
    with pytest.raises(InvalidInput, match="a quote left open"):
        read(write(tmp_path, text))
