"""A write-ahead log must not vanish under a writer: SQLite's two copies take turns on a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from api.db.bulk import bulk_connection
from tests.intake.conftest import Bring


@pytest.fixture
def database_url(tmp_path: Path, sqlite_template: Path) -> str:
    path = tmp_path / "echelon.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def test_the_log_stays_while_an_import_writes_to_it(bring: Bring, database_url: str) -> None:
    log = Path(f"{make_url(database_url).database}-wal")
    seen: list[bool] = []
    report = bring(
        "products",
        "product_id\n" + "".join(f"P{number}\n" for number in range(6)),
        batch_rows=2,
        progress=lambda _step, _share: seen.append(log.exists()),
    )
    assert report.added == 6
    assert seen == [True, True, True]


def test_the_two_copies_of_sqlite_refuse_to_share_a_file(engine: Engine, database_url: str) -> None:
    with bulk_connection(database_url), pytest.raises(RuntimeError, match="is open through adbc"):
        engine.connect()
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        with (
            pytest.raises(RuntimeError, match="is open through python"),
            bulk_connection(database_url),
        ):
            pass
    with bulk_connection(database_url), bulk_connection(database_url):
        pass
    with engine.connect(), engine.connect():
        pass
