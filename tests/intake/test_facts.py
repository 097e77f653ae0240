"""The fact store follows the database: appends what is new, is rebuilt after a correction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from api.db.fact_digest import digest
from api.db.facts import FactSync, sync_facts, verify_facts
from ml.contracts import AttributeField
from ml.facts import FactStore
from tests.intake.conftest import Bring

LOG = "order_id,customer_id,ordered_at,product_id,quantity,amount,cost\n"
JANUARY = LOG + "A,anna,2017-01-05 10:00:00.9999999,milk,2,3.98,\nB,bert,2017-01-06,ham,1,5,3.5\n"
FEBRUARY = LOG + "C,anna,2017-02-05,milk,-1,-1.99,\nD,anna,2017-02-06,,1,7,\n"
Sync = Callable[[], FactSync]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "facts"


@pytest.fixture
def sync(engine: Engine, database_url: str, store: Path) -> Sync:
    def run() -> FactSync:
        found = sync_facts(engine, database_url, store)
        assert verify_facts(engine, database_url, store) == []
        return found

    return run


def held(store: Path, table: str) -> list[dict[str, object]]:
    return [
        row for path in FactStore(store).paths(table) for row in pq.read_table(path).to_pylist()
    ]


def test_lines_carry_their_order_and_product(bring: Bring, sync: Sync, store: Path) -> None:
    bring("products", "product_id,department,brand\nmilk,DAIRY,\n")
    bring("order_lines", JANUARY)
    bring("order_lines", FEBRUARY)
    assert sync().appended["order_lines"] == 4
    by_order = {row["order_id"]: row for row in held(store, "order_lines")}
    milk, ham, returned, unknown = (by_order[order] for order in sorted(by_order))  # type: ignore[type-var]
    assert milk["ordered_at"] == 1483610400
    assert (milk["department"], milk["brand"], milk["quantity_milli"]) == ("DAIRY", None, 2000)
    assert (milk["amount_minor"], milk["discount_minor"], milk["cost_minor"]) == (398, 0, None)
    assert (ham["department"], ham["cost_minor"]) == (None, 350)
    assert (returned["quantity_milli"], returned["amount_minor"]) == (-1000, -199)
    assert unknown["product_id"] is None
    customers = {row["customer_id"]: row for row in held(store, "customers")}
    assert set(customers) == {row["customer_id"] for row in by_order.values()}
    assert {row["kind"] for row in customers.values()} == {"b2c"}


def test_new_facts_are_appended_and_nothing_new_changes_nothing(
    bring: Bring, sync: Sync, store: Path
) -> None:
    bring("order_lines", JANUARY)
    first = sync()
    assert first.rebuilt
    before = {path.name for path in FactStore(store).paths("order_lines")}
    assert sync() == FactSync({}, rebuilt=False, fingerprint=first.fingerprint)
    bring("order_lines", FEBRUARY)
    second = sync()
    assert (second.rebuilt, second.appended["order_lines"]) == (False, 2)
    assert second.fingerprint != first.fingerprint
    assert before < {path.name for path in FactStore(store).paths("order_lines")}


def test_a_correction_rebuilds(
    bring: Bring, sync: Sync, store: Path, engine: Engine, database_url: str
) -> None:
    bring("order_lines", JANUARY)
    sync()
    bring("order_lines", JANUARY.replace("3.98", "3.97"))
    differences = verify_facts(engine, database_url, store)
    assert differences[0] == "a fact was corrected since the store was written"
    assert "order_lines: 2 rows in the database, 2 in the store" in differences[1]
    corrected = sync()
    assert (corrected.rebuilt, corrected.appended["order_lines"]) == (True, 2)
    amounts = sorted(row["amount_minor"] for row in held(store, "order_lines"))  # type: ignore[type-var]
    assert amounts == [397, 500]


def test_a_lost_file_rebuilds(bring: Bring, sync: Sync, store: Path) -> None:
    bring("order_lines", JANUARY)
    sync()
    FactStore(store).paths("order_lines")[0].unlink()
    assert sync().rebuilt


def test_attributes_that_models_may_see(bring: Bring, sync: Sync, store: Path) -> None:
    header = "customer_id,known_at,attributes.size,attributes.vip,attributes.city,attributes.age,"
    header += "attributes.hobby,attributes.since\n"
    lines = [
        f"{n},2017-01-01,{n},{'yes' if n % 2 else 'no'},{'Bonn' if n % 2 else 'Aachen'},old,"
        f"hobby {n},2010-01-01\n"
        for n in range(13)
    ]
    bring("customers", header + "".join(lines))
    sync()
    assert FactStore(store).attribute_fields() == (
        AttributeField("city", "choice"),
        AttributeField("hobby", "choice"),
        AttributeField("size", "number"),
        AttributeField("vip", "boolean"),
    )
    facts = held(store, "attributes")
    assert "age" not in {row["name"] for row in facts}
    vip = next(row for row in facts if row["name"] == "vip")
    assert (vip["text_value"], vip["number_value"], vip["valid_from"]) == ("false", 0.0, 1483228800)


def test_contacts_and_feedback(bring: Bring, sync: Sync, store: Path) -> None:
    bring("customers", "customer_id,known_at\nanna,2017-01-01\n")
    header = "interaction_id,customer_id,occurred_at,channel,direction,kind,response_seconds\n"
    bring("interactions", header + "1,anna,2017-02-01,phone,inbound,call,\n")
    bring(
        "feedback",
        "feedback_id,customer_id,given_at,category,score\n1,anna,2017-02-01,price,0.5\n"
        "2,anna,2017-02-02,price,\n",
    )
    sync()
    (contact,) = held(store, "interactions")
    assert (contact["channel"], contact["direction"], contact["kind"]) == (
        "phone",
        "inbound",
        "call",
    )
    assert contact["response_seconds"] is None
    assert [row["score"] for row in held(store, "feedback")] == [0.5, None]


def test_an_empty_database_makes_an_empty_store(sync: Sync, store: Path) -> None:
    assert sync().rebuilt
    assert FactStore(store).manifest.base_currency == "USD"
    assert held(store, "customers") == []


def test_the_digest_sees_every_value_and_no_order() -> None:
    rows = pa.RecordBatch.from_pydict(
        {"a": [1, 2, 3], "b": ["x", None, "x"], "c": [0.5, None, -0.5]}
    )
    whole = digest([rows])
    assert digest([rows.slice(2), rows.slice(0, 2)]) == whole
    others = [
        {"a": [1, 2, 4], "b": ["x", None, "x"], "c": [0.5, None, -0.5]},
        {"a": [1, 2, 3], "b": ["x", "x", None], "c": [0.5, None, -0.5]},
        {"a": [2, 1, 3], "b": ["x", None, "x"], "c": [0.5, None, -0.5]},
        {"a": [1, 2, 3], "b": ["x", None, "x"], "c": [0.5, 0.0, -0.5]},
    ]
    assert all(digest([pa.RecordBatch.from_pydict(other)]) != whole for other in others)


def test_an_altered_file_is_written_anew(bring: Bring, sync: Sync, store: Path) -> None:
    bring("order_lines", JANUARY)
    sync()
    (path,) = FactStore(store).paths("order_lines")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    assert sync().rebuilt
    assert not sync().rebuilt


def test_a_store_of_an_older_format_is_written_anew(bring: Bring, sync: Sync, store: Path) -> None:
    bring("order_lines", JANUARY)
    sync()
    manifest = store / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format":2', '"format":1'))
    assert sync().rebuilt
    assert '"format":2' in manifest.read_text()
