"""One judgement: ours and every baseline on the same customers, in numbers with their doubt."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ml.evaluation.bootstrap import Interval, bootstrap, paired
from ml.evaluation.metrics import DECISIVE, Weighted, weighted_churn, weighted_clv, weighted_ends
from ml.sample import Floats

OURS = "echelon"
MIN_SEGMENT = 50
"""Customers that a segment needs before anything is said of it."""
SEGMENT_SLACK = 0.05
"""How much larger than the reference's a segment's loss may be before it is below its floor."""
_SHOWN = {"churn": ("auc", "log_loss", "ece"), "clv": ("gini", "tweedie_loss", "total_ratio")}


class Case(Protocol):
    """What is judged: at one origin, what each method foretold and what then happened.

    All arrays have a row per customer; `actual` is 1 for churned and 0 for stayed, or value in
    minor units; `methods` holds ours under `OURS` and every baseline.
    """

    @property
    def origin(self) -> dt.date: ...
    @property
    def customer_id(self) -> npt.NDArray[np.int64]: ...
    @property
    def actual(self) -> Floats: ...
    @property
    def methods(self) -> Mapping[str, Floats]: ...
    @property
    def low(self) -> Floats | None: ...
    @property
    def high(self) -> Floats | None: ...
    @property
    def segments(self) -> Mapping[str, npt.NDArray[np.bool_]]: ...
    @property
    def extrapolated(self) -> bool:
        """Whether history was too short for the horizon, so that ours stretched a shorter one."""
        ...


@dataclass(frozen=True)
class Holdout:
    """A `Case` as it stands: one origin, or several after one another."""

    origin: dt.date
    customer_id: npt.NDArray[np.int64]
    actual: Floats
    methods: Mapping[str, Floats]
    low: Floats | None
    high: Floats | None
    segments: Mapping[str, npt.NDArray[np.bool_]]
    extrapolated: bool = False


@dataclass(frozen=True)
class SegmentJudgement:
    """Ours in one segment against a reference; `difference` is of the decisive metric."""

    segment: str
    customers: int
    actual: float
    predicted: float
    metrics: Mapping[str, Interval]
    floor: float
    difference: Interval

    @property
    def held(self) -> bool:
        """Below its floor only where the loss is well above the reference's and surely so."""
        beyond = self.metrics[_decisive(self.metrics)].value > self.floor
        return not (beyond and self.difference.low > 0)


@dataclass(frozen=True)
class Judgement:
    name: str
    customers: int
    rows: int
    base: float
    """Mean outcome: the churn rate, or the mean value in minor units."""
    methods: Mapping[str, Mapping[str, Interval]]
    rival: str | None
    """The baseline with the lowest decisive loss."""
    against_rival: Mapping[str, Interval]
    segments: tuple[SegmentJudgement, ...]


def judge(name: str, case: Case, *, exponent: int, seed: int = 0) -> Judgement:
    """Metrics with intervals of every method, differences to the best baseline, segments."""
    functions = {
        method: metrics_of(name, case, method, exponent) for method in ordered(case.methods)
    }
    flat = {(m, metric): f for m, many in functions.items() for metric, f in many.items()}
    found = bootstrap(
        {f"{method}\n{metric}": f for (method, metric), f in flat.items()},
        case.customer_id,
        seed=seed,
    )
    methods = {
        method: {metric: found[f"{method}\n{metric}"] for metric in many}
        for method, many in functions.items()
    }
    rivals = [method for method in methods if method != OURS]
    rival = min(rivals, key=lambda m: methods[m][DECISIVE[name]].value, default=None)
    return Judgement(
        name=name,
        customers=len(np.unique(case.customer_id)),
        rows=len(case.actual),
        base=float(case.actual.mean()),
        methods=methods,
        rival=rival,
        against_rival={} if rival is None else differences(name, case, rival, exponent, seed),
        segments=()
        if rival is None
        else judge_segments(name, case, case.methods[rival], exponent=exponent, seed=seed),
    )


def differences(name: str, case: Case, rival: str, exponent: int, seed: int) -> dict[str, Interval]:
    """Ours minus the rival's, metric by metric, on the same resamples."""
    ours = metrics_of(name, case, OURS, exponent)
    theirs = metrics_of(name, case, rival, exponent)
    both = {metric: paired(ours[metric], theirs[metric]) for metric in theirs if metric in ours}
    return bootstrap(both, case.customer_id, seed=seed)


def judge_segments(
    name: str, case: Case, reference: Floats, *, exponent: int, seed: int = 0
) -> tuple[SegmentJudgement, ...]:
    """Every segment that is large enough, against a reference's predictions for the same rows."""
    return tuple(
        _judge_segment(name, case, segment, reference, exponent, seed)
        for segment, mask in case.segments.items()
        if int(mask.sum()) >= MIN_SEGMENT
    )


def _judge_segment(
    name: str, case: Case, segment: str, reference: Floats, exponent: int, seed: int
) -> SegmentJudgement:
    mask = case.segments[segment]
    predicted, actual = case.methods[OURS][mask], case.actual[mask]
    ours = _functions(name, predicted, actual, exponent)
    decisive = DECISIVE[name]
    theirs = _functions(name, reference[mask], actual, exponent)[decisive]
    wanted = {metric: ours[metric] for metric in _SHOWN[name]}
    wanted |= {"reference": theirs, "difference": paired(ours[decisive], theirs)}
    found = bootstrap(wanted, case.customer_id[mask], seed=seed)
    return SegmentJudgement(
        segment=segment,
        customers=int(mask.sum()),
        actual=float(actual.mean()),
        predicted=float(predicted.mean()),
        metrics={metric: found[metric] for metric in _SHOWN[name]},
        floor=found["reference"].value * (1.0 + SEGMENT_SLACK),
        difference=found["difference"],
    )


def metrics_of(name: str, case: Case, method: str, exponent: int) -> dict[str, Weighted]:
    """The metrics of one method; the ends of the interval are ours alone."""
    functions = _functions(name, case.methods[method], case.actual, exponent)
    if method == OURS and case.low is not None and case.high is not None:
        functions |= weighted_ends(case.low, case.high, case.actual)
    return functions


def _functions(name: str, predicted: Floats, actual: Floats, exponent: int) -> dict[str, Weighted]:
    if name == "churn":
        return weighted_churn(predicted, actual > 0.5)
    return weighted_clv(predicted, actual, exponent)


def pooled(cases: Sequence[Case]) -> Holdout:
    """All origins as one, with the methods and segments that every origin has."""
    methods = set.intersection(*(set(case.methods) for case in cases))
    segments = set.intersection(*(set(case.segments) for case in cases))

    def together(parts: list[Floats | None]) -> Floats | None:
        known = [part for part in parts if part is not None]
        return np.concatenate(known) if len(known) == len(parts) else None

    return Holdout(
        origin=cases[-1].origin,
        customer_id=np.concatenate([case.customer_id for case in cases]),
        actual=np.concatenate([case.actual for case in cases]),
        methods={
            name: np.concatenate([case.methods[name] for case in cases])
            for name in cases[0].methods
            if name in methods
        },
        low=together([case.low for case in cases]),
        high=together([case.high for case in cases]),
        segments={
            name: np.concatenate([case.segments[name] for case in cases])
            for name in cases[0].segments
            if name in segments
        },
        extrapolated=any(case.extrapolated for case in cases),
    )


def scaled(case: Case, divisor: float) -> Holdout:
    """The case in other units of the outcome: money in whole units instead of minor ones."""

    def part(values: Floats | None) -> Floats | None:
        return None if values is None else values / divisor

    return Holdout(
        origin=case.origin,
        customer_id=case.customer_id,
        actual=case.actual / divisor,
        methods={name: values / divisor for name, values in case.methods.items()},
        low=part(case.low),
        high=part(case.high),
        segments=case.segments,
        extrapolated=case.extrapolated,
    )


def ordered(methods: Mapping[str, Floats]) -> list[str]:
    """Ours first, then the baselines as they come."""
    return [OURS, *(method for method in methods if method != OURS)]


def _decisive(metrics: Mapping[str, Interval]) -> str:
    return next(metric for metric in DECISIVE.values() if metric in metrics)
