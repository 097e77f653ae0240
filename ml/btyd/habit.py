"""Habit: rhythm and spend together, and the features that a sample gets from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ml.btyd.choice import Chosen, fit_or_fall_back, model_from_document
from ml.btyd.histories import Histories
from ml.btyd.model import PurchaseModel
from ml.btyd.pareto import Pareto, fit_pareto
from ml.btyd.spend import Spend, fit_spend
from ml.errors import FitFailed
from ml.feature_catalogue import DERIVED
from ml.sample import Floats, Sample


@dataclass(frozen=True)
class Habit:
    """Rhythm and spend, learned from everyone's purchases before one cut-off."""

    rhythm: PurchaseModel
    spend: Spend | None
    """None where nobody ever spent anything: a log without amounts."""
    margin_share: float
    note: str = ""
    """Which rhythm or spend model could not be fitted, and why; empty as a rule."""

    def to_document(self) -> dict[str, Any]:
        return {
            "rhythm": self.rhythm.to_document(),
            "spend": self.spend.to_document() if self.spend else None,
            "margin_share": self.margin_share,
            "note": self.note,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            model_from_document(document["rhythm"]),
            Spend(**document["spend"]) if document["spend"] else None,
            float(document["margin_share"]),
            document["note"],
        )

    def extend(self, sample: Sample, horizon_days: int) -> Sample:
        """The sample with the features of `ml.feature_catalogue.DERIVED`."""
        seen, days = Histories.of(sample), sample.column("purchase_days")
        recency, tenure = sample.column("recency_days"), sample.column("tenure_days")
        alive, expected = self.rhythm.alive(seen), self.rhythm.expected_days(seen, horizon_days)
        basket = np.zeros(len(sample))
        if self.spend:
            basket = self.spend.expected(sample.column("net_spend") / days, days)
        columns: dict[str, Floats] = {
            "rhythm_absence": 1.0 - alive * self.rhythm.back(seen, horizon_days),
            "rhythm_orders": expected,
            "rhythm_value": expected * basket * self.margin_share,
            "rhythm_alive": alive,
            "rhythm_basket": basket,
            "recency_share": recency / np.maximum(tenure, 1.0),
            "recency_over_horizon": recency / horizon_days,
            "tenure_over_horizon": tenure / horizon_days,
            "horizon_days": np.full(len(sample), float(horizon_days)),
        }
        return sample.with_columns({code: columns[code] for code in DERIVED})


def fit_habit(sample: Sample, margin_share: float, earlier: Habit | None = None) -> Habit:
    """Learn from one cut-off; labels are not looked at. `earlier` is the habit of an older one:
    the search starts there, and where it fails anew.

    Pareto/NBD lets one-time buyers leave without a purchase; on public logs it ranked customers
    better than MBG/NBD, and both better than BG/NBD.

    Raises:
        FitFailed: not even the simplest rhythm can be fitted.
    """
    days, spent = sample.column("purchase_days"), sample.column("net_spend")
    seen = Histories.of(sample)
    chosen = _from_earlier(seen, earlier) or fit_or_fall_back(seen, "pareto")
    spend, note = _spend_of(spent / days, days)
    return Habit(chosen.model, spend, margin_share, "; ".join(filter(None, (chosen.note, note))))


def _spend_of(mean: Floats, days: Floats) -> tuple[Spend | None, str]:
    """Where all spend alike (one price for everybody) the likelihood has no maximum: then each
    customer's mean counts, with everyone's as one more purchase day."""
    if not (mean > 0).any():
        return None, ""
    try:
        return fit_spend(mean, days), ""
    except FitFailed as failure:
        return Spend(1.0, 2.0, float(mean[mean > 0].mean())), f"means instead of spend ({failure})"


def _from_earlier(seen: Histories, earlier: Habit | None) -> Chosen | None:
    if earlier is None or not isinstance(earlier.rhythm, Pareto):
        return None
    try:
        return Chosen(fit_pareto(seen, start=earlier.rhythm), "pareto")
    except FitFailed:
        return None
