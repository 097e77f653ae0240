"""Back-tests: the models and what they must beat, judged on the same customers of the holdout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import day_of
from ml.evaluation.bootstrap import Interval
from ml.evaluation.judgement import OURS, Holdout, Judgement, judge
from ml.evaluation.metrics import Metrics
from ml.evaluation.segments import segments_of
from ml.learning.baselines import churn_baselines, newest, value_baselines
from ml.sample import Floats, Sample


@dataclass(frozen=True)
class Evaluation:
    """Ours and the baselines on one holdout: the rows, and what was made of them."""

    case: Holdout
    judgement: Judgement

    @property
    def intervals(self) -> Mapping[str, Interval]:
        return self.judgement.methods[OURS]

    @property
    def metrics(self) -> Metrics:
        return {metric: interval.value for metric, interval in self.intervals.items()}

    @property
    def baselines(self) -> dict[str, Metrics]:
        return {
            method: {metric: interval.value for metric, interval in metrics.items()}
            for method, metrics in self.judgement.methods.items()
            if method != OURS
        }

    @property
    def predicted(self) -> Floats:
        return self.case.methods[OURS]

    @property
    def actual(self) -> Floats:
        return self.case.actual


def evaluate_churn(
    model: ChurnModel, teachers: Sample, holdout: Sample, time_zone: str = "UTC"
) -> Evaluation:
    """`holdout` is extended by the model's habit, as `teachers` are by their own."""
    methods = {OURS: model.predict(holdout)}
    methods |= churn_baselines(newest(teachers), holdout, quick=True)
    case = _case(holdout, holdout.churned.astype(np.float64), methods, time_zone)
    return Evaluation(case, judge("churn", case, exponent=0))


def evaluate_clv(
    model: ClvModel, teachers: Sample, holdout: Sample, exponent: int, time_zone: str = "UTC"
) -> Evaluation:
    """Like `evaluate_churn`; values are compared before discounting, as they were booked."""
    predicted = model.undiscounted(holdout)
    methods = {OURS: predicted.expected}
    methods |= value_baselines(newest(teachers), holdout, model.habit.margin_share, quick=True)
    case = _case(holdout, holdout.value, methods, time_zone, predicted.low, predicted.high)
    return Evaluation(case, judge("clv", case, exponent=exponent))


def _case(
    holdout: Sample,
    actual: Floats,
    methods: Mapping[str, Floats],
    time_zone: str,
    low: Floats | None = None,
    high: Floats | None = None,
) -> Holdout:
    return Holdout(
        origin=day_of(int(holdout.cutoff[0]) - 1, time_zone),
        customer_id=holdout.customer_id,
        actual=actual,
        methods=methods,
        low=low,
        high=high,
        segments=segments_of(holdout),
    )
