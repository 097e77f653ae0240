"""Churn probability as a percentile among all scored customers and as a risk band."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RISK_BANDS: tuple[tuple[str, float], ...] = (("low", 0.0), ("medium", 0.2), ("high", 0.5))
"""Each band from its lowest probability on, inclusive, up to the next band's."""


def percentiles(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The share of customers, 0-100, whose probability is at most this one's; ties are equal."""
    ordered = np.sort(probabilities)
    at_most = np.searchsorted(ordered, probabilities, side="right")
    return np.round(at_most * 100.0 / max(len(ordered), 1), 4)


def risk_bands(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    names = np.array([name for name, _ in RISK_BANDS], dtype=object)
    lower = np.array([bound for _, bound in RISK_BANDS[1:]])
    bands: npt.NDArray[np.object_] = names[np.searchsorted(lower, probabilities, side="right")]
    return bands
