"""Bad rows: what is wrong with each, and the file they are set aside in."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import numpy as np
import pyarrow as pa

WITHHELD = "(withheld)"
"""Stands for personal data in a quarantine file; refused as a value when it is imported."""
SHOWN_LENGTH = 60
FIRST_REASONS = 3
"""As many as a person reads before opening the file."""


class Rejections:
    """What is wrong with the rows of one batch."""

    def __init__(self, rows: int) -> None:
        self.bad = np.zeros(rows, dtype=bool)
        self._found: list[tuple[np.ndarray, str, Callable[[int], str]]] = []

    def add(self, mask: np.ndarray, column: str, reason: str | Callable[[int], str]) -> None:
        """Reject the rows of a mask; a callable is asked for each row's own reason."""
        rows = np.flatnonzero(mask)
        if len(rows):
            self.bad[rows] = True
            self._found.append(
                (rows, column, (lambda _row: reason) if isinstance(reason, str) else reason)
            )

    def lines(self) -> list[tuple[int, str, str]]:
        """One `(row of the batch, columns, reasons)` for each bad row."""
        columns: dict[int, list[str]] = {}
        reasons: dict[int, list[str]] = {}
        for rows, column, reason_of in self._found:
            for row in rows.tolist():
                columns.setdefault(row, []).append(column)
                reasons.setdefault(row, []).append(f"{column}: {reason_of(row)}")
        return [
            (row, ", ".join(dict.fromkeys(columns[row])), "; ".join(reasons[row]))
            for row in sorted(columns)
        ]


def shown(values: pa.Array, row: int) -> str:
    """A value as a reason quotes it."""
    text = str(values[row].as_py())
    return f"'{text[:SHOWN_LENGTH]}{'...' if len(text) > SHOWN_LENGTH else ''}'"


class Quarantine:
    """The file bad rows go to; it comes into being with the first of them."""

    def __init__(self, path: Path, columns: Sequence[str], withheld: Iterable[str]) -> None:
        self.path = path
        self._columns = tuple(columns)
        self._withheld = frozenset(withheld)
        self._file: TextIO | None = None
        self.rows = 0
        self.first_reasons: list[tuple[int, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, row_number: int, column: str, reason: str, row: Mapping[str, object]) -> None:
        if self._file is None:
            self._file = self._open()
        values = [self._shown(name, row.get(name)) for name in self._columns]
        csv.writer(self._file).writerow([row_number, column, reason, *values])
        self.rows += 1
        if len(self.first_reasons) < FIRST_REASONS:
            self.first_reasons.append((row_number, reason))

    def flush(self) -> None:
        """Bad rows must be on disk before the good ones of their batch are committed."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def _shown(self, name: str, value: object) -> object:
        if value is None or value == "":
            return ""
        return WITHHELD if name in self._withheld else value

    def _open(self) -> TextIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
        csv.writer(file).writerow(["row_number", "column", "reason", *self._columns])
        return file
