"""How far off a value may be: ratios of value to prediction, seen on past origins.

Quantiles are taken in groups of similar predictions; zero is a mass of its own, as a group in which
a tenth brought nothing has the lower end zero (split conformal, by group).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ml.sample import Floats

COVERAGE = (0.1, 0.9)
GROUP_ROWS = 200
"""Rows that a conformal group needs at least; up to ten groups are made."""


class Value(NamedTuple):
    """Expected value and its interval, in minor units: low <= expected <= high."""

    low: Floats
    expected: Floats
    high: Floats


@dataclass(frozen=True)
class Bands:
    """Conformal ratios of value to prediction; group i ends below `edges[i]`."""

    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def apply(self, expected: Floats) -> Value:
        group = np.searchsorted(np.array(self.edges), expected, side="right")
        low = expected * np.array(self.low)[group]
        high = expected * np.array(self.high)[group]
        return Value(np.minimum(low, expected), expected, np.maximum(high, expected))


def learn_bands(expected: Floats, value: Floats) -> Bands:
    """Quantiles of value / prediction in groups of similar predictions, widened for few rows."""
    groups = int(np.clip(len(value) // GROUP_ROWS, 1, 10))
    order = np.argsort(expected, kind="stable")
    parts = np.array_split(order, groups)
    edges = tuple(float(expected[part[0]]) for part in parts[1:])
    ends = []
    for part in parts:
        ratios = np.sort(value[part] / expected[part])
        count = len(ratios)
        below = int(np.floor(COVERAGE[0] * (count + 1))) - 1
        above = int(np.ceil(COVERAGE[1] * (count + 1))) - 1
        low = float(ratios[below]) if below >= 0 else 0.0
        ends.append((low, float(ratios[min(above, count - 1)])))
    return Bands(edges, tuple(low for low, _ in ends), tuple(high for _, high in ends))
