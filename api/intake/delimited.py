"""Reading CSV: any usual separator, rows that are no rows set aside, nothing converted."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from api.errors import InvalidInput
from api.intake.files import FileForm, open_bytes
from api.intake.rows import Malformed, RawBatch, Source, cut

SEPARATORS = (",", ";", "\t", "|")
BLANKS = " "
"""Stands for runs of blanks and tabs, as tables set for the eye have them between columns."""
_SHAPE_LINES = 20
_EDGES, _RUNS = re.compile(rb"^[ \t]+|[ \t]+(?=\r?$)", re.MULTILINE), re.compile(rb"[ \t]+")
BLOCK_BYTES = 4 << 20


def open_csv(path: Path, form: FileForm, batch_rows: int) -> Source:
    separator = _find_separator(path, form)
    delimiter = "\t" if separator == BLANKS else separator
    raw_header = _read_header(path, form, separator)
    header = tuple(name.strip() for name in raw_header)
    bad: list[pa_csv.InvalidRow] = []

    def note(row: pa_csv.InvalidRow) -> str:
        bad.append(row)
        return "skip"

    def batches() -> Iterator[RawBatch]:
        with open_bytes(path, form) as file:
            reader = pa_csv.open_csv(
                _Squeezed(file) if separator == BLANKS else file,
                read_options=pa_csv.ReadOptions(
                    use_threads=False, encoding=form.encoding, block_size=BLOCK_BYTES
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={name: pa.string() for name in raw_header},
                    strings_can_be_null=False,
                ),
            )
            tables = cut(
                (pa.Table.from_batches([part]).rename_columns(header) for part in reader),
                batch_rows,
            )
            yield from _with_bad_rows(tables, bad, header, delimiter)

    return Source(header, _explained(path, batches()))


def _explained(path: Path, batches: Iterator[RawBatch]) -> Iterator[RawBatch]:
    try:
        yield from batches
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        if "straddling" in str(error):
            raise InvalidInput(
                f"{path} holds a row of more than {BLOCK_BYTES >> 20} MB: is a quote left open?"
            ) from None
        raise InvalidInput(f"{path} can't be read as CSV in its encoding: {error}.") from None


def _with_bad_rows(
    tables: Iterable[pa.Table],
    bad: list[pa_csv.InvalidRow],
    header: tuple[str, ...],
    delimiter: str,
) -> Iterator[RawBatch]:
    """Number the rows as the file does, counting those that the parser had to skip."""
    start, told = 1, 0
    for table in tables:
        skipped = np.array([row.number - 1 for row in bad], dtype=np.int64)
        numbers = np.arange(start, start + table.num_rows + len(skipped))
        numbers = numbers[~np.isin(numbers, skipped)][: table.num_rows]
        start = int(numbers[-1]) + 1
        yield RawBatch(
            table, numbers, tuple(_malformed(row, header, delimiter) for row in bad[told:])
        )
        told = len(bad)
    if told < len(bad):
        empty = pa.table({name: pa.array([], pa.string()) for name in header})
        rest = tuple(_malformed(row, header, delimiter) for row in bad[told:])
        yield RawBatch(empty, np.array([], dtype=np.int64), rest)


def _malformed(row: pa_csv.InvalidRow, header: tuple[str, ...], delimiter: str) -> Malformed:
    values = next(csv.reader([row.text], delimiter=delimiter), [])
    reason = f"the row has {row.actual_columns} values, the header {row.expected_columns}"
    return Malformed(row.number - 1, reason, dict(zip(header, values, strict=False)))


def _first_lines(path: Path, form: FileForm, count: int) -> list[str]:
    with open_bytes(path, form) as file:
        lines = islice((line for line in file if line.strip()), count)
        return [line.decode(form.encoding, "replace").lstrip("\ufeff") for line in lines]


def _find_separator(path: Path, form: FileForm) -> str:
    lines = _first_lines(path, form, _SHAPE_LINES)
    plain = "".join(lines[0].split('"')[::2])
    separator = max(SEPARATORS, key=plain.count)
    if separator not in plain and _set_in_columns(lines):
        return BLANKS
    return separator


def _set_in_columns(lines: list[str]) -> bool:
    """Whether blanks part every line into as many words as the first has, and more than one."""
    words = {len(line.split()) for line in lines}
    return len(words) == 1 and words != {1} and '"' not in lines[0]


def _read_header(path: Path, form: FileForm, separator: str) -> tuple[str, ...]:
    lines = _first_lines(path, form, 5)
    if separator == BLANKS:
        return tuple(lines[0].split())
    return tuple(next(csv.reader(lines, delimiter=separator), []))


class _Squeezed(io.RawIOBase):
    """A file set in columns as one separated by tabs: nothing at the edges, one tab for a run."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            lines = b"".join(self._file.readlines(BLOCK_BYTES))
            if not lines:
                return 0
            self._ready = _RUNS.sub(b"\t", _EDGES.sub(b"", lines))
        taken = self._ready[: len(buffer)]
        self._ready = self._ready[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)
