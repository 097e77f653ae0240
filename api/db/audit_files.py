"""Where reads of personal data are recorded.

On PostgreSQL beside the changes. On SQLite in a file of their own: a refresh writes to the database
for seconds or minutes, and meanwhile nobody else can.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.db.engine import make_async_engine, make_engine
from api.db.models import AuditEntry
from api.errors import NotReady

TRIGGERS = (
    """CREATE TRIGGER IF NOT EXISTS audit_entries_keep BEFORE UPDATE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never changed'); END""",
    """CREATE TRIGGER IF NOT EXISTS audit_entries_stay BEFORE DELETE ON audit_entries
    BEGIN SELECT RAISE(ABORT, 'audit entries are never removed'); END""",
    """CREATE TRIGGER IF NOT EXISTS audit_entries_once BEFORE INSERT ON audit_entries
    WHEN EXISTS (SELECT 1 FROM audit_entries WHERE stream = NEW.stream AND number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'audit entries are never replaced'); END""",
)


def reads_url(url: str) -> str:
    """The database that reads are recorded in: `echelon.audit.db` beside `echelon.db`."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return url
    path = Path(parsed.database)
    beside = path.with_name(f"{path.stem}.audit.db")
    return parsed.set(database=str(beside)).render_as_string(hide_password=False)


def open_reads(url: str) -> Engine:
    """An engine for that database, which is made if it isn't there.

    Raises:
        NotReady: the file can't be made.
    """
    place = reads_url(url)
    engine = make_engine(place)
    if place == url:
        return engine
    path = Path(engine.url.database or "")
    try:
        path.touch(mode=0o600)
        with engine.begin() as connection:
            # So that two processes that start at once don't both make it.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            AuditEntry.__table__.create(connection, checkfirst=True)  # type: ignore[attr-defined]
            for trigger in TRIGGERS:
                connection.exec_driver_sql(trigger)
    except (OSError, SQLAlchemyError) as error:
        raise NotReady(
            f"{path}, where reads of personal data are recorded, can't be written "
            f"({type(error).__name__}). Let the server write to that folder."
        ) from None
    return engine


def make_read_log_engine(url: str) -> AsyncEngine:
    """One connection, of the read log alone; what is committed survives a power cut."""
    engine = make_async_engine(reads_url(url), 1)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _sync_each_commit)
    return engine


def _sync_each_commit(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
