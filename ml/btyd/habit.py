"""Habit: rhythm and spend together, and the features that a sample gets from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ml.btyd.histories import Histories
from ml.btyd.rhythm import Rhythm, fit_rhythm
from ml.btyd.spend import Spend, fit_spend
from ml.feature_catalogue import DERIVED
from ml.sample import Floats, Sample, join


@dataclass(frozen=True)
class Habit:
    """Rhythm and spend, learned from everyone's purchases before one cut-off."""

    rhythm: Rhythm
    spend: Spend
    margin_share: float

    def to_document(self) -> dict[str, Any]:
        return {
            "rhythm": self.rhythm.to_document(),
            "spend": self.spend.to_document(),
            "margin_share": self.margin_share,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            Rhythm.from_document(document["rhythm"]),
            Spend(**document["spend"]),
            float(document["margin_share"]),
        )

    def extend(self, sample: Sample, horizon_days: int) -> Sample:
        """The sample with the features of `ml.feature_catalogue.DERIVED`."""
        seen, days = Histories.of(sample), sample.column("purchase_days")
        expected = self.rhythm.expected_days(seen, horizon_days)
        worth = self.spend.expected(sample.column("net_spend") / days, days) * self.margin_share
        columns: dict[str, Floats] = {
            "rhythm_absence": self.rhythm.absence(seen, horizon_days),
            "rhythm_orders": expected,
            "rhythm_value": expected * worth,
        }
        return sample.with_columns({code: columns[code] for code in DERIVED})


def fit_habit(sample: Sample, margin_share: float) -> Habit:
    """Learn from one cut-off; labels are not looked at."""
    days = sample.column("purchase_days")
    return Habit(
        fit_rhythm(Histories.of(sample)),
        fit_spend(sample.column("net_spend") / days, days),
        margin_share,
    )


def extend_each(sample: Sample, horizon_days: int, margin_shares: Mapping[int, float]) -> Sample:
    """Each origin extended by the habit that could be learned at that origin."""
    parts = []
    for cutoff in np.unique(sample.cutoff):
        part = sample.where(sample.cutoff == cutoff)
        habit = fit_habit(part, margin_shares[int(cutoff)])
        parts.append(habit.extend(part, horizon_days))
    return join(parts)
