"""Databases as such: whether one is there, and making it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError, ProgrammingError

from api.db.engine import make_engine
from api.db.failures import database_failure
from api.db.schema import current_revision
from api.errors import NotReady

MAINTENANCE = "postgres"
"""The database that every server of PostgreSQL has, to speak to it of others."""


def has_schema(engine: Engine) -> bool:
    """Whether there is a database with a schema of ours, of any version."""
    if engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file():
        return False
    try:
        with engine.connect() as connection:
            return current_revision(connection) is not None
    except DBAPIError:
        return False


def create_database(url: str) -> None:
    """Create a database on its server, if it is not there; SQLite's files need nothing.

    Raises:
        NotReady: the server can't be reached, or this user may not create databases.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return
    try:
        with make_engine(url).connect():
            return
    except DBAPIError as error:
        if "does not exist" not in str(error.orig):
            raise (database_failure(error, url) or error) from None
    beside = parsed.set(database=MAINTENANCE).render_as_string(hide_password=False)
    engine = make_engine(beside)
    name = engine.dialect.identifier_preparer.quote(str(parsed.database))
    try:
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except ProgrammingError:
        raise NotReady(
            f"This user may not create the database {parsed.database}. Create it with createdb, "
            "or name another in ECHELON_TEST_DATABASE_URL."
        ) from None
    except DBAPIError as error:
        raise (database_failure(error, beside) or error) from None
