"""Predict from purchases alone: learn what the history teaches, and foretell the days after it.

Nothing is registered and nothing is kept; `ml.training` does that.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml.backends import connect
from ml.btyd import Histories
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import cutoff_of
from ml.dataset import Progress
from ml.explain import reasons
from ml.facts import FactStore
from ml.learning.churn import ChurnCourse
from ml.learning.clv import ClvCourse
from ml.learning.course import Late, apply, chain, deadline, never_late, origins_of
from ml.learning.origins import Origin, Plan
from ml.learning.study import Study
from ml.sample import Sample
from ml.training import silent

COLUMNS = pa.schema(
    [
        ("customer_id", pa.int64()),
        ("churn_probability", pa.float64()),
        ("expected_purchases", pa.float64()),
        ("expected_spend", pa.float64()),
        ("spend_low", pa.float64()),
        ("spend_high", pa.float64()),
        ("extrapolated", pa.bool_()),
        ("reasons", pa.string()),
    ]
)

_USUAL_DAYS = 5.0
"""How many purchase days of one's own weigh as much as everybody's purchases a day."""


def forecast(
    store: Path,
    *,
    as_of: dt.date,
    horizon_days: int,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> pa.Table:
    """`COLUMNS` for everyone who bought by the end of `as_of`, of the `horizon_days` after it.

    Money is in minor units, as it will be booked: undiscounted and before costs; null where no
    purchase had an amount. `reasons` are those of the churn probability, as in
    `ml.contracts.PREDICTION_COLUMNS`. With only a few `seconds` the shape of the trees is not
    searched for; the numbers then depend on how fast the machine is.

    Raises:
        MLError: the facts can't teach this; the message says what would do.
    """
    tell = progress or silent
    lesson = learn(
        store,
        as_of=as_of,
        horizon_days=horizon_days,
        seed=seed,
        threads=threads,
        progress=tell,
        late=deadline(seconds, clock),
    )
    tell("Predicting", 0.0)
    table = _table(lesson.churn, lesson.value, lesson.buyers, horizon_days)
    tell("Predicting", 1.0)
    return table


@dataclass(frozen=True)
class Lesson:
    """What a history taught; `value` is None where no purchase had an amount."""

    study: Study
    plan: Plan
    churn: ChurnModel
    value: ClvModel | None

    @property
    def buyers(self) -> Sample:
        """Those to be predicted."""
        return self.study.buyers(self.plan.target.cutoff)


def learn(
    store: Path,
    *,
    as_of: dt.date,
    horizon_days: int,
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
    late: Late = never_late,
) -> Lesson:
    """Both models, learned from everything known at the end of `as_of`.

    Raises:
        MLError: the facts can't teach this; the message says what would do.
    """
    facts, tell = FactStore(store), progress or silent
    cutoff = cutoff_of(as_of, facts.manifest.time_zone)
    with connect(threads) as backend:
        study = Study.open(backend, facts, cutoff, threads)
        plans = chain(study.span, Origin(cutoff, horizon_days))
        study.prepare(origins_of(plans), tell)
    churn = apply(ChurnCourse(seed, threads), study, plans, tell, late)
    value: ClvModel | None = None
    if study.spends:
        value = apply(
            ClvCourse(seed, threads, horizon_days, "spend", 0.0), study, plans, tell, late
        )
    return Lesson(study, plans[0], churn, value)


def _table(
    churn: ChurnModel, value: ClvModel | None, buyers: Sample, horizon_days: int
) -> pa.Table:
    sample = churn.habit.extend(buyers, horizon_days)
    nothing = pa.nulls(len(sample), pa.float64())
    low, expected, high = value.undiscounted(sample) if value else (nothing, nothing, nothing)
    absence = churn.predict(sample)
    effects = churn.effects(sample)[:, :-1]
    columns = [
        sample.customer_id,
        absence,
        _purchases(churn, sample, absence, horizon_days),
        expected,
        low,
        high,
        np.full(len(sample), churn.extrapolated),
        reasons(churn.codes, sample.matrix(churn.codes), effects),
    ]
    return pa.table(columns, schema=COLUMNS)


def _purchases(
    churn: ChurnModel, sample: Sample, absence: np.ndarray, horizon_days: int
) -> np.ndarray:
    """Purchases, all rows of a customer at one moment being one: the rhythm's purchase days, given
    that there are any, times the chance of that, times how many purchases a day of theirs has.

    What the model knows beyond the rhythm it knows of whether somebody comes at all.
    """
    seen = Histories.of(sample)
    by_rhythm = churn.habit.rhythm.expected_days(seen, horizon_days)
    chance = np.maximum(1.0 - churn.habit.rhythm.absence(seen, horizon_days), 1e-12)
    given = np.clip(by_rhythm / chance, 1.0, float(horizon_days))
    orders, days = sample.column("order_count"), sample.column("purchase_days")
    usual = orders.sum() / max(days.sum(), 1.0)
    a_day = (orders + _USUAL_DAYS * usual) / (days + _USUAL_DAYS)
    return np.asarray((1.0 - absence) * given * a_day, np.float64)
