"""The business that refreshes are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.refresh.business import BUYERS, Business, put_in
from tests.templates import fill


@pytest.fixture
def business(engine: Engine, database_url: str, tmp_path: Path) -> Business:
    fill(engine, "buyers", lambda: put_in(engine, BUYERS))
    return Business(engine, database_url, tmp_path / "facts", dict(BUYERS))
