"""A live server over the database that tests only read, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as of_hypothesis

from api.app import create_app
from tests.api.conftest import Log, Seeded, clock, seeded_sqlite, settings_for
from tests.live import Site, serving, unhurried

__all__ = ["seeded_sqlite"]
SAME_EACH_TIME = of_hypothesis(
    max_examples=150,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""A gate finds the same each time; what is new is looked for by `python -m bench.fuzz`."""


@pytest.fixture(scope="module")
def site(seeded_sqlite: Seeded) -> Iterator[Site]:
    """Over SQLite: what is made up here hardly gets as far as a database."""
    settings = unhurried(settings_for(seeded_sqlite.url))
    with serving(create_app(settings, clock=clock, logger=Log().logger)) as address:
        yield Site(address, seeded_sqlite.keys)


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {site.keys['admin']}"}
    with httpx.Client(base_url=site.address, headers=headers, timeout=20) as client:
        yield client
