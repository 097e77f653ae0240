"""A smooth additive logistic regression: one broken line for each feature.

Where history is short, trees can only repeat the steps they saw; lines go on between them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit

from ml.sample import Floats, Sample

KNOTS = 6
PENALTY = 30.0
"""Ridge on coefficients of standardised columns, in customers' weight."""
_STEPS = 25
_CLOSE = 1e-6


@dataclass(frozen=True)
class Line:
    """The broken line of one feature over sign(x) log(1 + |x|): heights at `knots`, flat outside;
    `unknown` where the feature is missing. Its mean over the training rows is 0."""

    code: str
    knots: tuple[float, ...]
    heights: tuple[float, ...]
    unknown: float

    def at(self, values: Floats) -> Floats:
        missing = np.isnan(values)
        result = np.interp(squeezed(np.where(missing, 0.0, values)), self.knots, self.heights)
        return np.where(missing, self.unknown, result)


@dataclass(frozen=True)
class Curves:
    """log-odds = level + the sum of the lines."""

    level: float
    lines: tuple[Line, ...]

    def margins(self, sample: Sample) -> Floats:
        effects = self.effects(sample)
        return self.level + sum(effects.values(), np.zeros(len(sample)))

    def effects(self, sample: Sample) -> dict[str, Floats]:
        """What each feature adds, by its code."""
        return {line.code: line.at(_known(sample, line.code)) for line in self.lines}

    def to_document(self) -> dict[str, Any]:
        return {"level": self.level, "lines": [vars(line) for line in self.lines]}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        lines = (
            Line(line["code"], tuple(line["knots"]), tuple(line["heights"]), line["unknown"])
            for line in document["lines"]
        )
        return cls(document["level"], tuple(lines))


def squeezed(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)), np.float64)


def fit_curves(sample: Sample, codes: Sequence[str], target: Floats, weight: Floats) -> Curves:
    """Penalised maximum likelihood by Newton's method; `target` is 0 or 1."""
    knots = {code: _knots(_known(sample, code)) for code in codes}
    parts = [_Basis(code, places, _known(sample, code)) for code, places in knots.items()]
    columns = np.hstack([part.columns for part in parts])
    mean = np.average(columns, axis=0, weights=weight)
    spread = np.maximum(np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=weight)), 1e-3)
    slopes, level = _newton((columns - mean) / spread, target, weight)
    lines, start = [], 0
    for part in parts:
        end = start + part.columns.shape[1]
        heights = slopes[start:end] / spread[start:end]
        lines.append(part.line(heights, float(heights @ mean[start:end])))
        start = end
    return Curves(level, tuple(lines))


class _Basis:
    """Hat functions at all knots but the first, and a column for what is missing."""

    def __init__(self, code: str, knots: Floats, values: Floats) -> None:
        self.code, self.knots = code, knots
        missing = np.isnan(values)
        place = squeezed(np.where(missing, 0.0, values))
        hats = [
            np.where(missing, 0.0, np.interp(place, knots, np.eye(len(knots))[index]))
            for index in range(1, len(knots))
        ]
        self.columns = np.column_stack([*hats, missing.astype(np.float64)])

    def line(self, heights: Floats, mean: float) -> Line:
        return Line(
            self.code,
            tuple(float(knot) for knot in self.knots),
            tuple(float(height) - mean for height in (0.0, *heights[:-1])),
            float(heights[-1]) - mean,
        )


def _known(sample: Sample, code: str) -> Floats:
    return sample.matrix([code])[:, 0].astype(np.float64)


def _knots(values: Floats) -> Floats:
    present = squeezed(values[~np.isnan(values)])
    if not len(present):
        return np.zeros(1)
    return np.unique(np.quantile(present, np.linspace(0.01, 0.99, KNOTS)))


def _newton(columns: Floats, target: Floats, weight: Floats) -> tuple[Floats, float]:
    design = np.column_stack([columns, np.ones(len(columns))])
    ridge = np.full(design.shape[1], PENALTY)
    ridge[-1] = 1e-9
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = expit(design @ found)
        curvature = weight * np.maximum(chance * (1.0 - chance), 1e-6)
        hessian = (design * curvature[:, None]).T @ design + np.diag(ridge)
        slope = design.T @ (weight * (target - chance)) - ridge * found
        step = np.linalg.solve(hessian, slope)
        # Far from the maximum a whole step may overshoot.
        found += step / max(1.0, float(np.abs(step).max()) / 5.0)
        if np.abs(step).max() < _CLOSE:
            break
    return found[:-1], float(found[-1])
