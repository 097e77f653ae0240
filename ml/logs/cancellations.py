"""Purchases that were called off: a huge order cancelled minutes later makes nobody a big buyer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml.contracts import DAY

Ints = npt.NDArray[np.int64]
CANCELLED_WITHIN_DAYS = 2
"""A negative amount that undoes a purchase so soon is a cancellation, later a return. Two days,
so that in a log of days the next one counts."""


def cancelled(customer: Ints, moment: Ints, amount_minor: Ints) -> npt.NDArray[np.bool_]:
    """Which rows are purchases with a cancellation of exactly their amount soon after, or those.

    `moment` is in seconds. Each cancellation takes the latest purchase of its customer and amount
    before it that no other has taken.
    """
    struck = np.zeros(len(customer), np.bool_)
    if not len(customer):
        return struck
    size, returned = np.abs(amount_minor), (amount_minor < 0).astype(np.int64)
    order = np.lexsort((returned, moment, size, customer))
    changes = np.diff(customer[order], prepend=-1) | np.diff(size[order], prepend=-1)
    starts = np.flatnonzero(changes)
    ends = np.append(starts[1:], len(order))
    hit = np.add.reduceat(returned[order], starts) > 0
    for start, end in zip(starts[hit], ends[hit], strict=True):
        waiting: list[int] = []
        for row in order[start:end]:
            if not returned[row]:
                waiting.append(row)
            elif waiting and moment[row] - moment[waiting[-1]] <= CANCELLED_WITHIN_DAYS * DAY:
                struck[[waiting.pop(), row]] = True
    return struck
