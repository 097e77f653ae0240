"""What calls itself text and is none never reaches a database."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from api.errors import InvalidInput
from tests.intake.conftest import Bring, reasons

NO_TEXT = [b"fine", b"\xff\xfe"]


@pytest.mark.parametrize(
    "column",
    [pa.array(NO_TEXT), pa.array(NO_TEXT, pa.large_binary()), pa.array(NO_TEXT).view("string")],
)
def test_bytes_that_are_no_utf8_are_refused(bring: Bring, tmp_path: Path, column: pa.Array) -> None:
    path = tmp_path / "bytes.parquet"
    pq.write_table(pa.table({"product_id": column}), path)
    with pytest.raises(InvalidInput, match="'product_id' holds bytes that are no UTF-8"):
        bring("products", path)


def test_nul_and_half_characters_are_set_aside(bring: Bring) -> None:
    lines = [
        r'{"customer_id": "a\u0000b", "known_at": "2017-01-01", "colour": "red"}',
        r'{"customer_id": "\ud83d", "known_at": "2017-01-01", "colour": "red"}',
        r'{"customer_id": "ok", "known_at": "2017-01-01", "colour": "re\u0000d"}',
        r'{"customer_id": "\ud83d\ude00", "known_at": "2017-01-01", "colour": "red"}',
    ]
    report = bring("customers", "\n".join(lines).encode(), mapping={"colour": "attributes.colour"})
    assert report.added == 1
    assert reasons(report) == [
        "customer_id: holds a NUL character",
        "the line holds half of a character (a lone surrogate)",
        "colour: is longer than 400 characters, or holds a NUL character",
    ]
