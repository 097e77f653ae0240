"""What a strategy must respect about a customer, and what the business can afford."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Mask
from api.domain.resource_plans import UNLIMITED, ResourcePlan
from api.domain.strategies.documents import Strategy

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class LastDone:
    """Which customers something was done with, and how many days before the day decided for."""

    rows: Rows
    days_ago: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Circumstances:
    """By row number of the columns. Nothing recorded means nothing allowed and nothing done."""

    consents: Mapping[tuple[str, str], Rows] = field(default_factory=dict)
    """Purpose and channel -> who allows it, by their latest word."""
    done: Mapping[str, LastDone] = field(default_factory=dict)
    """By key of the strategy."""
    resources: ResourcePlan = UNLIMITED
    numbers: npt.NDArray[np.int64] | None = None
    """The customers' own numbers: they decide between equals, whatever order the rows have."""

    def allows(self, strategy: Strategy, size: int) -> Mask | None:
        """Who allows what the strategy needs; none where it needs nothing.

        A strategy without a channel of its own may use any the customer has agreed to.
        """
        if strategy.consent_purpose is None:
            return None
        allowed = np.zeros(size, dtype=bool)
        for (purpose, channel), rows in self.consents.items():
            if purpose == strategy.consent_purpose and strategy.channel in (None, channel):
                allowed[rows] = True
        return allowed

    def resting(self, strategy: Strategy) -> Rows:
        """With whom it was done so lately that it is not due again."""
        last = self.done.get(strategy.key)
        if last is None:
            return np.empty(0, dtype=np.intp)
        return last.rows[last.days_ago < strategy.cooldown_days]
