"""Measures of a few hand-made facts."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from ml.backends import connect
from ml.contracts import cutoff_of
from ml.facts import FactStore
from ml.sample import measures_at
from tests.ml.conftest import Rows, write_rows

EPOCH = dt.date(1970, 1, 1)
TODAY = dt.date(2024, 3, 31)


def day_number(day: dt.date) -> int:
    return (day - EPOCH).days


def end_of(day: dt.date, zone: str = "UTC") -> int:
    return cutoff_of(day, zone) - 1


def measure(folder: Path, rows: Rows, as_of: dt.date = TODAY, zone: str = "UTC") -> dict[str, Any]:
    """Measures of customer 1 at the end of a day; three customers are known since 2020."""
    people = [
        {"customer_id": n, "kind": "b2c", "known_at": end_of(dt.date(2020, 1, 1))}
        for n in (1, 2, 3)
    ]
    store = write_rows(folder, {"customers": people, **rows}, (), zone)
    with connect(1) as backend:
        backend.open(FactStore(store))
        found: dict[str, Any] = measures_at(backend, [cutoff_of(as_of, zone)]).to_pylist()[0]
    return found
