"""The fact store becomes true at one moment, and stays readable whatever happens before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.contracts import CUSTOMERS, AttributeField
from ml.errors import BadFacts, NoFacts
from ml.facts import MANIFEST, FactStore, FactStoreWriter, Manifest, arrow_schema


def writer(path: Path, keep: Manifest | None = None, watermark: int = 1) -> FactStoreWriter:
    return FactStoreWriter(
        path,
        epoch=7,
        watermark=watermark,
        base_currency="JPY",
        currency_exponent=0,
        time_zone="Asia/Tokyo",
        attributes=[AttributeField("size", "choice", ("S", "L"))],
        keep=keep,
    )


def customers(*ids: int) -> pa.RecordBatch:
    rows = [{"customer_id": number, "kind": "B2C", "known_at": 5} for number in ids]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(CUSTOMERS.columns))


def ids_in(path: Path) -> list[int]:
    found = [
        pq.read_table(file)["customer_id"].to_pylist()
        for file in FactStore(path).paths("customers")
    ]
    return sorted(number for numbers in found for number in numbers)


def test_what_was_committed_is_read_back(tmp_path: Path) -> None:
    first = writer(tmp_path)
    assert first.append(CUSTOMERS, [customers(1, 2)]) == 2
    committed = first.commit()

    store = FactStore(tmp_path)
    assert store.manifest == committed
    assert (committed.epoch, committed.base_currency, committed.currency_exponent) == (7, "JPY", 0)
    assert store.attribute_fields() == (AttributeField("size", "choice", ("S", "L")),)
    assert ids_in(tmp_path) == [1, 2]
    assert store.paths("feedback") == []


def test_an_append_keeps_the_old_files_and_a_rebuild_deletes_them(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append(CUSTOMERS, [customers(1)])
    kept = first.commit()
    second = writer(tmp_path, keep=kept, watermark=2)
    second.append(CUSTOMERS, [customers(2)])
    second.commit()
    assert ids_in(tmp_path) == [1, 2]

    third = writer(tmp_path)
    third.append(CUSTOMERS, [customers(3)])
    third.commit()
    assert ids_in(tmp_path) == [3]
    assert len(list((tmp_path / "customers").iterdir())) == 1


def test_a_crash_before_the_commit_leaves_the_old_store(tmp_path: Path) -> None:
    first = writer(tmp_path)
    first.append(CUSTOMERS, [customers(1)])
    first.commit()

    def dying() -> Iterator[pa.RecordBatch]:
        yield customers(2)
        raise KeyboardInterrupt

    second = writer(tmp_path)
    second.append(CUSTOMERS, [customers(9)])
    with pytest.raises(KeyboardInterrupt):
        second.append(CUSTOMERS, dying())
    (tmp_path / f".{MANIFEST}.half").write_text('{"format":')
    assert ids_in(tmp_path) == [1]

    third = writer(tmp_path, keep=FactStore(tmp_path).manifest)
    third.commit()
    assert ids_in(tmp_path) == [1]
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [MANIFEST]


def test_the_fingerprint_is_of_the_content_not_of_the_file_names(tmp_path: Path) -> None:
    prints = []
    for folder, numbers in (("a", (1, 2)), ("b", (1, 2)), ("c", (1, 3))):
        written = writer(tmp_path / folder)
        written.append(CUSTOMERS, [customers(*numbers)])
        written.commit()
        prints.append(FactStore(tmp_path / folder).fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_other_columns_than_the_contract_are_refused(tmp_path: Path) -> None:
    wrong = pa.RecordBatch.from_pylist([{"customer_id": 1, "known_at": 5}])
    with pytest.raises(BadFacts, match="kind string"):
        writer(tmp_path).append(CUSTOMERS, [wrong])
    empty_key = pa.RecordBatch.from_pylist(
        [{"customer_id": None, "kind": "B2C", "known_at": 5}],
        schema=arrow_schema(CUSTOMERS.columns),
    )
    with pytest.raises(BadFacts, match="customer_id must not be empty"):
        writer(tmp_path).append(CUSTOMERS, [empty_key])
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_missing_or_garbled_manifest_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoFacts, match="import facts"):
        _ = FactStore(tmp_path).manifest
    for text in ("{", "[]", json.dumps({"format": 1}), json.dumps({"format": 2})):
        (tmp_path / MANIFEST).write_text(text)
        with pytest.raises(BadFacts, match="rebuild"):
            _ = FactStore(tmp_path).manifest
