"""What acting on a strategy is expected to bring a customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Columns, column_of
from api.domain.strategies.documents import Share, Strategy


def base_of(share_of: Share, columns: Columns, rows: Any) -> npt.NDArray[np.float64]:
    """The amount a gain is a share of, in whole minor units; unknown or negative counts as 0."""
    name = "net_spend" if share_of == "net_spend" else "clv"
    amount = column_of(name, columns)[rows].astype(np.float64)
    if share_of == "clv_at_risk":
        amount = amount * column_of("churn_probability", columns)[rows]
    whole: npt.NDArray[np.float64] = np.rint(np.maximum(np.nan_to_num(amount, nan=0.0), 0.0))
    return whole


class Gains:
    """Gains net of cost, in minor units; an amount that several strategies share is read once."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._bases: dict[Share, npt.NDArray[np.float64]] = {}

    def of(self, strategy: Strategy, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
        gain = strategy.expected_gain
        if gain is None:
            return np.full(len(rows), -strategy.cost_minor, dtype=np.int64)
        if gain.share_of not in self._bases:
            self._bases[gain.share_of] = base_of(gain.share_of, self._columns, slice(None))
        gross = np.rint(self._bases[gain.share_of][rows] * strategy.rate)
        net: npt.NDArray[np.int64] = gross.astype(np.int64) - strategy.cost_minor
        return net
