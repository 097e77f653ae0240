"""Train, judge and save one model: facts in, a folder of native files and its record out."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ml import artefacts
from ml.backends import connect
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import cutoff_of
from ml.dataset import Progress
from ml.evaluation import Evaluation, evaluate_churn, evaluate_clv
from ml.facts import FactStore, Manifest
from ml.learning.churn import ChurnCourse
from ml.learning.clv import ClvCourse
from ml.learning.course import Course, Taught, chain, deadline, origins_of, teach
from ml.learning.origins import Origin, Plan
from ml.learning.study import Study
from ml.plots import save_plots
from ml.sample import Sample

Name = Literal["churn", "clv"]
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


def train(
    store: Path,
    name: Name,
    *,
    as_of: dt.date,
    horizon_days: int,
    seed: int = 0,
    threads: int,
    folder: Path,
    progress: Progress | None = None,
    annual_rate: float = ANNUAL_RATE,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> TrainedModel:
    """Train on everything known at the end of `as_of`; judge on the latest complete window.

    `folder` gets four model files: the model itself, learned from all complete windows, and its
    back-test twin, which has not seen the holdout. `progress` hears of steps and shares done. With
    less than some `seconds` the search for the shape of the trees is left out.

    Raises:
        MLError: the facts can't teach this model; the message says what would do.
    """
    facts, tell, late = FactStore(store), progress or silent, deadline(seconds, clock)
    cutoff = cutoff_of(as_of, facts.manifest.time_zone)
    with connect(threads) as backend:
        study = Study.open(backend, facts, cutoff, threads)
        plans = chain(study.span, Origin(cutoff, horizon_days))
        study.prepare(origins_of(plans), tell)
    course = course_of(name, study, horizon_days, seed, threads, annual_rate)
    taught = teach(course, study, plans, tell, late)
    tell("Back-testing", 0.5)
    evaluation = _evaluate(taught, facts.manifest)
    files = taught.final.save(folder, artefacts.CHAMPION) | taught.twin.save(
        folder, artefacts.BACKTEST
    )
    plots = tuple(save_plots(evaluation, name, folder / "plots"))
    tell("Back-testing", 1.0)
    return TrainedModel(
        name=name,
        folder=folder,
        files=files,
        as_of=as_of,
        horizon_days=horizon_days,
        parameters=_parameters(taught, plans, seed, threads)
        | ({"annual_rate": annual_rate, "basis": study.span.basis} if name == "clv" else {}),
        snapshot=_snapshot(facts, study, taught),
        evaluation=evaluation,
        holdout=study.labelled(taught.proof),
        exponent=facts.manifest.currency_exponent,
        plots=plots,
    )


def course_of(
    name: Name, study: Study, horizon_days: int, seed: int, threads: int, annual_rate: float
) -> Course[ChurnModel | ClvModel]:
    if name == "churn":
        return ChurnCourse(seed, threads)
    return ClvCourse(seed, threads, horizon_days, study.span.basis, annual_rate)


def silent(_step: str, _share: float) -> None:
    """Nobody listens."""


def _evaluate(taught: Taught[ChurnModel | ClvModel], manifest: Manifest) -> Evaluation:
    zone = manifest.time_zone
    if isinstance(taught.twin, ChurnModel):
        return evaluate_churn(taught.twin, taught.teachers, taught.judged, zone)
    exponent = manifest.currency_exponent
    return evaluate_clv(taught.twin, taught.teachers, taught.judged, exponent, zone)


def _parameters(
    taught: Taught[ChurnModel | ClvModel], plans: Sequence[Plan], seed: int, threads: int
) -> dict[str, str | int | float]:
    shapes = {
        f"{member}.{what}": value
        for member, shape in taught.shapes.items()
        for what, value in shape._asdict().items()
    }
    habit = taught.final.habit
    return {
        "seed": seed,
        "threads": threads,
        "horizon_days": plans[0].target.horizon_days,
        "holdout_horizon_days": taught.proof.horizon_days,
        "extrapolated": int(plans[0].extrapolated),
        "features": len(taught.final.codes),
        "origins": len(plans[0].teachers),
        "rhythm": habit.rhythm.kind,
        "rhythm_note": habit.note or "as wanted",
        **shapes,
    }


def _snapshot(
    facts: FactStore, study: Study, taught: Taught[ChurnModel | ClvModel]
) -> dict[str, Any]:
    manifest = facts.manifest
    return {
        "fingerprint": facts.fingerprint(),
        "rows": {name: manifest.rows(name) for name in manifest.files},
        "first_purchase_at": study.span.first_at,
        "last_purchase_at": study.span.last_at,
        "time_zone": manifest.time_zone,
        "cutoff": study.cutoff,
        "holdout_cutoff": taught.proof.cutoff,
        "holdout_customers": len(taught.judged),
        "training_rows": len(taught.teachers) + len(taught.judged),
        "customers": study.span.buyers,
    }
