"""Bring a database to this code's schema, and tell whether it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, inspect, select, text
from sqlalchemy.exc import DBAPIError

from api.db.failures import database_failure
from api.db.models import Installation
from api.domain.personal_data import PersonalDataCipher
from api.errors import NotReady
from api.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

ROOT = Path(__file__).resolve().parents[2]
LATEST_REVISION = "0017"
"""The schema of this code. Stated here, so that commands that only compare it need no Alembic,
whose import takes longer than most of them."""
_REVISION = text("SELECT version_num FROM alembic_version")


def _config() -> Config:
    from alembic.config import Config

    return Config(ROOT / "alembic.ini")


def current_revision(connection: Connection) -> str | None:
    """The schema that the database says it has; none where nothing was ever created."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(_REVISION)
    return found


def _known_revisions() -> set[str]:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return {script.revision for script in scripts}


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction for changes of the schema; what fails leaves the database as it was.

    SQLite alters a table by copying and dropping it. With foreign keys on, dropping would first
    delete its rows, and everything that hangs on them; so they are off until the end, and then
    looked at as a whole. Python's driver begins no transaction by itself before a change of the
    schema.
    """
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.commit()
        with connection.begin():
            if sqlite:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            if sqlite:
                _check_foreign_keys(connection)


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise RuntimeError(f"a migration left rows of {broken[0]} without those of {broken[2]}")


def upgrade(engine: Engine, settings: Settings, revision: str = "head") -> None:
    """Run the missing migrations and write the installation's row, all or nothing."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        # It will hold personal data, some of it (order histories, attributes) in the clear.
        Path(engine.url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(engine.url.database).touch(mode=0o600)
    from alembic import command

    config = _config()
    with _migrating(engine) as connection:
        config.attributes["connection"] = connection
        # Some migrations encrypt what earlier versions stored in the clear.
        config.attributes["cipher"] = lambda: PersonalDataCipher(settings.root_secret())
        command.upgrade(config, revision)
        if connection.execute(select(Installation.id)).first() is None:
            connection.execute(
                insert(Installation).values(
                    id=1,
                    base_currency=settings.base_currency,
                    time_zone=settings.time_zone,
                    churn_horizon_days=settings.churn_horizon_days,
                    clv_horizon_days=settings.clv_horizon_days,
                    score_validity_days=settings.score_validity_days,
                )
            )


def downgrade(engine: Engine, revision: str) -> None:
    from alembic import command

    config = _config()
    with _migrating(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def is_missing(engine: Engine) -> bool:
    """Whether there is no file; a server's database can only be asked."""
    return engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file()


def require_current(engine: Engine) -> None:
    """Refuse a database that is missing, empty, older or newer than this code.

    Raises:
        NotReady: says which of these it is, and the command that mends it.
    """
    if is_missing(engine):
        raise NotReady(
            f"There is no database at {engine.url.database}. Create it: echelon db upgrade"
        )
    try:
        with engine.connect() as connection:
            found = current_revision(connection)
    except DBAPIError as error:
        failure = database_failure(error, engine.url.render_as_string())
        raise (failure or error) from None
    if found == LATEST_REVISION:
        return
    if found is None or found in _known_revisions():
        raise NotReady(
            "The database is older than this version of Echelon. Run: echelon db upgrade"
        )
    raise NotReady("The database is newer than this version of Echelon. Install the newer version.")
