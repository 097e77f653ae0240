"""How far one distribution lies from another: population stability index and Kolmogorov-Smirnov."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import kolmogorov
from scipy.stats import chi2

from ml.sample import Floats

BINS = 10
_CHANCE = 0.95
_HALF = 0.5
"""Added to every count: an empty bin would make the index infinite, and one row is no drift."""


@dataclass(frozen=True)
class Psi:
    """The index, and what two samples of these sizes show by chance in 95 of 100 cases."""

    value: float
    by_chance: float


@dataclass(frozen=True)
class Ks:
    """The largest distance of the two distribution functions, and its asymptotic p-value."""

    statistic: float
    p_value: float


def psi(reference: Floats, current: Floats) -> Psi:
    """Population stability index over ten bins of equal count of the reference.

    Missing values are a bin of their own. Equal values are never split, so that a feature of few
    values has a bin for each of the frequent ones, and a constant one has itself and the two sides.
    """
    if not len(reference) or not len(current):
        return Psi(0.0, 0.0)
    edges = _edges(reference[~np.isnan(reference)])
    before, now = _counts(reference, edges), _counts(current, edges)
    used = (before + now) > 0
    bins = int(used.sum())
    if bins < 2:
        return Psi(0.0, 0.0)
    share_before = (before[used] + _HALF) / (before.sum() + _HALF * bins)
    share_now = (now[used] + _HALF) / (now.sum() + _HALF * bins)
    value = float(np.sum((share_now - share_before) * np.log(share_now / share_before)))
    # Without drift the index is nearly (1/n + 1/m) times a chi-square of bins - 1 degrees.
    doubt = 1.0 / len(reference) + 1.0 / len(current)
    return Psi(value, float(chi2.ppf(_CHANCE, bins - 1)) * doubt)


def ks(reference: Floats, current: Floats) -> Ks:
    """Two-sample Kolmogorov-Smirnov of the known values; nothing to tell where a side has none."""
    before = np.sort(reference[~np.isnan(reference)])
    now = np.sort(current[~np.isnan(current)])
    if not len(before) or not len(now):
        return Ks(0.0, 1.0)
    places = np.concatenate([before, now])
    below_before = np.searchsorted(before, places, side="right") / len(before)
    below_now = np.searchsorted(now, places, side="right") / len(now)
    statistic = float(np.abs(below_before - below_now).max())
    size = len(before) * len(now) / (len(before) + len(now))
    return Ks(statistic, float(kolmogorov(np.sqrt(size) * statistic)))


def _edges(known: Floats) -> Floats:
    """Right-closed bins between quantiles; the outer ones are open."""
    if not len(known):
        return np.array([0.0])
    quantiles = np.quantile(known, np.linspace(0.0, 1.0, BINS + 1), method="inverted_cdf")
    edges = np.unique(quantiles[:-1])
    # The value just below the least one: whatever is lower is new.
    return np.concatenate([[np.nextafter(edges[0], -np.inf)], edges])


def _counts(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Rows in (-inf, e0], (e0, e1], ..., (en, inf), and missing ones last."""
    known = values[~np.isnan(values)]
    places = np.searchsorted(edges, known, side="left")
    counts = np.bincount(places, minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)).astype(np.int64)
