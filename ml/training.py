"""Train, judge and save one model: facts in, a folder of native files and its record out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ml import artefacts, churn, clv
from ml.backends import connect
from ml.booster import Evidence, Shape, Task, margins
from ml.btyd import Habit, extend_each, fit_habit
from ml.calibration import learn_blend
from ml.contracts import DAY, AttributeField, cutoff_of
from ml.dataset import (
    Progress,
    Span,
    known_attributes,
    labelled,
    margin_shares,
    origins,
    span_at,
)
from ml.evaluation import Evaluation, evaluate_churn, evaluate_clv
from ml.facts import FactStore
from ml.plots import save_plots
from ml.sample import Sample, join, sample_at

Name = Literal["churn", "clv"]
CLV_STEP_DAYS = 28
ANNUAL_RATE = 0.10


@dataclass(frozen=True)
class TrainedModel:
    """A trained model on disk and everything worth recording about it."""

    name: Name
    folder: Path
    files: Mapping[str, str]
    as_of: dt.date
    horizon_days: int
    parameters: Mapping[str, str | int | float]
    snapshot: Mapping[str, Any]
    evaluation: Evaluation
    holdout: Sample
    """The holdout before any model's habit is added: other models can be judged on it too."""
    exponent: int
    plots: tuple[Path, ...]

    @property
    def metrics(self) -> dict[str, float]:
        return dict(self.evaluation.metrics)


@dataclass(frozen=True)
class _Lesson:
    """What both models learn from; each origin is already extended by its own habit."""

    attributes: tuple[AttributeField, ...]
    span: Span
    cutoff: int
    horizon_days: int
    past: Sample
    holdout: Sample
    holdout_habit: Habit
    habit: Habit

    @property
    def teachers(self) -> Sample:
        """Origins whose windows had closed when the holdout's began: all a back-test may know."""
        closed = self.past.cutoff + self.horizon_days * DAY <= self.holdout.cutoff[0]
        return self.past.where(closed)

    @property
    def judged(self) -> Sample:
        return self.holdout_habit.extend(self.holdout, self.horizon_days)


def train(
    store: Path,
    name: Name,
    *,
    as_of: dt.date,
    horizon_days: int,
    seed: int = 0,
    threads: int,
    folder: Path,
    progress: Callable[[str, float], None] | None = None,
    annual_rate: float = ANNUAL_RATE,
) -> TrainedModel:
    """Train on everything known at the end of `as_of`; judge on the last complete window.

    `folder` gets four model files: the model itself, learned from all complete windows, and its
    back-test twin, which has not seen the holdout. `progress` hears of steps and shares done.

    Raises:
        MLError: the facts can't teach this model; the message says what would do.
    """
    facts = FactStore(store)
    tell: Progress = progress or _silent
    step_days = horizon_days if name == "churn" else min(CLV_STEP_DAYS, horizon_days)
    lesson = _study(facts, as_of, horizon_days, step_days, threads, tell)
    if name == "churn":
        files, evaluation, shape = _train_churn(lesson, churn.task(seed, threads), folder, tell)
    else:
        job = clv.task(seed, threads)
        files, evaluation, shape = _train_clv(
            lesson, job, folder, tell, annual_rate, facts.manifest.currency_exponent
        )
    tell("Back-testing", 1.0)
    return TrainedModel(
        name=name,
        folder=folder,
        files=files,
        as_of=as_of,
        horizon_days=horizon_days,
        parameters=_parameters(lesson, shape, seed, threads)
        | ({"annual_rate": annual_rate, "basis": lesson.span.basis} if name == "clv" else {}),
        snapshot=_snapshot(facts, lesson),
        evaluation=evaluation,
        holdout=lesson.holdout,
        exponent=facts.manifest.currency_exponent,
        plots=tuple(save_plots(evaluation, name, folder / "plots")),
    )


def _silent(_step: str, _share: float) -> None:
    """Nobody listens."""


def _study(
    facts: FactStore, as_of: dt.date, horizon_days: int, step_days: int, threads: int,
    tell: Progress,
) -> _Lesson:  # fmt: skip
    cutoff = cutoff_of(as_of, facts.manifest.time_zone)
    with connect(threads) as backend:
        backend.open(facts)
        span = span_at(backend, cutoff)
        attributes = known_attributes(backend, facts.attribute_fields(), cutoff)
        cutoffs = origins(span, cutoff, horizon_days=horizon_days, step_days=step_days)
        sample = labelled(
            backend, attributes, cutoffs, horizon_days=horizon_days, span=span, progress=tell
        )
        now = sample_at(backend, attributes, [cutoff])
        shares = margin_shares(backend, cutoffs, span)
    is_holdout = sample.cutoff == cutoffs[0]
    holdout = sample.where(is_holdout)
    return _Lesson(
        attributes=attributes,
        span=span,
        cutoff=cutoff,
        horizon_days=horizon_days,
        past=extend_each(sample.where(~is_holdout), horizon_days, shares),
        holdout=holdout,
        holdout_habit=fit_habit(holdout, shares[cutoffs[0]]),
        habit=fit_habit(now, span.margin_share),
    )


def _train_churn(
    lesson: _Lesson, job: Task, folder: Path, tell: Progress
) -> tuple[dict[str, str], Evaluation, Shape]:
    teachers, judged = lesson.teachers, lesson.judged
    shape, evidence = churn.explore(teachers, lesson.horizon_days, job)
    tell("Fitting", 0.5)
    backtest = churn.fit(
        teachers, learn_blend(evidence), attributes=lesson.attributes,
        habit=lesson.holdout_habit, horizon_days=lesson.horizon_days,
        cutoff=int(judged.cutoff[0]), shape=shape, job=job,
    )  # fmt: skip
    evaluation = evaluate_churn(backtest, teachers, judged)
    seen = Evidence(judged, margins(backtest.booster, judged.matrix(backtest.codes)))
    final = churn.fit(
        _all(lesson), learn_blend(evidence.joined(seen)), attributes=lesson.attributes,
        habit=lesson.habit, horizon_days=lesson.horizon_days, cutoff=lesson.cutoff,
        shape=shape, job=job,
    )  # fmt: skip
    tell("Fitting", 1.0)
    return _save(final, backtest, folder), evaluation, shape


def _train_clv(
    lesson: _Lesson, job: Task, folder: Path, tell: Progress, annual_rate: float, exponent: int
) -> tuple[dict[str, str], Evaluation, Shape]:
    teachers, judged = lesson.teachers, lesson.judged
    shape, evidence = clv.explore(teachers, lesson.horizon_days, job)
    tell("Fitting", 0.5)
    backtest = clv.fit(
        teachers, evidence, attributes=lesson.attributes, habit=lesson.holdout_habit,
        horizon_days=lesson.horizon_days, cutoff=int(judged.cutoff[0]), shape=shape, job=job,
        basis=lesson.span.basis, annual_rate=annual_rate,
    )  # fmt: skip
    evaluation = evaluate_clv(backtest, teachers, judged, exponent)
    scores = margins(backtest.booster, judged.matrix(backtest.codes))
    seen = Evidence(judged, scores + np.log(backtest.level.unit))
    final = clv.fit(
        _all(lesson), evidence.joined(seen), attributes=lesson.attributes, habit=lesson.habit,
        horizon_days=lesson.horizon_days, cutoff=lesson.cutoff, shape=shape, job=job,
        basis=lesson.span.basis, annual_rate=annual_rate,
    )  # fmt: skip
    tell("Fitting", 1.0)
    return _save(final, backtest, folder), evaluation, shape


def _all(lesson: _Lesson) -> Sample:
    return join([lesson.past, lesson.judged])


def _save(
    final: churn.ChurnModel | clv.ClvModel, backtest: churn.ChurnModel | clv.ClvModel, folder: Path
) -> dict[str, str]:
    return final.save(folder, artefacts.CHAMPION) | backtest.save(folder, artefacts.BACKTEST)


def _parameters(
    lesson: _Lesson, shape: Shape, seed: int, threads: int
) -> dict[str, str | int | float]:
    return {
        "seed": seed,
        "threads": threads,
        "horizon_days": lesson.horizon_days,
        "depth": shape.depth,
        "rounds": shape.rounds,
        "features": len(lesson.past.codes),
        "origins": len(np.unique(lesson.past.cutoff)) + 1,
    }


def _snapshot(facts: FactStore, lesson: _Lesson) -> dict[str, Any]:
    manifest = facts.manifest
    return {
        "fingerprint": facts.fingerprint(),
        "rows": {name: manifest.rows(name) for name in manifest.files},
        "first_purchase_at": lesson.span.first_at,
        "last_purchase_at": lesson.span.last_at,
        "time_zone": manifest.time_zone,
        "cutoff": lesson.cutoff,
        "holdout_cutoff": int(lesson.holdout.cutoff[0]),
        "holdout_customers": len(lesson.holdout),
        "training_rows": len(lesson.past) + len(lesson.holdout),
        "customers": lesson.span.buyers,
    }
