"""An export as an order to whatever process makes it, and what that knows before the first row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """What to export; everything a worker needs to know, and nothing that it has to look up.

    `read` and `known` are where the reader is, both -1 for one who holds nothing.
    `parts` is the folder of kept parts, where the whole feed is to be answered from them.
    """

    format: str
    listing: str
    rows_sql: str
    count_sql: str
    read: int
    known: int
    exponent: int
    coding: str = ""
    head: bool = False
    parts: str = ""

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Found:
    """What is known before the first row."""

    rows: int
    last: int
    model_version: str
    as_of: str
