"""Gamma-Gamma: what a customer spends on a purchase day (Fader, Hardie 2013)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln

from ml.errors import FitFailed
from ml.sample import Floats

_PENALTY = 1e-4
_LIMIT = 12.0


@dataclass(frozen=True)
class Spend:
    """Gamma-Gamma: what a customer spends on a purchase day, shrunk towards everyone's mean."""

    p: float
    q: float
    scale: float

    def to_document(self) -> dict[str, float]:
        return dict(vars(self))

    def expected(self, mean: Floats, days: Floats) -> Floats:
        """Expected money on a purchase day, from the mean of `days` observed ones."""
        mean = np.maximum(mean, 0.0)
        return self.p * (self.scale + days * mean) / (self.p * days + self.q - 1.0)


def fit_spend(mean: Floats, days: Floats) -> Spend:
    """Maximum likelihood over customers with a positive mean (Fader, Hardie 2013).

    Raises:
        FitFailed: nobody spent anything, or no start converged.
    """
    used = (mean > 0) & (days > 0)
    if not used.any():
        raise FitFailed("The spend model needs customers with a positive spend; there are none.")
    unit = float(mean[used].mean())
    m, x = mean[used] / unit, days[used]

    def loss(logs: Floats) -> float:
        p, q, scale = np.exp(logs[0]), 1.0 + np.exp(logs[1]), np.exp(logs[2])
        value = (
            gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(scale)
            + (p * x - 1.0) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(scale + x * m)
        )  # fmt: skip
        return -float(value.mean()) + _PENALTY * float(logs @ logs)

    results = [
        minimize(loss, np.array(start), method="L-BFGS-B", bounds=[(-_LIMIT, _LIMIT)] * 3)
        for start in ((0.0, 0.5, 0.0), (1.5, 1.0, 1.0))
    ]
    good = [result for result in results if result.success and np.isfinite(result.fun)]
    if not good:
        raise FitFailed(f"The spend likelihood has no maximum ({results[0].message}).")
    p, q, scale = min(good, key=lambda result: result.fun).x
    return Spend(float(np.exp(p)), float(1.0 + np.exp(q)), float(np.exp(scale) * unit))
