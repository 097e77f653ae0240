"""The running application over a seeded database, asked through its ASGI interface."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from sqlalchemy import Engine, event, make_url
from starlette.applications import Starlette

from api.app import create_app
from api.db.engine import make_engine
from api.db.keys import create_key
from api.settings import Settings
from tests.api.seed import Seeder
from tests.api.seed_facts import NOW
from tests.conftest import TEST_SECRET, administer
from tests.templates import fill

SIZE = 60
KEYS = {
    "admin": ["admin"],
    "frontend": ["customers:read"],
    "support": ["customers:read", "pii:read"],
    "partner": ["scores:read"],
    "developer": ["customers:read", "schema:read"],
    "monitor": ["metrics:read"],
    "auditor": ["audit:read"],
    "policies": ["policies:write"],
    "segments": ["segments:write"],
    "strategies": ["strategies:write"],
    "care": ["customers:read", "customers:write"],
    "sales": ["customers:read", "pii:read", "customers:write", "segments:write"],
    "desk": ["admin"],
}
KEY_OWNERS = {"sales": "east", "desk": "east"}
"""Keys that see the customers of one owner only, whatever else they may."""


def clock() -> dt.datetime:
    return NOW


def seed(engine: Engine, size: int = SIZE) -> dict[str, str]:
    """Fill a migrated, empty database; returns a key for each kind of caller."""

    def run() -> dict[str, str]:
        Seeder(engine, TEST_SECRET.encode(), size).run()
        return {
            name: create_key(engine, name, scopes, None, clock, owner=KEY_OWNERS.get(name))
            for name, scopes in KEYS.items()
        }

    return dict(fill(engine, f"seeded_{size}", run))


@dataclass(frozen=True)
class Seeded:
    """A database that tests only read, with the keys that open it."""

    url: str
    keys: dict[str, str]


@pytest.fixture(scope="session")
def seeded_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Seeded:
    path = tmp_path_factory.mktemp("seeded") / "echelon.db"
    shutil.copy(sqlite_template, path)
    url = f"sqlite:///{path}"
    return Seeded(url, seed(make_engine(url)))


@pytest.fixture(scope="session")
def seeded_postgres(postgres_url: str) -> Iterator[Seeded]:
    name = f"seeded_{uuid4().hex}"
    administer(postgres_url, f"CREATE DATABASE {name} TEMPLATE template_echelon")
    url = make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    yield Seeded(url, seed(make_engine(url)))
    administer(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def seeded(request: pytest.FixtureRequest) -> Seeded:
    fixture = "seeded_sqlite" if request.param == "sqlite" else "seeded_postgres"
    found: Seeded = request.getfixturevalue(fixture)
    return found


class Log:
    """Keeps what the application logs."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def _keep(self, _logger: object, level: str, entry: MutableMapping[str, Any]) -> str:
        self.lines.append({**entry, "level": level})
        return json.dumps(entry)

    @property
    def logger(self) -> Any:
        return structlog.wrap_logger(
            structlog.ReturnLogger(),
            processors=[structlog.contextvars.merge_contextvars, self._keep],
        )


@dataclass
class Api:
    """An application that runs, and a client that speaks for whoever holds `keys`."""

    app: Starlette
    client: httpx.AsyncClient
    keys: dict[str, str]
    log: Log

    async def send(self, query: str, key: str = "admin", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.keys[key]}"} | options.pop("headers", {})
        body = {"query": query, "variables": options.pop("variables", None)}
        return await self.client.post("/graphql", json=body, headers=headers)

    async def ask(self, query: str, key: str = "admin", **options: Any) -> Any:
        """The data of an answer without errors."""
        answer = (await self.send(query, key, **options)).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def codes(self, query: str, key: str = "admin", **options: Any) -> list[str]:
        """The codes of an answer's errors."""
        answer = (await self.send(query, key, **options)).json()
        return [error["extensions"]["code"] for error in answer["errors"]]

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[list[str]]:
        """Every statement the application sends meanwhile."""
        sent: list[str] = []
        engine = self.app.state.graphql.realms.live.engine.sync_engine

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            sent.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        yield sent
        event.remove(engine, "before_cursor_execute", note)


def reads(sent: list[str]) -> list[str]:
    """The statements that answer; keys are looked up again from time to time."""
    return [each for each in sent if each.startswith("SELECT") and "FROM api_keys" not in each]


@cache
def settings_for(url: str) -> Settings:
    """With a secret and a URL given, nothing is ever written to the data folder."""
    return Settings(database_url=url, data_dir=Path("unused"), secret_key=TEST_SECRET)


@asynccontextmanager
async def running(url: str, keys: dict[str, str], **options: Any) -> AsyncIterator[Api]:
    """The application over a database; `settings` differ from the usual ones in what is given."""
    log = Log()
    settings = settings_for(url).model_copy(update=options.pop("settings", {}))
    app = create_app(settings, **({"clock": clock, "logger": log.logger} | options))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://echelon") as client,
    ):
        yield Api(app, client, keys, log)


@pytest.fixture
async def api(seeded: Seeded) -> AsyncIterator[Api]:
    """The application over the database that tests only read."""
    async with running(seeded.url, seeded.keys) as api:
        yield api


@pytest.fixture
async def own_api(engine: Engine, database_url: str) -> AsyncIterator[Api]:
    """The application over a database of this test's own, to be changed."""
    async with running(database_url, seed(engine, 30)) as api:
        yield api
