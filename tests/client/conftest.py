"""The client's packages, a copy of its sources to build in, and a server to ask."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.app import create_app
from api.graphql.schema import SDL_PATH
from api.web.node import run_node
from tests.api.conftest import clock, seed, settings_for
from tests.client.install import FOLDER, PACKAGES, is_installed
from tests.live import Site, lacking, serving

BIN = "node_modules/.bin"
CUSTOMERS = 60


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources beside the installed packages, with what is generated from the schema."""
    if not is_installed():
        lacking("the client's packages are not installed: python -m tests.client.install")
    folder = tmp_path_factory.mktemp("client") / "client"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("node_modules", "*.py"))
    (folder / "node_modules").symlink_to(PACKAGES, target_is_directory=True)
    shutil.copyfile(SDL_PATH, folder / "schema.graphql")
    run(folder, f"{BIN}/graphql-codegen", "--config", "codegen.js")
    (folder / "relay" / "artifacts").mkdir()
    (folder / "queries.json").write_text("{}")
    run(folder, f"{BIN}/relay-compiler", "relay.config.json")
    return folder


def run(project: Path, program: str, *arguments: str) -> str:
    """Run a script of the project or of one of its packages; returns what it said."""
    return run_node([project / program, *arguments], project, "The TypeScript client")


@pytest.fixture
def site(engine: Engine, database_url: str) -> Iterator[Site]:
    """The application over a database of this test's own, to be changed."""
    keys = seed(engine, CUSTOMERS)
    with serving(create_app(settings_for(database_url), clock=clock)) as address:
        yield Site(address, keys)
