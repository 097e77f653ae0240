"""Databases that a test process fills once, and copies wherever a test wants the same again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, func, select

from api.db.models import Customer
from tests.conftest import administer

Keys = dict[str, str]
_filled: dict[tuple[str, int], tuple[Any, Keys]] = {}
"""By kind of database and number of customers: a copy, and the keys that open it."""


def fill(engine: Engine, size: int, seed: Callable[[], Keys]) -> Keys:
    """Have a database that is migrated and empty filled by `seed`, or by a copy of what it made.

    The copy takes the place of the database: what was put there before is gone.
    """
    with engine.connect() as connection:
        assert not connection.scalar(select(func.count()).select_from(Customer))
    kind = engine.dialect.name
    keep, give = (_keep_file, _give_file) if kind == "sqlite" else (_keep_server, _give_server)
    if (kind, size) not in _filled:
        keys = seed()
        _filled[kind, size] = keep(engine, size), keys
    else:
        copy, keys = _filled[kind, size]
        give(engine, copy)
    return dict(keys)


def _keep_file(engine: Engine, _size: int) -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with engine.connect() as connection:
        connection.connection.driver_connection.backup(memory)  # type: ignore[union-attr] # sqlite3's
    return memory


def _give_file(engine: Engine, memory: sqlite3.Connection) -> None:
    with engine.connect() as connection:
        memory.backup(connection.connection.driver_connection)  # type: ignore[arg-type] # sqlite3's


def _keep_server(engine: Engine, size: int) -> str:
    name = f"template_seeded_{size}"
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
