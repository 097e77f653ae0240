"""Bringing small tables in, as files or as Arrow data, under a clock that stands still."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from api.intake import ImportReport, import_facts
from api.settings import Settings

NOW = dt.datetime(2018, 1, 1, 12, tzinfo=dt.UTC)


class Bring(Protocol):
    def __call__(
        self,
        kind: str,
        source: str | bytes | Path | pa.Table | list[Any],
        mapping: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ImportReport: ...


@pytest.fixture
def bring(engine: Engine, database_url: str, settings: Settings, tmp_path: Path) -> Bring:
    """Import text (as a CSV file), bytes (as a file), a path or Arrow data."""

    def run(
        kind: str,
        source: str | bytes | Path | pa.Table | list[Any],
        mapping: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ImportReport:
        if isinstance(source, str | bytes):
            path = tmp_path / "source.csv"
            path.write_bytes(source.encode() if isinstance(source, str) else source)
            source = path
        return import_facts(
            engine,
            database_url,
            settings,
            kind=kind,
            source=source,
            mapping=mapping or {},
            origin="test",
            clock=lambda: NOW,
            **{"quarantine": None, **options},
        )

    return run


@pytest.fixture
def customers(bring: Bring) -> Callable[..., None]:
    """Make customers known since 2017-01-01."""

    def make(*external_ids: str) -> None:
        rows = "".join(f"{name},2017-01-01\n" for name in external_ids)
        assert bring("customers", "customer_id,known_at\n" + rows).added == len(external_ids)

    return make


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def one(engine: Engine, sql: str) -> Any:
    return rows(engine, sql)[0][0]


def epoch(engine: Engine) -> int:
    return int(one(engine, "SELECT facts_epoch FROM installation"))


def set_aside(report: ImportReport) -> list[dict[str, str]]:
    """The rows of an import's quarantine file."""
    if report.quarantine_path is None:
        return []
    with report.quarantine_path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def reasons(report: ImportReport) -> list[str]:
    return [row["reason"] for row in set_aside(report)]
