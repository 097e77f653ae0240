"""A customer's habit as the buy-till-you-die models see it, as features and as a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ml.btyd import Floats, Rhythm, Spend, fit_rhythm, fit_spend
from ml.dataset import Sample, join
from ml.feature_catalogue import DERIVED


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
        seen, days = sample.histories(), sample.column("purchase_days")
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
        fit_rhythm(sample.histories()),
        fit_spend(sample.column("net_spend") / days, days),
        margin_share,
    )


def extend_each(sample: Sample, horizon_days: int, margin_share: float) -> Sample:
    """Each origin extended by the habit that could be learned at that origin."""
    parts = [sample.where(sample.cutoff == cutoff) for cutoff in np.unique(sample.cutoff)]
    return join([fit_habit(part, margin_share).extend(part, horizon_days) for part in parts])
