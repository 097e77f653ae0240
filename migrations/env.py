"""Alembic's entry: `echelon db upgrade` hands a connection over, `alembic` reads settings."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from api.db.engine import make_engine
from api.db.models import Base
from api.db.models.base import UtcDateTime
from api.settings import load_settings


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Migrations must outlive the models, so they name SQLAlchemy's types and not ours."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    with make_engine(load_settings().resolved_database_url).connect() as own_connection:
        run(own_connection)
        own_connection.commit()
