"""Engines and connections: one URL in, the driver each caller needs out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from api.db.sqlite_turns import closed, opened, require_turn
from api.errors import InvalidInput

SYNC_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


def _with_driver(url: str, drivers: dict[str, str]) -> str:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidInput("ECHELON_DATABASE_URL is not a database URL.") from None
    dialect = parsed.get_backend_name()
    if dialect not in drivers:
        raise InvalidInput(
            f"ECHELON_DATABASE_URL names {dialect!r}; Echelon works with sqlite and postgresql."
        )
    if dialect == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InvalidInput(
            "ECHELON_DATABASE_URL names no file; write it like sqlite:////folder/echelon.db"
        )
    return parsed.set(drivername=drivers[dialect]).render_as_string(hide_password=False)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.close()


def make_engine(url: str) -> Engine:
    """A synchronous engine for commands; connections are opened on demand and not kept."""
    engine = create_engine(_with_driver(url, SYNC_DRIVERS), poolclass=NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        _take_turns(engine, str(engine.url.database))
    return engine


def _take_turns(engine: Engine, database: str) -> None:
    """Commands also open the file through ADBC; the web process never does."""
    event.listen(engine, "do_connect", lambda *_: require_turn(database, "python"))
    event.listen(engine, "connect", lambda *_: opened(database, "python"))
    event.listen(engine, "close", lambda *_: closed(database, "python"))


@dataclass(frozen=True)
class Patience:
    """How long a session of the web process waits for locks, and works on one statement."""

    lock_seconds: float = 5.0
    statement_seconds: float = 30.0

    @property
    def postgresql(self) -> dict[str, str]:
        """The web process breaks off a statement itself; these hold where it can't any more."""
        settings = {
            "lock_timeout": self.lock_seconds,
            "statement_timeout": self.statement_seconds + 5,
            "idle_in_transaction_session_timeout": self.statement_seconds + 60,
        }
        return {name: f"{seconds * 1000:.0f}ms" for name, seconds in settings.items()}


def make_async_engine(
    url: str, pool_size: int = 5, patience: Patience | None = None
) -> AsyncEngine:
    """The web process's engine."""
    patience = patience or Patience()
    driver = _with_driver(url, ASYNC_DRIVERS)
    sessions = {"server_settings": patience.postgresql} if driver.startswith("postgresql") else {}
    sqlite = driver.startswith("sqlite")
    engine = create_async_engine(
        driver,
        pool_size=pool_size,
        max_overflow=0,
        connect_args=sessions,
        pool_reset_on_return=None if sqlite else "rollback",
    )
    if sqlite:

        def prepare(connection: Any, record: object) -> None:
            _prepare_sqlite(connection, record)
            milliseconds = int(patience.lock_seconds * 1000)
            connection.cursor().execute(f"PRAGMA busy_timeout = {milliseconds}")

        event.listen(engine.sync_engine, "connect", prepare)
        event.listen(engine.sync_engine, "reset", _roll_back_what_is_open)
    return engine


def _roll_back_what_is_open(connection: Any, _record: object, _state: object) -> None:
    """A visit to the connection's thread is saved where there is nothing to roll back."""
    if connection.driver_connection.in_transaction:
        connection.rollback()
