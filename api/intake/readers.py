"""Opening a source for reading in bounded batches, whatever it comes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from api.errors import InvalidInput
from api.intake.delimited import open_csv
from api.intake.files import FileForm, recognise
from api.intake.jsonlines import open_jsonl
from api.intake.rows import BATCH_ROWS, RawBatch, Source, chain, cut
from api.intake.workbook import open_workbook

ArrowSource: TypeAlias = pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch | pa.Table]


def open_source(
    source: Path | ArrowSource,
    encoding: str | None = None,
    batch_rows: int = BATCH_ROWS,
    sheet: str | None = None,
) -> Source:
    """Open a file or Arrow data for reading in batches of about `batch_rows` rows.

    `sheet` names one of a workbook's; by default it is the first that is shown.

    Raises:
        InvalidInput: it isn't a table that can be read.
    """
    if not isinstance(source, Path):
        opened = _open_arrow(source, batch_rows)
        _check_names("the data", opened.columns)
        return opened
    form = recognise(source, encoding)
    if form.form == "workbook":
        opened = open_workbook(source, sheet, batch_rows)
        _check_names(source, opened.columns)
        return opened
    if sheet is not None:
        raise InvalidInput(f"{source} is no workbook: it has no sheets, so leave --sheet out.")
    opened = {"csv": open_csv, "parquet": _open_parquet, "jsonl": open_jsonl}[form.form](
        source, form, batch_rows
    )
    _check_names(source, opened.columns)
    return opened if form.form == "parquet" else replace(opened, encoding=form.encoding)


def _check_names(path: Path | str, columns: tuple[str, ...]) -> None:
    if not columns:
        raise InvalidInput(f"{path} has no columns.")
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise InvalidInput(f"{path} has two columns {twice[0]!r}; rename one.")


def _open_arrow(source: ArrowSource, batch_rows: int) -> Source:
    parts: Iterator[Any] = iter([source] if isinstance(source, pa.Table) else source)
    first = next(parts, None)
    if first is None:
        return Source((), iter(()))

    def tables() -> Iterator[pa.Table]:
        for part in chain(first, parts):
            yield part if isinstance(part, pa.Table) else pa.Table.from_batches([part])

    total = first.num_rows if isinstance(source, pa.Table) else None
    return Source(tuple(first.schema.names), _numbered(cut(tables(), batch_rows), total))


def _numbered(tables: Iterable[pa.Table], total: int | None) -> Iterator[RawBatch]:
    start = 1
    for table in tables:
        numbers = np.arange(start, start + table.num_rows)
        start += table.num_rows
        yield RawBatch(table, numbers, share=(start - 1) / total if total else None)


def _open_parquet(path: Path, _form: FileForm, batch_rows: int) -> Source:
    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise InvalidInput(f"{path} is a damaged Parquet file: {str(error).rstrip('.')}.") from None
    total = file.metadata.num_rows

    def tables() -> Iterator[pa.Table]:
        with file:
            for batch in file.iter_batches(batch_size=batch_rows):
                yield pa.Table.from_batches([batch])

    return Source(tuple(file.schema_arrow.names), _numbered(cut(tables(), batch_rows), total))
