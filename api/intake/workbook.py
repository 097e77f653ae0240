"""Reading a workbook: one sheet of Excel or OpenDocument, its first row the names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from api.errors import InvalidInput
from api.intake.rows import RawBatch, Source

_TIMES = (dt.date, dt.datetime)
"""A cell formatted as a day comes as the one, a cell with a time of day as the other."""


def open_workbook(path: Path, sheet: str | None, batch_rows: int) -> Source:
    """A sheet's rows; without a name, of the first sheet that is shown.

    A workbook is read into memory whole: a sheet can't have more than 1,048,576 rows.

    Raises:
        InvalidInput: it is damaged or locked, or has no such sheet, or the sheet is empty.
    """
    found = _read_sheet(path, sheet)
    rows = found.to_python(skip_empty_area=True)
    if not rows:
        raise InvalidInput(f"{path} is empty: there is nothing in the sheet {found.name!r}.")
    names, columns = _headings(rows[0]), list(zip(*rows[1:], strict=True))
    kept = [place for place, name in enumerate(names) if name or any(_filled(columns, place))]
    arrays = [_column(columns[place] if columns else ()) for place in kept]
    titles = [names[place] or f"column {place + 1}" for place in kept]
    numbers = np.array(
        [number for number, row in enumerate(rows[1:], 1) if any(cell != "" for cell in row)],
        dtype=np.int64,
    )
    table = pa.Table.from_arrays(arrays, names=titles).take(pa.array(numbers - 1))
    starts = range(0, table.num_rows, batch_rows)
    batches = (
        RawBatch(
            table.slice(start, batch_rows),
            numbers[start : start + batch_rows],
            share=min(1.0, (start + batch_rows) / table.num_rows),
        )
        for start in starts
    )
    return Source(tuple(titles), batches, sheet=found.name)


def _read_sheet(path: Path, sheet: str | None) -> CalamineSheet:
    try:
        # By its content: a path would be judged by its ending.
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as workbook:
            if sheet is not None and sheet not in workbook.sheet_names:
                names = ", ".join(workbook.sheet_names)
                raise InvalidInput(f"{path} has no sheet {sheet!r}; its sheets are {names}.")
            return workbook.get_sheet_by_name(sheet or _first_sheet(path, workbook))
    except PasswordError:
        raise InvalidInput(f"{path} is locked with a password; save it without one.") from None
    except CalamineError as error:
        raise InvalidInput(
            f"{path} is not a table but a damaged workbook or a zip archive "
            f"({str(error).rstrip('.')}); save the sheet again, or unpack it."
        ) from None


def _first_sheet(path: Path, workbook: CalamineWorkbook) -> str:
    for each in workbook.sheets_metadata:
        if each.typ == SheetTypeEnum.WorkSheet and each.visible == SheetVisibleEnum.Visible:
            return each.name
    raise InvalidInput(f"{path} has no sheet that is shown; name one with --sheet.")


def _headings(cells: Sequence[Any]) -> list[str]:
    return [_text(cell) or "" for cell in cells]


def _filled(columns: Sequence[Sequence[Any]], place: int) -> list[bool]:
    return [cell != "" for cell in columns[place]] if columns else []


def _column(cells: Sequence[Any]) -> pa.Array:
    """Numbers, days, moments and truths where all cells are of one kind, else their text."""
    kinds = {type(cell) for cell in cells if cell != ""}
    values = [None if cell == "" else cell for cell in cells]
    if kinds and kinds <= {int, float}:
        return pa.array([None if cell is None else float(cell) for cell in values], pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {dt.date}:
        return pa.array(values, pa.date32())
    if kinds and kinds <= set(_TIMES):
        return pa.array([_moment(cell) for cell in values], pa.timestamp("us"))
    return pa.array([_text(cell) for cell in cells], pa.string())


def _moment(cell: dt.date | None) -> dt.datetime | None:
    if cell is None or isinstance(cell, dt.datetime):
        return cell
    return dt.datetime.combine(cell, dt.time())


def _text(cell: Any) -> str | None:
    """A cell as its text: whole numbers without `.0`, moments in ISO 8601."""
    if cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)
