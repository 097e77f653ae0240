"""From any table with a label to what a model may learn from, with a word on all that was left out.

Nothing is tuned and nothing guessed in silence: every column that is not used is named in a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.errors import BadTable, NotEnoughHistory
from ml.sample import Floats
from ml.tables.columns import Column, describe, texts_of
from ml.tables.screens import (
    LEAK_AUC,
    identifies,
    is_sensitive,
    single_column_auc,
    speaks_of_outcome,
)

MIN_ROWS = 50
MIN_OF_CLASS = 8
_SHOWN_NAMES = 12
_YES = frozenset(
    {"yes", "true", "1", "y", "t", "churn", "churned", "left", "lost", "exited", "attrited"}
    | {"attrited customer", "cancelled", "canceled", "inactive", "gone", "leaver", "churner"}
    | {"是", "流失", "已流失", "流失客户"}
)
_NO = frozenset(
    {"no", "false", "0", "n", "f", "stayed", "retained", "existing", "existing customer", "active"}
    | {"current", "kept", "loyal", "not churned", "no churn", "-1", "否", "未流失", "留存"}
)


@dataclass(frozen=True)
class LabelledTable:
    """What may be learned from a table: a row of `values` for each row with a known label."""

    label: str
    positive: str
    columns: tuple[Column, ...]
    values: Floats
    """rows x columns: numbers, days since 1970, or places of choices; NaN where missing."""
    churned: npt.NDArray[np.bool_] | None
    """Whether each row has the positive label; None of a table without labels."""
    notes: tuple[str, ...]
    """Sentences for people: each column left out and why, each doubt."""
    sensitive: tuple[str, ...] = ()
    """Sensitive columns found, used or not."""
    column_auc: Mapping[str, float] = field(default_factory=dict)
    """Cross-validated AUC of each column alone, left-out leaks included."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def where(self, rows: npt.NDArray[np.int64]) -> LabelledTable:
        """Some of the rows, with the columns as they were found in all."""
        return replace(self, values=self.values[rows], churned=self.target[rows])

    @property
    def target(self) -> npt.NDArray[np.bool_]:
        """The labels; BadTable of a table that has none."""
        if self.churned is None:
            raise BadTable("This table has no labels to learn from: name the column with --label.")
        return self.churned


def read_table(
    table: pa.Table,
    *,
    label: str | None,
    positive: str | None = None,
    allow_sensitive: bool = False,
    keep: Sequence[str] = (),
) -> LabelledTable:
    """Look at every column of a table and keep what a model may learn from.

    Args:
        table: columns typed, or all text as read from a CSV.
        label: the column to predict, with exactly two values; None of a table without one.
        positive: the value that means "churned"; by default one of yes, true, 1, churned, left ...
        allow_sensitive: also learn from age, gender, origin and the like.
        keep: columns to use although they look like leaks or identifiers.

    Raises:
        BadTable: the label, or a column of `keep`, is missing or not what it should be.
        NotEnoughHistory: too few rows, or one class only.
    """
    _names_differ(table)
    _known(table, [*keep, *([label] if label is not None else [])])
    notes: list[str] = []
    churned: npt.NDArray[np.bool_] | None = None
    meaning = ""
    if label is not None:
        table, churned, meaning = _labels(table, label, positive, notes)
        table = table.drop_columns([label])
    _enough(table.num_rows, churned)
    screened = _Screening(label or "", churned, allow_sensitive, frozenset(keep), notes)
    kept = [found for name in table.column_names if (found := screened.look(name, table[name]))]
    screened.report()
    if not kept:
        raise BadTable("No column is left to learn from. " + " ".join(notes))
    columns, values = zip(*kept, strict=True)
    return LabelledTable(
        label=label or "",
        positive=meaning,
        columns=columns,
        values=np.column_stack(values),
        churned=churned,
        notes=tuple(notes),
        sensitive=tuple(screened.sensitive),
        column_auc=screened.column_auc,
    )


class _Screening:
    """One pass over the columns, which collects what was left out and why."""

    def __init__(
        self,
        label: str,
        churned: npt.NDArray[np.bool_] | None,
        allow_sensitive: bool,
        keep: frozenset[str],
        notes: list[str],
    ) -> None:
        self.label, self.churned, self.keep, self.notes = label, churned, keep, notes
        self.allow_sensitive = allow_sensitive
        self.sensitive: list[str] = []
        self.column_auc: dict[str, float] = {}

    def look(self, name: str, cells: pa.ChunkedArray) -> tuple[Column, Floats] | None:
        column = describe(name, cells)
        values = column.read(cells)
        present = values[~np.isnan(values)]
        if not len(present):
            self._drop(name, "it is empty")
            return None
        if len(present) == len(values) and (present == present[0]).all():
            self._drop(name, "it has the same value in every row")
            return None
        texts = texts_of(cells) if column.kind == "choice" else None
        if name not in self.keep and (why := identifies(column, values, texts)):
            self._drop(name, why)
            return None
        if is_sensitive(name):
            self.sensitive.append(name)
            if not self.allow_sensitive and name not in self.keep:
                return None
        return None if self._leaks(name, values) else (column, values)

    def _leaks(self, name: str, values: Floats) -> bool:
        if self.churned is None:
            return False
        self.column_auc[name] = single_column_auc(values, self.churned)
        if self.column_auc[name] > LEAK_AUC:
            why = f"alone it tells the label with an AUC of {self.column_auc[name]:.3f}"
        elif speaks_of_outcome(name, self.label):
            why = "its name says that it was filled in once the outcome was known"
        else:
            return False
        if name in self.keep:
            self.notes.append(f"Warning: {name} is used as you asked, though {why}.")
            return False
        self.notes.append(
            f"Warning: left out {name}: {why}, so it was probably not known in advance. "
            f"Name it with --keep if it was."
        )
        return True

    def report(self) -> None:
        if not self.sensitive:
            return
        names = ", ".join(self.sensitive)
        if self.allow_sensitive:
            self.notes.append(f"Sensitive attributes are used, as you asked: {names}.")
        else:
            self.notes.append(
                f"Left out sensitive attributes: {names}. Use them with --allow-sensitive."
            )

    def _drop(self, name: str, why: str) -> None:
        self.notes.append(f"Left out {name}: {why}.")


def _labels(
    table: pa.Table, label: str, positive: str | None, notes: list[str]
) -> tuple[pa.Table, npt.NDArray[np.bool_], str]:
    """The rows with a label, what each says, and the value that means "churned"."""
    texts = texts_of(table[label])
    known = np.array([text is not None for text in texts], dtype=bool)
    if not known.all():
        notes.append(f"Left out {(~known).sum():,} rows without a value in {label}.")
        table, texts = table.filter(pa.array(known)), texts[known]
    found = sorted(set(texts))
    if len(found) > 2:
        shown = ", ".join(_short(value) for value in found[:5]) + (", ..." if found[5:] else "")
        raise BadTable(
            f"The label {label} has {len(found):,} different values ({shown}) where two are "
            "needed. Make it one with two values, or choose another column with --label."
        )
    if len(found) < 2:
        raise NotEnoughHistory(
            f"The label {label} has {'one value only' if found else 'no values'}, so there is "
            "nothing to tell apart: add rows of customers who left and of customers who stayed."
        )
    meaning = _positive(label, found, positive)
    return table, np.array(texts == meaning, dtype=bool), meaning


def _positive(label: str, found: Sequence[str], asked: str | None) -> str:
    names = " and ".join(_short(value) for value in found)
    if asked is not None:
        same = [v for v in found if v == asked.strip()] or [
            v for v in found if _plain(v) == _plain(asked)
        ]
        if len(same) != 1:
            raise BadTable(
                f"The label {label} has the values {names}: name one of them with --positive."
            )
        return same[0]
    yes = [value for value in found if _plain(value) in _YES]
    no = [value for value in found if _plain(value) in _NO]
    if len(yes) == 1:
        return yes[0]
    if not yes and len(no) == 1:
        return next(value for value in found if value not in no)
    raise BadTable(
        f"The label {label} has the values {names}, and which of them means that a customer left "
        "is not plain: name it with --positive."
    )


def _plain(value: str) -> str:
    plain = value.strip().rstrip(".").casefold()
    return plain.removesuffix(".0") if plain in {"0.0", "1.0", "-1.0"} else plain


def _short(value: str) -> str:
    return value if len(value) <= 24 else value[:21] + "..."


def _enough(rows: int, churned: npt.NDArray[np.bool_] | None) -> None:
    if churned is None:
        return
    if rows < MIN_ROWS:
        raise NotEnoughHistory(
            f"The table has {rows:,} labelled rows; at least {MIN_ROWS} are needed to learn."
        )
    fewer = int(min(churned.sum(), rows - churned.sum()))
    if fewer < MIN_OF_CLASS:
        raise NotEnoughHistory(
            f"One of the label's two values occurs in {fewer} rows only; at least {MIN_OF_CLASS} "
            "are needed to learn: add more rows of it."
        )


def _names_differ(table: pa.Table) -> None:
    names = table.column_names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadTable(f"More than one column is named {', '.join(twice[:5])}: rename them.")


def _known(table: pa.Table, names: Sequence[str]) -> None:
    for name in names:
        if name not in table.column_names:
            there = ", ".join(table.column_names[:_SHOWN_NAMES])
            more = ", ..." if len(table.column_names) > _SHOWN_NAMES else ""
            raise BadTable(f"The table has no column {name}. It has: {there}{more}.")


def read_rows(table: pa.Table, columns: Sequence[Column]) -> Floats:
    """Rows to be scored, read as the model's columns were; other columns don't matter.

    Raises:
        BadTable: a column that the model learned from is missing.
    """
    _names_differ(table)
    missing = [column.name for column in columns if column.name not in table.column_names]
    if missing:
        names = ", ".join(missing[:_SHOWN_NAMES])
        raise BadTable(
            f"The table to be scored lacks {len(missing)} of the columns learned from: {names}."
        )
    if not columns:
        return np.empty((table.num_rows, 0))
    return np.column_stack([column.read(table[column.name]) for column in columns])
