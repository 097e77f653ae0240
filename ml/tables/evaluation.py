"""How good the blend is on a table, against what people use today, on rows that none had seen."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold

from ml.dataset import Progress
from ml.evaluation.metrics import churn_metrics
from ml.sample import Floats
from ml.tables.baselines import BASELINES, baseline_probabilities, plain_matrix
from ml.tables.care import LabelledTable
from ml.tables.model import Member
from ml.tables.terms import Bools
from ml.tables.training import Clock, train_table

OURS = "echelon"
FOLD_SEED = 20260101


@dataclass(frozen=True)
class TableEvaluation:
    """Out-of-fold probabilities of ours and of each baseline, and what they are worth."""

    churned: Bools
    fold: npt.NDArray[np.int64]
    """Which fold judged each row."""
    probabilities: Mapping[str, Floats]
    metrics: Mapping[str, Mapping[str, float]]
    """By method: AUC, log-loss, Brier, ECE and lift of the first tenth; means over the folds."""
    column_auc: Mapping[str, float]
    """AUC of each column alone."""
    members: tuple[tuple[Member, ...], ...]
    """What the blend was made of in each fold."""


def cross_validate(
    data: LabelledTable,
    *,
    folds: int = 5,
    seed: int = FOLD_SEED,
    threads: int = 1,
    seconds: float | None = None,
    progress: Progress | None = None,
    clock: Clock = time.monotonic,
) -> TableEvaluation:
    """Train everything on all folds but one and judge it on that one, for each in turn.

    The folds are plain stratified ones: twins may lie on both sides, as in published comparisons.
    """
    tell = progress or (lambda _step, _share: None)
    churned = data.target
    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    fold = np.zeros(len(data), np.int64)
    probabilities = {name: np.zeros(len(data)) for name in (OURS, *BASELINES)}
    members: list[tuple[Member, ...]] = []
    for number, (train, test) in enumerate(parts.split(data.values, churned)):
        tell("Cross-validating", number / folds)
        fold[test] = number
        model = train_table(data.where(train), threads=threads, seconds=seconds, clock=clock)
        members.append(model.members)
        probabilities[OURS][test] = model.probabilities(data.values[test])
        for name, found in _judge_baselines(data, train, test, threads).items():
            probabilities[name][test] = found
    tell("Cross-validating", 1.0)
    return TableEvaluation(
        churned=churned,
        fold=fold,
        probabilities=probabilities,
        metrics={name: _metrics(found, churned, fold) for name, found in probabilities.items()},
        column_auc=data.column_auc,
        members=tuple(members),
    )


def _judge_baselines(
    data: LabelledTable,
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    threads: int,
) -> dict[str, Floats]:
    known = data.values[train]
    learn = plain_matrix(data.columns, known, known)
    judge = plain_matrix(data.columns, known, data.values[test])
    return {
        name: baseline_probabilities(
            name, learn, data.target[train], judge, seed=0, threads=threads
        )
        for name in BASELINES
    }


def _metrics(probability: Floats, churned: Bools, fold: npt.NDArray[np.int64]) -> dict[str, float]:
    found = [churn_metrics(probability[fold == n], churned[fold == n]) for n in np.unique(fold)]
    return {name: float(np.mean([one[name] for one in found])) for name in found[0]}
