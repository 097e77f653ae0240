"""Reading JSON lines: one object a line, numbers kept as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from api.errors import InvalidInput
from api.intake.files import FileForm, open_bytes
from api.intake.rows import Malformed, RawBatch, Source, chain

JsonRow = dict[str, str | None] | str
"""A parsed line, or why it could not be."""


def open_jsonl(path: Path, form: FileForm, batch_rows: int) -> Source:
    batches = _read_jsonl(path, form, batch_rows)
    first = next(batches, None)
    if first is None:
        return Source((), iter(()))
    return Source(tuple(first.table.column_names), chain(first, batches))


def _read_jsonl(path: Path, form: FileForm, batch_rows: int) -> Iterator[RawBatch]:
    columns: tuple[str, ...] | None = None
    with open_bytes(path, form) as file:
        lines = (line for line in file if line.strip())
        start = 1
        while chunk := list(islice(lines, batch_rows)):
            rows = [_parse_line(line, form.encoding) for line in chunk]
            good = [row for row in rows if isinstance(row, dict)]
            if columns is None:
                columns = tuple(dict.fromkeys(name for row in good for name in row))
                if not columns:
                    raise InvalidInput(f"{path} holds no JSON object; write one a line.")
            rows = [_known_only(row, columns) for row in rows]
            yield _json_batch(rows, columns, start)
            start += len(chunk)


def _json_batch(rows: list[JsonRow], columns: tuple[str, ...], start: int) -> RawBatch:
    good = [(number, row) for number, row in enumerate(rows, start) if isinstance(row, dict)]
    table = pa.table(
        {name: pa.array([row.get(name) for _, row in good], pa.string()) for name in columns}
    )
    malformed = tuple(
        Malformed(number, row, {}) for number, row in enumerate(rows, start) if isinstance(row, str)
    )
    return RawBatch(table, np.array([number for number, _ in good], dtype=np.int64), malformed)


def _known_only(row: JsonRow, columns: tuple[str, ...]) -> JsonRow:
    if isinstance(row, dict) and (unknown := sorted(set(row) - set(columns))):
        return f"the field {unknown[0]!r} does not occur in the file's first rows; add it there"
    return row


def _parse_line(line: bytes, encoding: str) -> JsonRow:
    """The object with its values as text and one level of nesting as `outer.inner`, or a reason."""
    try:
        row = json.loads(line.decode(encoding).lstrip("\ufeff"), parse_float=str, parse_int=str)
    except ValueError as error:
        return f"the line is not JSON: {getattr(error, 'msg', 'wrong encoding')}"
    if not isinstance(row, dict):
        return "the line is not a JSON object"
    if b"\\ud" in line.lower() and _holds_half_characters(row):
        return "the line holds half of a character (a lone surrogate)"
    flat: dict[str, Any] = {}
    for name, value in row.items():
        inner = (
            {f"{name}.{key}": part for key, part in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
        flat |= inner
    if nested := [name for name, value in flat.items() if isinstance(value, dict | list)]:
        return f"the field {nested[0]!r} holds a list or an object; give one value"
    return {name: _json_text(value) for name, value in flat.items()}


def _holds_half_characters(row: dict[str, Any]) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in json.dumps(row, ensure_ascii=False))


def _json_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
