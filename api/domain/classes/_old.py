"""Classifications from measured behaviour: RFM scores and groups, ABC classes, lifecycle stages.

Each is a frozen rule with its parameters, and publishes the cut-offs it drew. Equal customers
always get equal classes, whatever the order of rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, column_of

Column = npt.NDArray[Any]
QUINTILES = (0.2, 0.4, 0.6, 0.8)

RFM_GROUPS: Mapping[int, tuple[str, str, str, str, str]] = {
    5: ("new_customers", "potential_loyalist", "potential_loyalist", "champions", "champions"),
    4: ("promising", "potential_loyalist", "potential_loyalist", "loyal", "champions"),
    3: ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    2: ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    1: ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
}
"""The group by recency score, then by the mean of frequency and monetary score, rounded up."""


@dataclass(frozen=True)
class Classified:
    columns: dict[str, Column]
    cutoffs: dict[str, Any]
    """What was drawn from these customers, by class: JSON-able, money in minor units."""


@dataclass(frozen=True)
class RfmRule:
    """Scores 1-5 by quintile of all buyers: 5 is the most recent, most frequent, most spending.

    A cut-off is a value some customer has, and belongs to the worse score's side.
    """

    quantiles: tuple[float, ...] = QUINTILES

    def classify(self, columns: Columns) -> Classified:
        buyer = column_of("order_count", columns) > 0
        scores, cutoffs = {}, {}
        measures = (("r", "recency_days", -1), ("f", "order_count", 1), ("m", "net_spend", 1))
        for letter, measure, direction in measures:
            values = column_of(measure, columns)
            scores[letter] = np.full(len(buyer), np.nan)
            cuts = self._cuts(values[buyer] * direction)
            scores[letter][buyer] = np.searchsorted(cuts, values[buyer] * direction, "left") + 1
            cutoffs[f"{letter}_score"] = (cuts * direction).tolist()
        groups = np.full(len(buyer), None, dtype=object)
        worth = (scores["f"][buyer] + scores["m"][buyer] + 1).astype(np.int64) // 2
        table = np.array([RFM_GROUPS[recency] for recency in range(1, 6)], dtype=object)
        groups[buyer] = table[scores["r"][buyer].astype(np.int64) - 1, worth - 1]
        named = {f"{letter}_score": score for letter, score in scores.items()}
        return Classified({**named, "rfm_group": groups}, cutoffs)

    def _cuts(self, values: Column) -> Column:
        if not len(values):
            return np.array([])
        cuts: Column = np.quantile(values, self.quantiles, method="inverted_cdf")
        return cuts


@dataclass(frozen=True)
class AbcRule:
    """A: the customers who together bring the first 80 % of a year's net spend; B: up to 95 %.

    Whoever begins below a share belongs to it, so the largest customer is always A, and those
    with equal spend share their class. Who spent nothing, or got more back, is C.
    """

    a_share: str = "0.80"
    b_share: str = "0.95"

    def classify(self, columns: Columns) -> Classified:
        spend = column_of("net_spend_365d", columns).astype(np.int64)
        amounts, counts = np.unique(spend[spend > 0], return_counts=True)
        totals = np.cumsum((amounts * counts)[::-1])[::-1]
        before = totals - amounts * counts  # what those who spend more bring together
        whole = int(totals[0]) if len(totals) else 0
        classes = np.full(len(spend), "C", dtype=object)
        cutoffs: dict[str, int | None] = {}
        for letter, share in (("B", self.b_share), ("A", self.a_share)):
            inside = before < math.ceil(Fraction(share) * whole)
            cutoffs[letter] = int(amounts[inside][0]) if inside.any() else None
            if inside.any():
                classes[spend >= amounts[inside][0]] = letter
        return Classified({"abc_class": classes}, {"abc_class": cutoffs})


@dataclass(frozen=True)
class LifecycleRule:
    """Where a customer stands, measured against their own rhythm and the churn horizon.

    The rhythm is the mean gap between purchases, or half a horizon for who bought once. Silence
    counts from `*_gaps` rhythms on, but never before `*_horizons` churn horizons.
    """

    churn_horizon_days: float
    at_risk_gaps: float = 2.0
    at_risk_horizons: float = 0.5
    churned_gaps: float = 3.0
    churned_horizons: float = 1.0
    loyal_orders: int = 10
    loyal_tenure_days: float = 180.0

    def classify(self, columns: Columns) -> Classified:
        orders = column_of("order_count", columns)
        recency = column_of("recency_days", columns)
        horizon = self.churn_horizon_days
        gap = column_of("mean_gap_days", columns)
        rhythm = np.where(np.isnan(gap), horizon / 2, gap)
        churned = recency >= np.maximum(rhythm * self.churned_gaps, horizon * self.churned_horizons)
        at_risk = recency >= np.maximum(rhythm * self.at_risk_gaps, horizon * self.at_risk_horizons)
        loyal = (orders >= self.loyal_orders) & (
            column_of("tenure_days", columns) >= self.loyal_tenure_days
        )
        conditions = [orders <= 0, churned, at_risk, orders == 1, loyal]
        stages = ["prospect", "churned", "at_risk", "first_purchase", "loyal"]
        stage = np.full(len(orders), "repeat", dtype=object)
        for condition, name in zip(reversed(conditions), reversed(stages), strict=True):
            stage[condition] = name
        return Classified({"lifecycle_stage": stage}, {"lifecycle_stage": dict(vars(self))})


@dataclass(frozen=True)
class Classification:
    """The classifications of an installation."""

    lifecycle: LifecycleRule
    rfm: RfmRule = field(default_factory=RfmRule)
    abc: AbcRule = field(default_factory=AbcRule)


def classify(columns: Columns, rules: Classification) -> Classified:
    """All classes of all customers.

    Reads recency_days, order_count, net_spend, net_spend_365d, tenure_days and mean_gap_days;
    gives r_score, f_score, m_score (NaN for prospects), rfm_group (None for prospects),
    abc_class and lifecycle_stage.
    """
    parts = [rule.classify(columns) for rule in (rules.rfm, rules.abc, rules.lifecycle)]
    merged = Classified({}, {})
    for part in parts:
        merged.columns.update(part.columns)
        merged.cutoffs.update(part.cutoffs)
    return merged
