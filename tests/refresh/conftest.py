"""The business that refreshes are tried on."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.refresh.business import BUYERS, Business, open_business


@pytest.fixture
def business(engine: Engine, database_url: str, tmp_path: Path) -> Business:
    return open_business(engine, database_url, tmp_path / "facts", BUYERS)
