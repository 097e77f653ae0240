"""What everybody, and each part of everybody, came to in a month: counts, sums, means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]
EVERYBODY = "all"


@dataclass(frozen=True)
class Parts:
    """A division of everybody: `codes` are places in `keys`, one a customer."""

    dimension: str
    keys: tuple[str, ...]
    codes: npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Statistic:
    """One number of a month; `whole` are counts and money in minor units, `number` is a mean."""

    measure: str
    dimension: str
    key: str
    whole: int | None = None
    number: float | None = None


@dataclass(frozen=True)
class MonthFacts:
    """One value a customer; money in minor units."""

    counted: Mapping[str, Mask]
    """How many customers these hold for."""
    summed: Mapping[str, Whole]
    averaged: Mapping[str, Real]
    """NaN where a customer has none; the mean is over those who have one."""


def month_statistics(facts: MonthFacts, divisions: Sequence[Parts]) -> list[Statistic]:
    """Every measure of every part; sums are exact."""
    found = []
    for parts in divisions:
        for name, mask in facts.counted.items():
            counts = np.bincount(parts.codes[mask], minlength=len(parts.keys))
            found += _wholes(name, parts, counts)
        for name, values in facts.summed.items():
            sums = np.zeros(len(parts.keys), np.int64)
            np.add.at(sums, parts.codes, values)
            found += _wholes(name, parts, sums)
        for name, numbers in facts.averaged.items():
            known = ~np.isnan(numbers)
            codes = parts.codes[known]
            totals = np.bincount(codes, numbers[known], minlength=len(parts.keys))
            counts = np.bincount(codes, minlength=len(parts.keys))
            for key, total, count in zip(parts.keys, totals, counts, strict=True):
                mean = float(total / count) if count else None
                found.append(Statistic(name, parts.dimension, key, number=mean))
    return found


def _wholes(name: str, parts: Parts, values: npt.NDArray[np.integer[Any]]) -> list[Statistic]:
    return [
        Statistic(name, parts.dimension, key, whole=int(value))
        for key, value in zip(parts.keys, values, strict=True)
    ]
