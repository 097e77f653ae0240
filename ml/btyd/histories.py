"""What a buy-till-you-die model sees of a customer: how often, how lately, since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from ml.errors import FitFailed
from ml.sample import Floats, Sample


@dataclass(frozen=True)
class Histories:
    """Customers' purchase days: `repeats` after the first, `last` and `age` in days since it."""

    repeats: Floats
    last: Floats
    age: Floats

    @classmethod
    def of(cls, sample: Sample) -> Self:
        tenure = sample.column("tenure_days")
        last = np.clip(tenure - sample.column("recency_days"), 0.0, tenure)
        return cls(sample.column("purchase_days") - 1.0, last, tenure)

    def __len__(self) -> int:
        return len(self.repeats)

    def where(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> Histories:
        return Histories(self.repeats[rows], self.last[rows], self.age[rows])

    def checked(self) -> Histories:
        """These histories, if time runs forward in all of them.

        Raises:
            FitFailed: a number is missing, negative, or a last purchase lies after the age.
        """
        sane = (self.repeats >= 0) & (self.last >= 0) & (self.last <= self.age)
        wrong = int((~(sane & np.isfinite(self.age) & np.isfinite(self.repeats))).sum())
        if wrong:
            raise FitFailed(
                f"{wrong} of {len(self)} purchase histories are impossible (a number is missing or "
                "negative, or the last purchase comes after the cut-off): check the dates."
            )
        return self

    def collapsed(self) -> tuple[Histories, Floats]:
        """Distinct histories, in order, and how many customers share each."""
        rows = self.where(np.lexsort((self.age, self.last, self.repeats)))
        new = np.ones(len(rows), np.bool_)
        new[1:] = (
            (np.diff(rows.repeats) != 0) | (np.diff(rows.last) != 0) | (np.diff(rows.age) != 0)
        )
        firsts = np.flatnonzero(new)
        counts = np.diff(np.append(firsts, len(rows)))
        return rows.where(firsts), counts.astype(np.float64)


@dataclass(frozen=True)
class Rows:
    """Distinct histories ready for a likelihood: in a unit of time of their own, with counts.

    Gamma functions depend on the number of purchases only, so they are computed once for each of
    `levels`, its distinct values: row i has `levels[place[i]]` repeats, `level_counts` customers
    have each of them.
    """

    seen: Histories
    counts: Floats
    unit: float
    """Days that the likelihood calls 1: a tenth of the mean age."""
    levels: Floats
    place: npt.NDArray[np.int64]
    level_counts: Floats

    @classmethod
    def of(cls, seen: Histories) -> Self:
        """Collapse customers with equal histories.

        Raises:
            FitFailed: there is nobody, or a history is impossible.
        """
        rows, counts = seen.checked().collapsed()
        if not len(counts):
            raise FitFailed("The rhythm model needs customers with purchases; there are none.")
        unit = float(np.average(rows.age, weights=counts)) / 10.0 or 1.0
        return cls._ready(Histories(rows.repeats, rows.last / unit, rows.age / unit), counts, unit)

    @classmethod
    def _ready(cls, seen: Histories, counts: Floats, unit: float) -> Self:
        levels, place = np.unique(seen.repeats, return_inverse=True)
        level_counts = np.bincount(place, weights=counts).astype(np.float64)
        return cls(seen, counts, unit, levels, place, level_counts)

    @property
    def customers(self) -> float:
        return float(self.counts.sum())

    def thinned(self, at_most: int) -> Rows:
        """So many rows that stand for all: every k-th customer in the order of the histories."""
        if len(self.counts) <= at_most:
            return self
        ends = np.cumsum(self.counts)
        step = float(ends[-1]) / at_most
        chosen, hits = np.unique(
            np.searchsorted(ends, (np.arange(at_most) + 0.5) * step), return_counts=True
        )
        return self._ready(self.seen.where(chosen), hits.astype(np.float64) * step, self.unit)
