"""What a habit says of each buyer: the levers of their value, and when they are due again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.btyd import Habit, Histories, NextPurchase, next_purchase
from ml.btyd.levers import Levers, levers
from ml.sample import Floats, Sample

_A_DAY = 1
"""Money on a purchase day knows no horizon, so any will do."""


@dataclass(frozen=True)
class Due:
    """The next purchase of each buyer, in the sample's order."""

    coming: NextPurchase
    amount: Floats
    """Expected money on a purchase day."""
    silent_days: Floats
    order: npt.NDArray[np.intp]
    """Rows by urgency: the overdue by what their next purchase is worth times the chance of it,
    then the others by when they are expected."""


def levers_of(habit: Habit, sample: Sample, horizon_days: int) -> Levers:
    """The value of each buyer within the horizon, as the habit alone sees it: not discounted, in
    minor units, margin where the habit knows the share of it.

    `sample` holds one cut-off, without the habit's features.
    """
    seen = Histories.of(sample)
    return levers(habit.rhythm, _amount(habit, sample), seen, float(horizon_days))


def due(habit: Habit, sample: Sample) -> Due:
    """When each buyer comes next, if they do, from a sample of one cut-off."""
    coming, amount = next_purchase(habit.rhythm, Histories.of(sample)), _amount(habit, sample)
    urgency = np.where(coming.overdue, -coming.chance * amount, coming.days)
    return Due(
        coming=coming,
        amount=amount,
        silent_days=sample.column("recency_days"),
        order=np.lexsort((sample.customer_id, urgency, ~coming.overdue)),
    )


def _amount(habit: Habit, sample: Sample) -> Floats:
    extended = habit.extend(sample, _A_DAY)
    return extended.column("rhythm_basket") * habit.margin_share
