"""A penalised logistic regression on bent quantities and choices: smooth where trees are steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from ml.sample import Floats
from ml.tables.terms import Bools

KNOTS = 7
"""Bends of each quantity, at most: at its quantiles."""
MAX_BENDS = 240
"""Bends of all quantities, at most: of a wide table each gets fewer, in the end none."""
PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Ridge penalties tried, in units of one row's log-loss for a coefficient of one deviation."""
MAX_STEPS = 30
TOLERANCE = 1e-6
REACH = 6.0
"""Standardised values are held within this: a wild value to be scored must not decide alone."""


@dataclass(frozen=True)
class Basis:
    """Bends, centres and scales of the columns of a design, learned on training rows."""

    smooth: tuple[bool, ...]
    fill: tuple[float, ...]
    """The median of each term, in place of what is missing."""
    knots: tuple[tuple[float, ...], ...]
    centre: Floats
    scale: Floats

    @classmethod
    def fit(cls, smooth: Sequence[bool], matrix: Floats) -> Basis:
        """`smooth` says of each term (a column of the matrix) whether it may bend."""
        smooth = tuple(smooth)
        fill, knots = [], []
        count = min(KNOTS, MAX_BENDS // max(sum(smooth), 1))
        for place, bends in enumerate(smooth):
            known = matrix[:, place][~np.isnan(matrix[:, place])]
            fill.append(float(np.median(known)) if len(known) else 0.0)
            knots.append(_knots(known, count) if bends else ())
        bare = cls(smooth, tuple(fill), tuple(knots), np.zeros(1), np.ones(1))
        raw = bare._raw(matrix)
        scale = raw.std(axis=0)
        return cls(
            smooth, tuple(fill), tuple(knots), raw.mean(axis=0), np.where(scale > 1e-12, scale, 1.0)
        )

    def design(self, matrix: Floats) -> Floats:
        raw = self._raw(matrix)
        return np.clip((raw - self.centre) / self.scale, -REACH, REACH)

    def owners(self) -> list[int]:
        """The place of the term behind each column of the design."""
        return [place for place, bends in enumerate(self.knots) for _ in range(len(bends) + 1)]

    def _raw(self, matrix: Floats) -> Floats:
        parts = []
        for place, bends in enumerate(self.knots):
            own = matrix[:, place]
            own = np.where(np.isnan(own), self.fill[place], own)
            parts.append(own)
            parts += [np.maximum(own - knot, 0.0) for knot in bends]
        return np.column_stack(parts)


def _knots(known: Floats, count: int) -> tuple[float, ...]:
    if len(known) < 2 or not count:
        return ()
    inner = np.unique(np.quantile(known, np.linspace(0, 1, count + 2)[1:-1]))
    return tuple(float(knot) for knot in inner if known.min() < knot < known.max())


def fit_ridge(
    design: Floats, churned: Bools, penalty: float, start: Floats | None = None
) -> Floats:
    """Coefficients and, last, the intercept, by Newton steps with halving where one leads up."""
    rows = np.column_stack([design, np.ones(len(design))])
    target = churned.astype(np.float64)
    ridge = np.full(rows.shape[1], penalty)
    ridge[-1] = 1e-9
    weights = np.zeros(rows.shape[1]) if start is None else start
    loss = _loss(rows, target, ridge, weights)
    for _ in range(MAX_STEPS):
        chance = expit(rows @ weights)
        slope = rows.T @ (chance - target) + ridge * weights
        curve = (rows * (chance * (1.0 - chance))[:, None]).T @ rows
        curve[np.diag_indices_from(curve)] += ridge + 1e-9
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while (trial := _loss(rows, target, ridge, weights - size * step)) > loss and size > 1e-4:
            size /= 2.0
        done = loss - trial < TOLERANCE * len(target)
        if trial < loss:
            weights, loss = weights - size * step, trial
        if done:
            break
    return weights


def _loss(rows: Floats, target: Floats, ridge: Floats, weights: Floats) -> float:
    scores = rows @ weights
    return float(np.sum(np.logaddexp(0.0, scores) - target * scores) + ridge @ weights**2 / 2.0)


@dataclass(frozen=True)
class Linear:
    """A fitted regression: its log-odds are the sum of its effects."""

    basis: Basis
    coefficients: Floats
    """Of each column of the design, the intercept last."""

    def log_odds(self, matrix: Floats) -> Floats:
        scores = self.basis.design(matrix) @ self.coefficients[:-1]
        return np.asarray(scores + self.coefficients[-1], np.float64)

    def effects(self, matrix: Floats) -> Floats:
        """Rows x terms, the intercept last."""
        parts = self.basis.design(matrix) * self.coefficients[:-1]
        effects = np.zeros((len(matrix), len(self.basis.knots) + 1))
        for place, owner in enumerate(self.basis.owners()):
            effects[:, owner] += parts[:, place]
        effects[:, -1] = self.coefficients[-1]
        return effects

    def to_document(self) -> dict[str, Any]:
        basis = self.basis
        return {
            "smooth": list(basis.smooth),
            "fill": list(basis.fill),
            "knots": [list(bends) for bends in basis.knots],
            "centre": basis.centre.tolist(),
            "scale": basis.scale.tolist(),
            "coefficients": self.coefficients.tolist(),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Linear:
        basis = Basis(
            tuple(document["smooth"]),
            tuple(document["fill"]),
            tuple(tuple(bends) for bends in document["knots"]),
            np.array(document["centre"], np.float64),
            np.array(document["scale"], np.float64),
        )
        return cls(basis, np.array(document["coefficients"], np.float64))
