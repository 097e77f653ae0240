"""Whether predictions mean what they say, with the doubt that a small holdout leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.calibration import BINS, expected_calibration_error
from ml.evaluation.bootstrap import Interval, bootstrap
from ml.evaluation.judgement import Case, metrics_of
from ml.sample import Floats

MAX_ECE = 0.05
TOTAL_RATIO = (0.8, 1.25)
MIN_WITHIN_HIGH = 0.85
MAX_BELOW_LOW = 0.15
_TRIALS = 200
_CHANCE = 0.95


@dataclass(frozen=True)
class Calibrated:
    """The finding: `distances` are 0 where a limit is kept and grow with the distance from it."""

    distances: Mapping[str, float]
    text: str
    numbers: Mapping[str, float]

    @property
    def passed(self) -> bool:
        return not any(self.distances.values())

    def no_further_off(self, other: Calibrated) -> bool:
        """Whether each limit that is missed is missed by no more than by the other."""
        return all(
            off <= other.distances.get(limit, 0.0) for limit, off in self.distances.items() if off
        )


def calibration_of(name: str, case: Case, method: str) -> Calibrated:
    if name == "churn":
        return _of_probabilities(case.methods[method], case.actual)
    return _of_values(case, method)


def _of_probabilities(probability: Floats, happened: Floats) -> Calibrated:
    """The error may be `MAX_ECE`, or what exact probabilities would show by chance."""
    ece = expected_calibration_error(probability, happened)
    chance = chance_error(probability, seed=0)
    limit = max(MAX_ECE, chance)
    return Calibrated(
        {"ece": max(0.0, ece - limit)},
        f"the expected calibration error is {ece:.4f}, at most {limit:.4f} is allowed",
        {"ece": ece, "limit": limit, "by_chance": chance},
    )


def chance_error(probability: Floats, *, seed: int) -> float:
    """The calibration error that exact probabilities stay below in 95 of 100 such holdouts."""
    order = np.argsort(probability, kind="stable")
    starts = np.cumsum([0, *map(len, np.array_split(order, min(BINS, len(order)))[:-1])])
    ordered = probability[order]
    random = np.random.default_rng(seed)
    errors = np.empty(_TRIALS)
    for trial in range(_TRIALS):
        gap = ordered - (random.random(len(ordered)) < ordered)
        errors[trial] = np.abs(np.add.reduceat(gap, starts)).sum() / len(ordered)
    return float(np.quantile(errors, _CHANCE))


def _of_values(case: Case, method: str) -> Calibrated:
    """The total, and the ends of the interval; each limit is missed only beyond its own doubt."""
    functions = metrics_of("clv", case, method, 0)
    wanted = [name for name in ("total_ratio", "within_high", "below_low") if name in functions]
    found = bootstrap({name: functions[name] for name in wanted}, case.customer_id)
    distances = {"total_ratio": _outside(found["total_ratio"], *TOTAL_RATIO)}
    if "within_high" in found:
        distances["within_high"] = _outside(found["within_high"], MIN_WITHIN_HIGH, 1.0)
        distances["below_low"] = _outside(found["below_low"], 0.0, MAX_BELOW_LOW)
    values = {name: interval.value for name, interval in found.items()}
    ends = (
        f"; {values['within_high']:.1%} are within the upper end, at least {MIN_WITHIN_HIGH:.0%} "
        f"is wanted, and {values['below_low']:.1%} below the lower, at most {MAX_BELOW_LOW:.0%}"
        if "within_high" in values
        else ""
    )
    low, high = TOTAL_RATIO
    text = (
        f"the predicted total is {values['total_ratio']:.3f} of the actual one, "
        f"{low:g} to {high:g} is allowed{ends}"
    )
    return Calibrated(distances, text, values)


def _outside(interval: Interval, low: float, high: float) -> float:
    """How far the whole interval lies outside the limits; 0 where it touches them."""
    return max(0.0, low - interval.high, interval.low - high)
