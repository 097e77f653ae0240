"""Back-tests at several past origins: ours beside every baseline, on the same customers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.backends import connect
from ml.churn import ChurnModel
from ml.contracts import DAY, cutoff_of, day_of
from ml.dataset import Progress
from ml.errors import NotEnoughHistory
from ml.evaluation.segments import segments_of
from ml.facts import FactStore
from ml.learning.baselines import churn_baselines, newest, value_baselines
from ml.learning.course import apply, chain, origins_of
from ml.learning.origins import Origin, Plan
from ml.learning.study import Study
from ml.sample import Floats
from ml.training import ANNUAL_RATE, Name, course_of, silent

OURS = "echelon"


@dataclass(frozen=True)
class Backtest:
    """One origin: what each method foretold and what then happened, a row per customer."""

    origin: dt.date
    """The last day known."""
    horizon_days: int
    customer_id: npt.NDArray[np.int64]
    actual: Floats
    """1 for churned and 0 for stayed, or value in minor units."""
    methods: Mapping[str, Floats]
    low: Floats | None
    high: Floats | None
    segments: Mapping[str, npt.NDArray[np.bool_]]
    extrapolated: bool


def backtest(
    store: Path,
    name: Name,
    *,
    as_of: dt.date,
    horizon_days: int,
    origins: int = 3,
    seed: int = 0,
    threads: int,
    progress: Progress | None = None,
) -> tuple[Backtest, ...]:
    """Judge at up to so many origins, oldest first, whose windows had closed by `as_of`.

    At each of them everything is learned anew from what could be known there.

    Raises:
        NotEnoughHistory: not even one window can be held out.
    """
    facts, tell = FactStore(store), progress or silent
    zone = facts.manifest.time_zone
    cutoff = cutoff_of(as_of, zone)
    with connect(threads) as backend:
        study = Study.open(backend, facts, cutoff, threads)
        chains = _chains(study, Origin(cutoff, horizon_days), origins)
        wanted = {origin for plans in chains for origin in origins_of(plans)}
        study.prepare(wanted | {plans[0].target for plans in chains}, tell)
    found: list[Backtest] = []
    for place, plans in enumerate(chains):
        tell("Back-testing", place / len(chains))
        try:
            found.append(_judge(name, study, plans, seed, threads))
        except NotEnoughHistory:
            # A young business: its oldest days teach nothing, the later ones may.
            if found or place + 1 == len(chains):
                raise
    tell("Back-testing", 1.0)
    return tuple(found)


def _chains(study: Study, today: Origin, origins: int) -> list[list[Plan]]:
    """For each origin to judge the plans behind it, oldest first."""
    found: list[list[Plan]] = []
    step = max(today.horizon_days // 2, min(today.horizon_days, 28))
    for place in range(origins):
        days = today.horizon_days + place * step
        held = Origin(today.cutoff - days * DAY, today.horizon_days)
        try:
            found.insert(0, chain(study.span, held))
        except NotEnoughHistory:
            break
    if not found:
        raise NotEnoughHistory(
            f"A back-test of {today.horizon_days} days needs as many days of purchases after "
            "an origin and a month before it: choose a shorter horizon, or import older orders."
        )
    return found


def _judge(name: Name, study: Study, plans: list[Plan], seed: int, threads: int) -> Backtest:
    held = plans[0].target
    course = course_of(name, study, held.horizon_days, seed, threads, ANNUAL_RATE)
    judged, teachers = study.extended(held), newest(study.lesson(plans[0]))
    model = apply(course, study, plans, silent)
    low: Floats | None = None
    high: Floats | None = None
    if isinstance(model, ChurnModel):
        actual, ours = judged.churned.astype(np.float64), model.predict(judged)
        rivals = churn_baselines(teachers, judged)
    else:
        actual = judged.value
        low, ours, high = model.undiscounted(judged)
        rivals = value_baselines(teachers, judged, model.habit.margin_share)
    return Backtest(
        origin=day_of(held.cutoff - 1, study.span.time_zone),
        horizon_days=held.horizon_days,
        customer_id=judged.customer_id,
        actual=actual,
        methods={OURS: ours, **rivals},
        low=low,
        high=high,
        segments=segments_of(judged),
        extrapolated=plans[0].extrapolated,
    )
