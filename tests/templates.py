"""Databases that a test process fills once, and copies wherever a test wants the same again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Engine, func, select

from api.db.models import Customer
from tests.conftest import administer

Made = TypeVar("Made")
_filled: dict[tuple[str, str], tuple[Any, Any]] = {}
"""By kind of database and what is in it: a copy, and what `seed` returned."""


def fill(engine: Engine, content: str, seed: Callable[[], Made]) -> Made:
    """Have a database that is migrated and empty filled by `seed`, or by a copy of what it made.

    The copy takes the place of the database: what was put there before is gone.
    """
    with engine.connect() as connection:
        assert not connection.scalar(select(func.count()).select_from(Customer))
    kind = engine.dialect.name
    keep, give = (_keep_file, _give_file) if kind == "sqlite" else (_keep_server, _give_server)
    made: Made
    if (kind, content) not in _filled:
        made = seed()
        _filled[kind, content] = keep(engine, content), made
    else:
        copy, made = _filled[kind, content]
        give(engine, copy)
    return made


def _keep_file(engine: Engine, _content: str) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with engine.connect() as connection:
        connection.connection.driver_connection.backup(memory)  # type: ignore[union-attr] # sqlite3's
    return memory


def _give_file(engine: Engine, memory: sqlite3.Connection) -> None:
    with engine.connect() as connection:
        memory.backup(connection.connection.driver_connection)  # type: ignore[arg-type] # sqlite3's


def _keep_server(engine: Engine, content: str) -> str:
    name = f"template_{content}"
    engine.dispose()
    administer(_server(engine), f"CREATE DATABASE {name} TEMPLATE {engine.url.database}")
    return name


def _give_server(engine: Engine, template: str) -> None:
    engine.dispose()
    name = engine.url.database
    administer(
        _server(engine), f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {template}"
    )


def _server(engine: Engine) -> str:
    return engine.url.set(database="postgres").render_as_string(hide_password=False)
