"""Whole batches or nothing: crashes, clocks, zones, databases that aren't ready, two at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine

from api.db.bulk import bulk_connection
from api.db.engine import make_engine
from api.db.intake import BatchWriter
from api.errors import InvalidInput, NotReady
from api.intake import import_facts
from api.settings import Settings
from tests.intake.conftest import NOW, Bring, one, rows

PRODUCTS = [pa.table({"product_id": [str(n), str(n + 1)]}) for n in range(0, 6, 2)]


def crashing() -> Iterator[pa.Table]:
    yield from PRODUCTS[:2]
    raise KeyboardInterrupt


def test_a_crash_leaves_whole_batches_and_the_next_run_completes_them(
    bring: Bring, engine: Engine
) -> None:
    with pytest.raises(KeyboardInterrupt):
        bring("products", crashing(), batch_rows=2)
    added = rows(engine, "SELECT rows_added FROM import_batches ORDER BY id")
    stored = one(engine, "SELECT COUNT(*) FROM products")
    assert added == [(2,)] * len(added)
    assert stored == 2 * len(added) < 6
    report = bring("products", iter(PRODUCTS), batch_rows=2)
    assert (report.added, report.unchanged) == (6 - stored, stored)
    assert one(engine, "SELECT SUM(rows_added) FROM import_batches") == 6


def test_a_batch_that_fails_in_the_middle_leaves_nothing_of_itself(
    bring: Bring, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_writer: BatchWriter, _added: int, _changed: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(BatchWriter, "end", fail)
        with pytest.raises(KeyboardInterrupt):
            bring("order_lines", "order_id,customer_id,ordered_at,amount\nA,a,2017-01-01,1\n")
    for table in ("order_lines", "orders", "customers", "import_batches"):
        assert one(engine, f"SELECT COUNT(*) FROM {table}") == 0


def test_batches_become_visible_in_the_order_of_their_ids(
    bring: Bring, engine: Engine, database_url: str
) -> None:
    """The one that began later can't commit before the one that holds the lock."""
    with bulk_connection(database_url) as first, bulk_connection(database_url) as second:
        holder = BatchWriter(first, engine.dialect.name)
        holder.begin("products", "test", NOW)
        if engine.dialect.name == "sqlite":
            with second.cursor() as cursor:
                second.adbc_connection.set_autocommit(True)
                cursor.execute("PRAGMA busy_timeout = 50")
                second.adbc_connection.set_autocommit(False)
        else:
            with second.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")
        waiting = BatchWriter(second, engine.dialect.name)
        with pytest.raises(Exception, match=r"(?i)another import|lock timeout"):
            waiting.begin("products", "test", NOW)


def test_naive_times_are_the_business_s_own(bring: Bring, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE installation SET time_zone = 'Europe/Berlin'")
    report = bring(
        "order_lines",
        "order_id,customer_id,ordered_at,amount\nA,a,2017-07-01 00:30,1\n"
        "B,a,2017-03-26 02:30,1\nC,a,2018-01-01 13:00,1\nD,a,2018-01-01 13:00:01,1\n",
    )
    assert report.added == 2
    moments = rows(engine, "SELECT ordered_at FROM orders ORDER BY external_id")
    assert str(moments[0][0])[:16] == "2017-06-30 22:30"
    assert str(moments[1][0])[:16] == "2018-01-01 12:00"


def test_the_quarantine_goes_where_it_is_told_and_never_over_the_source(
    bring: Bring, tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "bad.csv"
    report = bring("products", "product_id\n\n \nok\n,\n", quarantine=target)
    assert report.quarantine_path == target
    source = tmp_path / "facts.csv"
    source.write_text("product_id\nx\n")
    with pytest.raises(InvalidInput, match="can't be the file that is imported"):
        bring("products", source, quarantine=source)
    assert source.read_text() == "product_id\nx\n"
    clean = bring("products", source, quarantine=tmp_path / "clean.csv")
    assert clean.quarantine_path is None
    assert not (tmp_path / "clean.csv").exists()


def test_unknown_kinds_and_columns_write_nothing(bring: Bring, engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="no kind 'potatoes'"):
        bring("potatoes", "a\n1\n")
    with pytest.raises(InvalidInput, match="no field of products"):
        bring("products", "product_id,colour\n1,red\n")
    with pytest.raises(InvalidInput, match="a cell must be one value"):
        bring("products", pa.table({"product_id": [[1]]}))
    assert one(engine, "SELECT COUNT(*) FROM products") == 0


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    url = f"sqlite:///{path}"
    with pytest.raises(NotReady, match="echelon db upgrade"):
        import_facts(
            make_engine(url),
            url,
            Settings(database_url=url, data_dir=tmp_path),
            kind="products",
            source=PRODUCTS[0],
            mapping={},
            quarantine=None,
            origin="test",
            clock=lambda: NOW,
        )
    assert not path.exists()


def test_progress_tells_rows_and_share(bring: Bring) -> None:
    told: list[tuple[str, float | None]] = []

    def note(step: str, share: float | None) -> None:
        told.append((step, share))

    bring("products", pa.concat_tables(PRODUCTS), batch_rows=3, progress=note)
    assert told == [("3 rows", 0.5), ("6 rows", 1.0)]


def test_chinese_files_of_both_encodings_are_one(bring: Bring, engine: Engine) -> None:
    text = "product_id,name\n1,酱油\n"
    assert bring("products", text.encode("gb18030")).added == 1
    assert bring("products", text.encode("utf-8-sig")).unchanged == 1
    assert rows(engine, "SELECT name FROM products") == [("酱油",)]
