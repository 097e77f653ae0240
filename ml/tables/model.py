"""A model of a labelled table: trees and a regression, blended, explained column by column."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import xgboost as xgb
from scipy.special import expit

from ml import artefacts
from ml.booster import contributions, from_bytes, margins, to_bytes
from ml.dataset import Progress
from ml.explain import TOP
from ml.features import ATTRIBUTE_PREFIX
from ml.sample import Floats
from ml.tables.care import read_rows
from ml.tables.columns import OTHER, Column
from ml.tables.linear import Linear
from ml.tables.terms import Term, matrix_of, spread

CHUNK = 2_000
"""Rows scored at a time: memory stays the same however long a table is."""


@dataclass(frozen=True)
class Member:
    """What one member of the blend was and how much it counts."""

    name: str
    weight: float
    loss: float
    """Mean log-loss on rows that it had not seen."""


@dataclass(frozen=True)
class TableModel:
    """A fitted model; scores any table that has the columns it learned from."""

    kind: ClassVar[str] = "table"
    label: str
    positive: str
    columns: tuple[Column, ...]
    centre: Floats
    """The usual value of each column, from which sums of columns share their effects."""
    terms: tuple[Term, ...]
    trees: xgb.Booster | None
    linear: Linear | None
    linear_weight: float
    intercept: float
    members: tuple[Member, ...]
    rows: int
    """How many rows it learned from."""

    def log_odds(self, table: pa.Table) -> Floats:
        return _in_chunks(read_rows(table, self.columns), self._log_odds)

    def predict(self, table: pa.Table) -> Floats:
        """The probability of the positive label for each row.

        Raises:
            BadTable: a column that the model learned from is missing.
        """
        return self.probabilities(read_rows(table, self.columns))

    def probabilities(self, values: Floats) -> Floats:
        """As `predict`, for rows that were read already."""
        return np.asarray(expit(_in_chunks(values, self._log_odds)), np.float64)

    def effects(self, table: pa.Table) -> Floats:
        """Contributions in log-odds, a column for each of `columns` and the bias last: exact
        TreeSHAP of the trees and the terms of the regression, which sum to `log_odds`."""
        return _in_chunks(read_rows(table, self.columns), self._effects)

    def reasons(
        self, table: pa.Table, top: int = TOP, progress: Progress | None = None
    ) -> list[str]:
        """A JSON list a row of the strongest effects, as `ml.features.reason_text` reads them."""
        values = read_rows(table, self.columns)
        found: list[str] = []
        for start in range(0, len(values), CHUNK):
            part = values[start : start + CHUNK]
            found += self._reasons(part, self._effects(part), top)
            if progress:
                progress("Explaining", len(found) / len(values))
        return found

    def _reasons(self, values: Floats, effects: Floats, top: int) -> list[str]:
        order = np.argsort(-np.abs(effects[:, :-1]), axis=1, kind="stable")[:, :top]
        return [
            json.dumps(
                [
                    _reason(self.columns[place], values[row, place], effects[row, place])
                    for place in places
                    if effects[row, place] != 0.0
                ],
                ensure_ascii=False,
                allow_nan=False,
            )
            for row, places in enumerate(order)
        ]

    def _log_odds(self, values: Floats) -> Floats:
        matrix = matrix_of(self.terms, values)
        result = np.full(len(values), self.intercept)
        if self.trees is not None and len(values):
            result += margins(self.trees, matrix.astype(np.float32))
        if self.linear is not None:
            result += self.linear_weight * self.linear.log_odds(matrix)
        return result

    def _effects(self, values: Floats) -> Floats:
        matrix = matrix_of(self.terms, values)
        effects = np.zeros((len(values), len(self.terms) + 1))
        effects[:, -1] = self.intercept
        if self.trees is not None and len(values):
            single = matrix.astype(np.float32)
            shares = contributions(self.trees, single)
            # float32 sums of thousands of leaves differ by some 1e-6: that is the bias's.
            shares[:, -1] += margins(self.trees, single) - shares.sum(axis=1)
            effects += shares
        if self.linear is not None:
            effects += self.linear_weight * self.linear.effects(matrix)
        by_column = spread(self.terms, effects, values, self.centre, len(self.columns))
        return np.column_stack([by_column, effects[:, -1]])

    def save(self, folder: Path, stem: str) -> dict[str, str]:
        """Two files, trees and the rest; their names and SHA-256."""
        document = {
            "kind": self.kind,
            "label": self.label,
            "positive": self.positive,
            "columns": [
                {**vars(column), "choices": list(column.choices)} for column in self.columns
            ],
            "centre": self.centre.tolist(),
            "terms": [term.to_document() for term in self.terms],
            "linear": self.linear and self.linear.to_document(),
            "linear_weight": self.linear_weight,
            "intercept": self.intercept,
            "members": [vars(member) for member in self.members],
            "rows": self.rows,
        }
        trees = b"" if self.trees is None else to_bytes(self.trees)
        return artefacts.write(folder, stem, trees, document)

    @classmethod
    def load(
        cls, folder: Path, stem: str, expected_sha256: Mapping[str, str], threads: int
    ) -> Self:
        """Read a saved model.

        Raises:
            BadModel: a file is absent, altered, or of another kind or format.
        """
        trees, document = artefacts.read(folder, stem, cls.kind, expected_sha256)
        linear: dict[str, Any] | None = document["linear"]
        return cls(
            label=document["label"],
            positive=document["positive"],
            columns=tuple(
                Column(**{**column, "choices": tuple(column["choices"])})
                for column in document["columns"]
            ),
            centre=np.array(document["centre"], np.float64),
            terms=tuple(Term.from_document(term) for term in document["terms"]),
            trees=from_bytes(trees, threads) if trees else None,
            linear=Linear.from_document(linear) if linear else None,
            linear_weight=document["linear_weight"],
            intercept=document["intercept"],
            members=tuple(Member(**member) for member in document["members"]),
            rows=document["rows"],
        )


def _in_chunks(values: Floats, work: Any) -> Floats:
    starts: Sequence[int] = range(0, max(len(values), 1), CHUNK)
    return np.concatenate([work(values[start : start + CHUNK]) for start in starts])


def _reason(column: Column, value: float, effect: float) -> dict[str, Any]:
    code = ATTRIBUTE_PREFIX + column.name
    shown: float | None = None
    if not np.isnan(value):
        shown = float(f"{value:.9g}")
        if column.kind != "number":
            code, shown = f"{code}={_name(column, value)}", 1.0
    return {"code": code, "value": shown, "effect": round(float(effect), 6)}


def _name(column: Column, value: float) -> str:
    """The choice, or the day, that a value stands for."""
    if column.kind == "date":
        return str(np.datetime64(int(np.floor(value)), "D"))
    return "another" if value == OTHER else column.choices[int(value)]
