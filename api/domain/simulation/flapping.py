"""Flapping: a tier that is left and entered again within a few months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WITHIN_MONTHS = 3
UNKNOWN = -2
"""The code of who was not there yet; -1 is below the lowest tier."""
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Flapping:
    """How restless tiers are over months; rates are by customer and month."""

    months: int
    customer_months: int
    """Customers times months in which they could have changed from the month before."""
    changes: int
    flaps: int
    """Changes out of a tier that came back within three months."""

    @property
    def flap_rate(self) -> float:
        return self.flaps / self.customer_months if self.customer_months else 0.0

    @property
    def change_rate(self) -> float:
        return self.changes / self.customer_months if self.customer_months else 0.0


def flapping(months: Sequence[npt.NDArray[Any]], within: int = WITHIN_MONTHS) -> Flapping:
    """Judge tiers month by month: integer codes of the same customers, in the order of rows."""
    if not months:
        return Flapping(0, 0, 0, 0)
    codes: Codes = np.stack([np.asarray(month, dtype=np.int64) for month in months])
    before, after = codes[:-1], codes[1:]
    there = (before != UNKNOWN) & (after != UNKNOWN)
    left = there & (before != after)
    back = np.zeros_like(left)
    for later in range(1, within + 1):
        again = codes[1 + later :] == before[: len(before) - later]
        back[: len(again)] |= left[: len(again)] & again
    return Flapping(len(codes), int(there.sum()), int(left.sum()), int(back.sum()))
