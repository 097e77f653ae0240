"""Maximum likelihood from several starts: coarsely on few rows, then once on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from ml.errors import FitFailed
from ml.sample import Floats

Loss = Callable[[Floats], tuple[float, Floats]]
"""Logs of the parameters -> mean negative log-likelihood of a customer, and its gradient."""

PRIOR = 0.05
"""Strength of the penalty PRIOR * sum(log parameter squared) over all customers together: as if
each log were drawn around 0 with a standard deviation of 3. It decides only what data leave open.
0 is plain maximum likelihood."""

COARSE_ROWS = 20_000
"""Starts are tried on so many rows at most."""

LIMIT = 12.0
"""Parameters stay between exp(-LIMIT) and exp(LIMIT), in units of the data's own."""

_FLAT = 1e-4


def find_maximum(
    name: str, starts: Sequence[tuple[float, ...]], coarse: Loss, fine: Loss
) -> Floats:
    """Logs of the best parameters: the best of `starts` by `coarse`, followed up by `fine`.

    Raises:
        FitFailed: no start arrives at a maximum.
    """
    results = [_descend(coarse, np.log(np.array(start))) for start in starts]
    good = [result for result in results if _arrived(result)]
    if good:
        best = min(good, key=lambda result: float(result.fun))
        good = [result for result in [_descend(fine, best.x)] if _arrived(result)]
    if not good:
        raise FitFailed(
            f"The {name} likelihood has no maximum that any start reaches "
            f"({results[0].message}): check that purchases vary between customers."
        )
    return np.asarray(min(good, key=lambda result: float(result.fun)).x, np.float64)


def penalised(loss: float, gradient: Floats, logs: Floats, weight: float) -> tuple[float, Floats]:
    """Loss and gradient with the penalty, `weight` being its strength over the customers."""
    return loss + weight * float(logs @ logs), gradient + 2.0 * weight * logs


def _descend(loss: Loss, start: Floats) -> Any:
    return minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(-LIMIT, LIMIT)] * len(start),
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500, "maxls": 40},
    )


def _arrived(result: Any) -> bool:
    """Converged, or stopped by rounding where nothing slopes any more."""
    if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
        return False
    inward = result.x - np.clip(result.x - result.jac, -LIMIT, LIMIT)
    return bool(result.success or np.abs(inward).max() < _FLAT)
