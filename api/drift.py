"""Whether to train again: today's customers and past predictions held against the champions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from api.db.champions import MODEL_NAMES, KnownModel, list_known
from api.db.facts import sync_facts
from api.db.installation import read_installation
from api.db.published import PastRun, list_runs, read_scores
from api.errors import InvalidInput, NotReady
from api.promotions import model_files
from api.settings import Settings
from ml.contracts import cutoff_of

if TYPE_CHECKING:
    from ml.churn import ChurnModel
    from ml.clv import ClvModel
    from ml.drift import Advice, Published, Realised, Windows

MOST_RUNS = 6
"""Closed refreshes that are looked at per model, the latest ones."""
Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class LabelArrival:
    """Of the refreshes with a model's scores, how many can be judged by now."""

    name: str
    published: int
    closed: int
    next_closes_on: dt.date | None


@dataclass(frozen=True)
class DriftReport:
    as_of: dt.date
    advice: Advice
    windows: tuple[Windows, ...]
    labels: tuple[LabelArrival, ...]
    realised: tuple[Realised, ...]


def examine_drift(
    engine: Engine,
    settings: Settings,
    *,
    as_of: dt.date | None,
    clock: Callable[[], dt.datetime],
    progress: Progress,
) -> DriftReport:
    """Compare the champions' training with today; reads only.

    Raises:
        NotReady: a model has no champion.
        InvalidInput: `as_of` lies before a champion's training.
        NotEnoughHistory: there are no purchases to look at.
    """
    from ml.drift import advise, compare, realise

    installation = read_installation(engine)
    day = installation.day_to_look_at(as_of, clock())
    champions = _champions(engine)
    trained = max(known.trained_as_of for known in champions)
    if day < trained:
        raise InvalidInput(
            f"--as-of {day} lies before {trained}, as of which a champion was trained: there is "
            "nothing to compare it with yet."
        )
    progress("Bringing the fact store up to date", None)
    sync_facts(engine, settings.resolved_database_url, settings.fact_store)
    cutoff = cutoff_of(day, installation.time_zone)
    windows = []
    for known in champions:
        progress(f"Comparing {known.name} with its training", None)
        model = _load(settings, known)
        windows.append(
            compare(settings.fact_store, model, cutoff=cutoff, threads=settings.max_threads)
        )
    progress("Judging past predictions", None)
    runs = list_runs(engine)
    realised = realise(
        settings.fact_store,
        list(_published(engine, runs, day)),
        as_of=day,
        threads=settings.max_threads,
    )
    return DriftReport(
        as_of=day,
        advice=advise(windows, realised, cutoff),
        windows=tuple(windows),
        labels=tuple(_arrival(name, runs, day) for name in MODEL_NAMES),
        realised=realised,
    )


def _champions(engine: Engine) -> list[KnownModel]:
    reigning = {known.name: known for known in list_known(engine) if known.champion}
    for name in MODEL_NAMES:
        if name not in reigning:
            raise NotReady(f"There is no {name} champion yet. Train one: echelon train {name}")
    return [reigning[name] for name in MODEL_NAMES]


def _load(settings: Settings, known: KnownModel) -> ChurnModel | ClvModel:
    from ml.artefacts import CHAMPION
    from ml.churn import ChurnModel
    from ml.clv import ClvModel

    kind = ChurnModel if known.name == "churn" else ClvModel
    folder = model_files(settings, known)
    return kind.load(folder, CHAMPION, known.files, settings.max_threads)


def _closes_on(name: str, run: PastRun) -> dt.date:
    days = run.churn_horizon_days if name == "churn" else run.clv_horizon_days
    return run.as_of + dt.timedelta(days=days)


def _arrival(name: str, runs: list[PastRun], day: dt.date) -> LabelArrival:
    ends = [_closes_on(name, run) for run in runs]
    open_ends = [end for end in ends if end > day]
    return LabelArrival(name, len(ends), len(ends) - len(open_ends), min(open_ends, default=None))


def _published(engine: Engine, runs: list[PastRun], day: dt.date) -> Iterator[Published]:
    """The closed refreshes as `ml` wants them, one at a time: each holds every customer."""
    from ml.drift import Published

    for name in MODEL_NAMES:
        for run in [run for run in runs if _closes_on(name, run) <= day][-MOST_RUNS:]:
            scores = read_scores(engine, run.run_id)
            if name == "churn":
                yield Published(
                    name, f"churn/{run.churn_version}", run.as_of, run.churn_horizon_days,
                    scores.customer_id, scores.churn_probability,
                )  # fmt: skip
            else:
                yield Published(
                    name, f"clv/{run.clv_version}", run.as_of, run.clv_horizon_days,
                    scores.customer_id, scores.clv_minor, scores.clv_low_minor,
                    scores.clv_high_minor,
                )  # fmt: skip
