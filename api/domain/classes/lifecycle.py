"""Where a customer stands between a first contact and leaving, by their own rhythm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from api.domain.classes.definitions import Assigned, Circumstances, Codes, Cutoffs
from api.domain.conditions import Columns, column_of
from api.domain.fields import Field
from api.domain.reasons import Piece, json_of

STAGES = ("prospect", "first_purchase", "repeat", "loyal", "at_risk", "churned")
MEASURES = ("order_count", "recency_days", "mean_gap_days", "tenure_days")


@dataclass(frozen=True)
class Lifecycle:
    """Stages measured against a customer's own rhythm and the churn horizon.

    The rhythm is the mean gap between purchases, or half a horizon for who bought once. Silence
    counts from `*_gaps` rhythms on, but never before `*_horizons` churn horizons.
    """

    measures: tuple[Field, ...]
    """Those of `MEASURES`."""
    at_risk_gaps: float = 2.0
    at_risk_horizons: float = 0.5
    churned_gaps: float = 3.0
    churned_horizons: float = 1.0
    loyal_orders: float = 10
    loyal_tenure_days: float = 180.0

    @property
    def reads(self) -> Mapping[str, Field]:
        return {each.name: each for each in self.measures}

    @property
    def needs(self) -> Mapping[str, Field]:
        return {"order_count": self.reads["order_count"]}

    def draw(self, _columns: Columns, circumstances: Circumstances) -> dict[str, Any]:
        """The parameters: stages are not drawn from the other customers."""
        parameters = {name: each for name, each in vars(self).items() if name != "measures"}
        return {"churn_horizon_days": circumstances.churn_horizon_days, **parameters}

    def assign(self, columns: Columns, cutoffs: Cutoffs) -> Assigned:
        orders = column_of("order_count", columns)
        recency = column_of("recency_days", columns)
        horizon = cutoffs["churn_horizon_days"]
        gap = column_of("mean_gap_days", columns)
        rhythm = np.where(np.isnan(gap), horizon / 2, gap)

        def silent(word: str) -> Any:
            gaps, horizons = cutoffs[f"{word}_gaps"], cutoffs[f"{word}_horizons"]
            return recency >= np.maximum(rhythm * gaps, horizon * horizons)

        loyal = (orders >= cutoffs["loyal_orders"]) & (
            column_of("tenure_days", columns) >= cutoffs["loyal_tenure_days"]
        )
        codes = np.full(len(orders), STAGES.index("repeat"), dtype=np.int8)
        # From the weakest claim to the strongest: the last one counts.
        claims = (
            ("loyal", loyal),
            ("first_purchase", orders == 1),
            ("at_risk", silent("at_risk")),
            ("churned", silent("churned")),
            ("prospect", orders <= 0),
        )
        for stage, where in claims:
            codes[where] = STAGES.index(stage)
        return Assigned(codes)

    def evidence(self, columns: Columns, _cutoffs: Cutoffs, codes: Codes) -> list[Piece]:
        buyer = codes > STAGES.index("prospect")
        once = column_of("order_count", columns) == 1
        shown = (
            ("order_count", codes >= 0),
            ("recency_days", buyer),
            ("mean_gap_days", buyer & ~once),
            ("tenure_days", buyer),
        )
        return [
            Piece(
                where,
                (f'{{"code":"class.measure","params":{{"field":{json_of(name)},"value":', "}}"),
                (name,),
            )
            for name, where in shown
        ]
