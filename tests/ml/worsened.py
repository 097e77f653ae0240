"""Trained models whose back-test is made worse by hand, so that verdicts have known reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ml.evaluation import OURS, Evaluation, judge
from ml.training import TrainedModel


def with_predictions(trained: TrainedModel, predicted: npt.NDArray[np.float64]) -> TrainedModel:
    """As if the challenger had foretold this for the customers of the holdout."""
    case = trained.evaluation.case
    changed = replace(case, methods={**case.methods, OURS: predicted})
    judgement = judge(trained.name, changed, exponent=trained.exponent)
    return replace(trained, evaluation=Evaluation(changed, judgement))


def guessing(trained: TrainedModel) -> TrainedModel:
    """The same predictions, each for somebody else."""
    predicted = trained.evaluation.predicted
    return with_predictions(trained, np.random.default_rng(0).permutation(predicted))
