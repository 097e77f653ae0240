"""Cut-offs by cumulative share: who together bring the first 80 % of something."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt


def cumulative_cuts(
    values: npt.NDArray[Any], shares: Sequence[Fraction]
) -> list[int | float | None]:
    """For each share from the top, the least value that belongs to it; None where nobody does.

    Whoever begins below a share belongs to it, so the largest value always does, and equal values
    stand together. What is missing, nothing or negative brings nothing and belongs nowhere.
    """
    amounts, counts = np.unique(values[values > 0], return_counts=True)
    if np.array_equal(amounts, np.rint(amounts)):
        amounts = amounts.astype(np.int64)  # sums of whole numbers are exact
    totals = np.cumsum((amounts * counts)[::-1])[::-1]
    before = totals - amounts * counts  # what those who bring more bring together
    whole = totals[0].item() if len(totals) else 0
    cuts: list[int | float | None] = []
    for share in shares:
        limit = share * Fraction(whole)
        inside = before < (math.ceil(limit) if amounts.dtype.kind == "i" else float(limit))
        cuts.append(amounts[inside][0].item() if inside.any() else None)
    return cuts
