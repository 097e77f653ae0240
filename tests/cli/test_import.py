"""`echelon import` says what became of each row, and what a file may hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.db.intake import BatchWriter
from tests.cli.conftest import Echelon


@pytest.fixture
def products(echelon: Echelon, tmp_path: Path) -> Path:
    """A file of products; write what it holds."""
    assert echelon("db", "upgrade").code == 0
    return tmp_path / "[red] products.csv"


def test_the_first_reasons_are_told_at_once(echelon: Echelon, products: Path) -> None:
    products.write_text("product_id,name\nA,Nut\n,Bolt\nB,Pin,Iron\n")
    answer = echelon("import", "products", str(products))
    assert answer.code == 0
    assert "1 added" in answer.out
    assert "row 2: product_id: is empty" in answer.out
    assert "row 3: the row has 3 values" in answer.out
    assert products.name in answer.err
    told = json.loads(echelon("import", "products", str(products), "--json").out)
    assert (told["unchanged"], told["rejected"]) == (1, 2)
    assert told["firstReasons"][0] == {
        "row": 2,
        "reason": "product_id: is empty; every row needs one",
    }
    assert Path(told["quarantine"]).is_file()


def test_a_file_without_one_row_of_use_is_a_failure(echelon: Echelon, products: Path) -> None:
    products.write_text("product_id,name\n,Nut\n,Bolt\n")
    assert echelon("import", "products", str(products)).code == 1
    products.write_text("product_id,name\n")
    assert echelon("import", "products", str(products)).code == 0


def test_an_encoding_other_than_utf8_is_told_and_can_be_named(
    echelon: Echelon, products: Path
) -> None:
    products.write_bytes("product_id,name\nA,豆腐\n".encode("gb18030"))
    assert "Read as gb18030" in echelon("import", "products", str(products)).out
    products.write_bytes("product_id,name\nA,Größe\nB,über\n".encode("latin-1"))
    assert "neither UTF-8 nor GB18030" in echelon("import", "products", str(products)).err
    answer = echelon("import", "products", str(products), "--encoding", "latin-1")
    assert (answer.code, "1 added, 1 changed" in answer.out) == (0, True)


def test_without_a_file_the_columns_are_listed(echelon: Echelon) -> None:
    answer = echelon("import", "order_lines")
    assert answer.code == 0
    assert "order_id" in answer.out
    assert "required" in answer.out
    fields = json.loads(echelon("import", "interactions", "--json").out)["fields"]
    assert next(field for field in fields if field["name"] == "direction")["allowed"] == [
        "inbound",
        "outbound",
    ]
    assert "exchange_rates" in echelon("import", "wishes").err


def test_a_quarantine_that_can_not_be_written_stores_nothing(
    echelon: Echelon, products: Path, tmp_path: Path
) -> None:
    products.write_text("product_id,name\nA,Nut\n,Bolt\n")
    failed = echelon("import", "products", str(products), "--quarantine", str(tmp_path))
    assert failed.code == 1
    assert str(tmp_path) in failed.err
    assert "1 added" in echelon("import", "products", str(products)).out


@pytest.mark.parametrize("hidden", [False, True])
def test_ctrl_c_keeps_whole_batches_and_says_how_to_go_on(
    echelon: Echelon, products: Path, monkeypatch: pytest.MonkeyPatch, hidden: bool
) -> None:
    """A driver that can't cancel puts its own complaint in front of the interruption."""

    def interrupt(*_: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            if hidden:
                raise RuntimeError("can't cancel")  # noqa: B904 - as Cython does
            raise

    products.write_text("product_id,name\nA,Nut\n")
    with monkeypatch.context() as patch:
        patch.setattr(BatchWriter, "end", interrupt)
        stopped = echelon("import", "products", str(products))
    assert stopped.code == 130
    assert "import the file again" in stopped.err
    assert "1 added" in echelon("import", "products", str(products)).out
