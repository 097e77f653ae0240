"""Rows as a source has them, in batches of bounded size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

BATCH_ROWS = 200_000


@dataclass(frozen=True)
class Malformed:
    """A row that is no row: too many or too few values, broken JSON."""

    row_number: int
    reason: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class RawBatch:
    table: pa.Table
    row_numbers: np.ndarray
    """1 is the first row below the header."""
    malformed: tuple[Malformed, ...] = ()
    share: float | None = None
    """How much of the source has been read, where that is known."""


@dataclass(frozen=True)
class Source:
    columns: tuple[str, ...]
    batches: Iterator[RawBatch]
    encoding: str = ""
    """Of a text file."""
    sheet: str = ""
    """Of a workbook."""


def chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def cut(tables: Iterable[pa.Table], batch_rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `batch_rows`, the last one shorter."""
    held: deque[pa.Table] = deque()
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        while count >= batch_rows:
            joined = pa.concat_tables(held)
            yield joined.slice(0, batch_rows).combine_chunks()
            held = deque([joined.slice(batch_rows)])
            count -= batch_rows
    if count:
        yield pa.concat_tables(held).combine_chunks()
