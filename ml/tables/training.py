"""Training on a labelled table: members are tried on folds, blended by what they foretold there,
and fitted once more on all rows. Nothing is left to tune by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedKFold

from ml.dataset import Progress
from ml.sample import Floats
from ml.tables.blend import Mix, learn_mix, log_loss
from ml.tables.care import LabelledTable
from ml.tables.linear import PENALTIES, Basis, Linear, fit_ridge
from ml.tables.model import Member, TableModel
from ml.tables.terms import Bools, find_terms, matrix_of, rated, training_matrix
from ml.tables.trees import SHAPES, Fold, Trial, each, grow, try_shape

FOLDS = 5
TUNING_ROWS = 20_000
"""Of longer tables so many rows are enough to choose shapes, rounds, penalty and weights."""
TUNING_SHARE = 0.5
"""Of the seconds allowed, the part after which no further shape is tried."""
Clock = Callable[[], float]


def train_table(
    data: LabelledTable,
    *,
    seed: int = 0,
    threads: int = 1,
    seconds: float | None = None,
    progress: Progress | None = None,
    clock: Clock = time.monotonic,
) -> TableModel:
    """Fit the blend to a labelled table; the same seed gives the same model on any threads.

    Args:
        data: from `read_table`.
        seconds: roughly how long it may take: fewer shapes of trees are tried. By default all are,
            and the model does not depend on the machine's speed.
        progress: hears of steps and shares done.
    """
    tell = progress or (lambda _step, _share: None)
    started = clock()
    rows = _tuning_rows(data.target, seed)
    values, churned = data.values[rows], data.target[rows]
    folds = [
        _fold(data, values, churned, valid, seed)
        for valid in grouped_folds(values, churned, FOLDS, seed)
    ]
    tell("Choosing a model", 0.05)
    penalty, regression = _try_penalties(folds, len(rows), threads)
    trials: list[Trial] = []
    for place, shape in enumerate(SHAPES):
        if trials and seconds is not None and clock() - started > TUNING_SHARE * seconds:
            break
        trials.append(try_shape(shape, folds, len(rows), seed, threads))
        tell("Choosing a model", 0.1 + 0.6 * (place + 1) / len(SHAPES))
    scores = np.column_stack([regression, *(trial.scores for trial in trials)])
    mix = learn_mix(scores, churned, seed)
    tell("Training the model", 0.75)
    losses = [log_loss(score, churned) for score in scores.T]
    model = _fit(data, penalty, trials, mix, losses, seed, threads)
    tell("Training the model", 1.0)
    return model


def grouped_folds(
    values: Floats, churned: Bools, count: int, seed: int
) -> list[npt.NDArray[np.int64]]:
    """The judged rows of each fold, stratified; equal rows stay together.

    Else a row would be judged by a model that has seen its twin and its twin's label.
    """
    # NaN equals nothing, so twins with the same gap would be taken for strangers.
    known = np.where(np.isnan(values), -np.inf, values)
    _, first, group = np.unique(known, axis=0, return_index=True, return_inverse=True)
    # Groups are numbered by their first row, so that folds don't depend on how values sort.
    rank = np.argsort(np.argsort(first))[group.ravel()]
    labels = churned[np.sort(first)]
    few = int(min(labels.sum(), len(labels) - labels.sum()))
    parts = StratifiedKFold(max(2, min(count, few)), shuffle=True, random_state=seed)
    return [
        np.flatnonzero(np.isin(rank, chosen)) for _, chosen in parts.split(labels[:, None], labels)
    ]


def _tuning_rows(churned: Bools, seed: int) -> npt.NDArray[np.int64]:
    rows = np.arange(len(churned))
    if len(rows) <= TUNING_ROWS:
        return rows
    rng = np.random.default_rng(seed)
    share = TUNING_ROWS / len(rows)
    parts = [np.flatnonzero(churned == side) for side in (False, True)]
    # A rare class keeps as many of its rows as can be, up to half.
    sizes = [max(int(len(part) * share), 1) for part in parts]
    return np.sort(
        np.concatenate(
            [rng.choice(part, size, replace=False) for part, size in zip(parts, sizes, strict=True)]
        )
    )


def _fold(
    data: LabelledTable, values: Floats, churned: Bools, valid: npt.NDArray[np.int64], seed: int
) -> Fold:
    train = np.setdiff1d(np.arange(len(values)), valid)
    terms = find_terms(data.columns, values[train], churned[train])
    return Fold(
        training_matrix(terms, data.columns, values[train], churned[train], seed),
        churned[train],
        matrix_of(terms, values[valid]),
        churned[valid],
        valid,
        tuple(term.is_smooth for term in terms),
        rated(terms),
    )


def _try_penalties(folds: Sequence[Fold], rows: int, threads: int) -> tuple[float, Floats]:
    """The best penalty of the regression, and its scores of the rows it had not seen."""
    scores = np.full((rows, len(PENALTIES)), np.nan)
    churned = np.zeros(rows, dtype=bool)
    for fold, path in zip(folds, each(_path, folds, threads), strict=True):
        scores[fold.rows], churned[fold.rows] = path, fold.valid_churned
    best = int(np.argmin([log_loss(score, churned) for score in scores.T]))
    return PENALTIES[best], scores[:, best]


def _path(fold: Fold) -> Floats:
    basis = Basis.fit(fold.smooth, fold.train)
    design = basis.design(fold.train)
    weights: Floats | None = None
    scores = []
    for penalty in PENALTIES:
        weights = fit_ridge(design, fold.train_churned, penalty, weights)
        scores.append(Linear(basis, weights).log_odds(fold.valid))
    return np.column_stack(scores)


def _fit(
    data: LabelledTable,
    penalty: float,
    trials: Sequence[Trial],
    mix: Mix,
    losses: Sequence[float],
    seed: int,
    threads: int,
) -> TableModel:
    terms = find_terms(data.columns, data.values, data.target)
    matrix = training_matrix(terms, data.columns, data.values, data.target, seed)
    weights = mix.weights
    chosen = [
        (float(weight), trial)
        for weight, trial in zip(weights[1:], trials, strict=True)
        if weight > 0
    ]
    linear = None
    if weights[0] > 0:
        basis = Basis.fit([term.is_smooth for term in terms], matrix)
        linear = Linear(basis, fit_ridge(basis.design(matrix), data.target, penalty))
    names = ["regression", *(trial.shape.name for trial in trials)]
    return TableModel(
        label=data.label,
        positive=data.positive,
        columns=data.columns,
        centre=np.nan_to_num(np.nanmean(data.values, axis=0)),
        terms=terms,
        trees=grow(chosen, matrix, rated(terms), data.target, seed=seed, threads=threads)
        if chosen
        else None,
        linear=linear,
        linear_weight=float(weights[0]),
        intercept=mix.intercept,
        members=tuple(
            Member(name, float(weight), loss)
            for name, weight, loss in zip(names, weights, losses, strict=True)
        ),
        rows=len(data),
    )
