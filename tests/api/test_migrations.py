"""The migrations build exactly what the models say, and can be taken back."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from api.db.models import Base
from api.db.schema import downgrade, upgrade
from api.settings import Settings


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
