"""The migrations build exactly what the models say, and can be taken back."""

from __future__ import annotations

import datetime as dt

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Engine, MetaData, delete, func, insert, inspect, select

from api.db.models import Base
from api.db.schema import LATEST_REVISION, ROOT, current_revision, downgrade, upgrade
from api.settings import Settings

FIRST_WITH_ROWS = "0003"
"""The oldest schema that installations with data may have."""
DAY = dt.date(2026, 3, 31)
NOW = dt.datetime(2026, 3, 31, tzinfo=dt.UTC)
EMPTY = {
    str: "",
    int: 0,
    float: 0.0,
    bool: False,
    dict: {},
    list: [],
    dt.date: DAY,
    dt.datetime: NOW,
}


def test_models_equal_migrations(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_downgrade_removes_everything_and_upgrade_restores_it(
    engine: Engine, settings: Settings
) -> None:
    downgrade(engine, "base")
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    upgrade(engine, settings)
    assert set(Base.metadata.tables) < set(inspect(engine).get_table_names())


def test_an_upgrade_keeps_every_row_and_what_hangs_on_it(
    engine: Engine, settings: Settings
) -> None:
    downgrade(engine, FIRST_WITH_ROWS)
    before = MetaData()
    before.reflect(engine)
    filled = {
        "import_batches": {"id": 1, "kind": "customers", "source": "test", "arrived_at": NOW}
        | {"status": "done", "rows_added": 1, "rows_changed": 0},
        "customers": {"id": 1, "external_id": "1", "kind": "b2c", "known_at": NOW}
        | {"batch_id": 1},
        "tier_policy_versions": {"id": 1, "key": "own", "version": 1, "document": {}}
        | {"sha256": "0", "created_at": NOW, "active": True},
        "model_versions": {"id": 1, "name": "churn", "status": "champion"},
    }
    with engine.begin() as connection:
        for name, values in filled.items():
            table = before.tables[name]
            known = {key: each for key, each in values.items() if key in table.c}
            needed = {
                column.name: {} if isinstance(column.type, JSON) else EMPTY[column.type.python_type]
                for column in table.c
                if not column.nullable and column.name not in known
            }
            connection.execute(insert(table).values(needed | known))
        run = {"id": 1, "as_of": DAY, "published_at": NOW, "fingerprint": "0"}
        run |= {"churn_model_id": 1, "clv_model_id": 1, "policy_version_id": 1, "counts": {}}
        connection.execute(insert(before.tables["refresh_runs"]).values(run))
        stay = {"customer_id": 1, "tier_key": "gold", "since": DAY, "policy_version_id": 1}
        stay |= {"run_id": 1, "reasons": [], "inputs": {}}
        connection.execute(insert(before.tables["tier_assignments"]).values(stay))
    upgrade(engine, settings)
    with engine.connect() as connection:
        for name in (*filled, "refresh_runs", "tier_assignments"):
            count = select(func.count()).select_from(Base.metadata.tables[name])
            assert connection.scalar(count) == 1, name


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    downgrade(engine, FIRST_WITH_ROWS)
    tables = set(inspect(engine).get_table_names())

    def fail(*_: object) -> None:
        raise RuntimeError("no room left")

    monkeypatch.setattr("api.db.schema.insert", fail)
    with engine.begin() as connection:
        connection.execute(delete(Base.metadata.tables["installation"]))
    with pytest.raises(RuntimeError, match="no room left"):
        upgrade(engine, settings)
    assert set(inspect(engine).get_table_names()) == tables
    with engine.connect() as connection:
        assert current_revision(connection) == FIRST_WITH_ROWS


def test_the_stated_schema_is_the_last_migration(engine: Engine) -> None:
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    assert scripts.get_current_head() == LATEST_REVISION
    with engine.connect() as connection:
        assert current_revision(connection) == LATEST_REVISION
        connection.exec_driver_sql("DROP TABLE alembic_version")
        assert current_revision(connection) is None
