"""Whole files as tables, for commands that need no database, and tables as files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from api.errors import InvalidInput

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ENDINGS = (".parquet", ".csv")


@dataclass(frozen=True)
class ReadFile:
    """A file's rows; 1 is the first below the header."""

    table: pa.Table
    row_numbers: np.ndarray
    malformed: tuple[tuple[int, str], ...]
    """Rows that are no rows: number and reason."""
    notes: tuple[str, ...]


def read_file(path: Path, *, sheet: str | None = None, encoding: str | None = None) -> ReadFile:
    """Read a file whole: CSV with any usual separator, gzip, Parquet, JSON lines, Excel.

    Raises:
        InvalidInput: it is no table, or one without a row.
    """
    import numpy as np
    import pyarrow as pa

    from api.intake.readers import open_source
    from api.intake.texts import flat

    source = open_source(path, encoding, sheet=sheet)
    batches = list(source.batches)
    malformed = tuple((bad.row_number, bad.reason) for each in batches for bad in each.malformed)
    if not any(len(each.row_numbers) for each in batches):
        raise InvalidInput(f"{path} is empty: it has names of columns and no row that can be read.")
    rows = pa.concat_tables([each.table for each in batches])
    names = [each.name for each in rows.schema if not pa.types.is_nested(each.type)]
    table = pa.table({name: flat(rows[name], name) for name in names})
    notes = []
    if source.encoding not in ("", "utf-8"):
        notes.append(f"{path.name} is read as {source.encoding}; --encoding names another.")
    if source.sheet and sheet is None:
        notes.append(f"The sheet {source.sheet!r} of {path.name} is read; --sheet names another.")
    numbers = np.concatenate([each.row_numbers for each in batches])
    return ReadFile(table, numbers, malformed, tuple(notes))


def require_writable(out: Path, *, inputs: Iterable[Path | None]) -> None:
    """Say before the work begins that its result could not be written.

    Raises:
        InvalidInput: an unknown ending, no such folder, a folder or an input file itself.
    """
    if out.suffix.lower() not in ENDINGS:
        raise InvalidInput(f"{out} must end in {' or '.join(ENDINGS)}: that says how to write it.")
    if out.is_dir():
        raise InvalidInput(f"{out} is a folder; name a file in it.")
    if not out.parent.is_dir():
        raise InvalidInput(f"There is no folder {out.parent}: create it, or name another.")
    if not os.access(out.parent, os.W_OK):
        raise InvalidInput(f"The folder {out.parent} can't be written to; name another.")
    for each in inputs:
        if each is not None and out.exists() and each.exists() and out.samefile(each):
            raise InvalidInput(f"{out} is what is to be read: write to another file.")


def write_file(table: pa.Table, out: Path) -> None:
    """Write a table as its ending says: all of it, or nothing."""
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory(prefix=".echelon-", dir=out.parent) as folder:
        written = Path(folder) / out.name
        if out.suffix.lower() == ".csv":
            options = pa_csv.WriteOptions(quoting_style="needed")
            pa_csv.write_csv(table, written, options)
        else:
            pq.write_table(table, written, compression="zstd")
        written.replace(out)
