"""What models see of a table: terms, each made of one column or of a few that belong together.

A term is data, not code, so it is saved as JSON and says of which columns it is made: that is how
its effect is brought back to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold

from ml.sample import Floats
from ml.tables.columns import OTHER, Column
from ml.tables.screens import words_of

Bools = npt.NDArray[np.bool_]
TermKind = Literal["value", "is", "missing", "sum", "gap", "rate", "size"]

MANY_CHOICES = 12
"""A column of more choices than this is also shown by how often each churned and occurred."""
RARE_ROWS = 5
"""A choice of fewer rows has no term of its own: it is one of the others."""
RATE_PRIOR_ROWS = 20.0
"""The churn of a choice is mixed with that of so many rows of the whole table."""
RATE_PARTS = 5
MAX_DATES = 5
MAX_SUMS = 40
"""Of a wide table whose names share many words, the largest sums are enough."""


@dataclass(frozen=True)
class Term:
    """One number about each row, from the columns at the places `parents`."""

    kind: TermKind
    parents: tuple[int, ...]
    choice: int = -1
    """The place of the choice, of the kind "is"."""
    table: tuple[float, ...] = ()
    """For each choice its rate (log-odds of churn) or size (log of rows), the others' last."""

    def of(self, values: Floats) -> Floats:
        own = values[:, self.parents[0]]
        match self.kind:
            case "value":
                return own
            case "is":
                return np.asarray(own == self.choice, np.float64)
            case "missing":
                return np.isnan(own).astype(np.float64)
            case "sum":
                # Of what is known: one unknown part does not make the rest unknown.
                parts = values[:, self.parents]
                total = np.nansum(parts, axis=1)
                return np.where(np.isnan(parts).all(axis=1), np.nan, total)
            case "gap":
                return values[:, self.parents[1]] - own
            case "rate" | "size":
                return _looked_up(own, self.table)

    @property
    def is_smooth(self) -> bool:
        """Whether it is a quantity, whose effect may bend, rather than a yes or no."""
        return self.kind in ("value", "sum", "gap")

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"kind": self.kind, "parents": list(self.parents)}
        if self.kind == "is":
            document["choice"] = self.choice
        return document | ({"table": list(self.table)} if self.table else {})

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Term:
        return cls(
            document["kind"],
            tuple(document["parents"]),
            document.get("choice", -1),
            tuple(document.get("table", ())),
        )


def find_terms(columns: Sequence[Column], values: Floats, churned: Bools) -> tuple[Term, ...]:
    """The terms of a table, learned on these rows only."""
    found: list[Term] = []
    for place, column in enumerate(columns):
        own = values[:, place]
        if column.kind != "choice":
            found.append(Term("value", (place,)))
        else:
            found += _choice_terms(place, column, own, churned)
        if 0 < np.isnan(own).sum() < len(own):
            found.append(Term("missing", (place,)))
    return (*found, *_sums(columns), *_gaps(columns))


def rated(terms: Sequence[Term]) -> tuple[int, ...]:
    """The places of the terms that tell how often a choice churned or occurred."""
    return tuple(place for place, term in enumerate(terms) if term.kind in ("rate", "size"))


def matrix_of(terms: Sequence[Term], values: Floats) -> Floats:
    """Rows x terms."""
    return np.column_stack([term.of(values) for term in terms])


def training_matrix(
    terms: Sequence[Term], columns: Sequence[Column], values: Floats, churned: Bools, seed: int
) -> Floats:
    """As `matrix_of`, but the rate of a row's choice comes from other rows than its own.

    Else a choice of few rows would repeat their labels, and trees would believe it too much.
    """
    matrix = matrix_of(terms, values)
    rates = [place for place, term in enumerate(terms) if term.kind == "rate"]
    if not rates:
        return matrix
    parts = StratifiedKFold(RATE_PARTS, shuffle=True, random_state=seed)
    for others, rows in parts.split(values, churned):
        for place in rates:
            (column,) = terms[place].parents
            size = len(columns[column].choices)
            table = _rates(values[others, column], churned[others], size)
            matrix[rows, place] = _looked_up(values[rows, column], table)
    return matrix


def spread(
    terms: Sequence[Term], effects: Floats, values: Floats, centre: Floats, columns: int
) -> Floats:
    """Effects of terms (rows x terms) as effects of columns (rows x columns); sums stay the same.

    What a sum of columns does is shared by how far each of them is from its usual value; what a gap
    does, equally.
    """
    result = np.zeros((len(values), columns))
    for place, term in enumerate(terms):
        effect = effects[:, place]
        if len(term.parents) == 1:
            result[:, term.parents[0]] += effect
            continue
        parents = list(term.parents)
        far = np.nan_to_num(np.abs(values[:, parents] - centre[parents]))
        far = far if term.kind == "sum" else np.ones_like(far)
        total = far.sum(axis=1, keepdims=True)
        share = np.divide(far, total, out=np.full_like(far, 1.0 / len(parents)), where=total > 0)
        result[:, parents] += share * effect[:, None]
    return result


def _choice_terms(place: int, column: Column, own: Floats, churned: Bools) -> list[Term]:
    size = len(column.choices)
    counts = _counts(own, size)
    common = [choice for choice in range(size) if counts[choice] >= RARE_ROWS]
    if len(common) == 2 and counts.sum() == counts[common].sum() == len(own):
        common = common[1:]
    found = [Term("is", (place,), choice) for choice in common]
    if size > MANY_CHOICES:
        rates = _rates(own, churned, size)
        found.append(Term("rate", (place,), table=rates))
        found.append(Term("size", (place,), table=tuple(np.log1p(counts).round(9))))
    return found


def _counts(own: Floats, size: int) -> Floats:
    """Rows of each choice; of all the others and of none, last."""
    return np.bincount(_index(own, size), minlength=size + 1).astype(np.float64)


def _rates(own: Floats, churned: Bools, size: int) -> tuple[float, ...]:
    left = np.bincount(_index(own, size), weights=churned, minlength=size + 1)
    share = churned.mean()
    rate = (left + RATE_PRIOR_ROWS * share) / (_counts(own, size) + RATE_PRIOR_ROWS)
    return tuple(float(rate) for rate in np.log(rate / (1.0 - rate)).round(9))


def _index(own: Floats, size: int) -> npt.NDArray[np.int64]:
    return np.where(np.isnan(own) | (own == OTHER), size, own).astype(np.int64)


def _looked_up(own: Floats, table: Sequence[float]) -> Floats:
    return np.array(table)[_index(own, len(table) - 1)]


def _sums(columns: Sequence[Column]) -> list[Term]:
    """Numbers whose names share a word, such as the charges by day and by night, summed."""
    groups: dict[str, list[int]] = {}
    for place, column in enumerate(columns):
        if column.kind == "number":
            for word in sorted(set(words_of(column.name))):
                groups.setdefault(word, []).append(place)
    several = sorted({tuple(group) for group in groups.values() if len(group) > 1})
    largest = sorted(several, key=len, reverse=True)[:MAX_SUMS]
    return [Term("sum", group) for group in several if group in largest]


def _gaps(columns: Sequence[Column]) -> list[Term]:
    dates = [place for place, column in enumerate(columns) if column.kind == "date"]
    return [Term("gap", pair) for pair in combinations(dates[:MAX_DATES], 2)]
