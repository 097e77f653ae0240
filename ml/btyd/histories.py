"""What a buy-till-you-die model sees of a customer: how often, how lately, since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

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
        return cls(
            sample.column("purchase_days") - 1.0, tenure - sample.column("recency_days"), tenure
        )

    def collapsed(self) -> tuple[Histories, Floats]:
        """Distinct histories and how many customers share each."""
        rows, counts = np.unique(
            np.column_stack([self.repeats, self.last, self.age]), axis=0, return_counts=True
        )
        return Histories(rows[:, 0], rows[:, 1], rows[:, 2]), counts.astype(np.float64)
