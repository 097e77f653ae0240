"""Shallow gradient boosting: how deep and how long is chosen on folds that time has closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from ml.contracts import DAY
from ml.errors import BadModel
from ml.sample import Floats, Sample, join

DEPTHS = (2, 3, 4)
MAX_ROUNDS = 200
MIN_ROUNDS = 20
PATIENCE = 30
"""A fold gives up after so many rounds without progress; at least MIN_ROUNDS."""
MANY_ROWS = 200_000
WEIGHTS = np.linspace(1.0, 0.3, 15)
"""What part of a prediction is the trees', the rest being the rhythm's, is chosen among these.

The trees always keep a say: the rhythm alone would leave customers with a single reason."""
Mask = npt.NDArray[np.bool_]
Fold = tuple[Mask, Mask]
_COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "tree_method": "hist",
        "eta": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "min_child_weight": 5,
        "verbosity": 0,
    }
)


@dataclass(frozen=True)
class Task:
    """What is boosted, and how a fold's result is judged."""

    objective: str
    metric: str
    extra: Mapping[str, float]
    seed: int
    threads: int

    def parameters(self, depth: int) -> dict[str, Any]:
        return {
            **_COMMON,
            "objective": self.objective,
            "eval_metric": self.metric,
            **self.extra,
            "max_depth": depth,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Shape:
    """Hyper-parameters that the folds chose."""

    depth: int
    rounds: int


@dataclass(frozen=True)
class Evidence:
    """Predictions for rows that the trees behind them had not seen."""

    sample: Sample
    scores: Floats

    def joined(self, other: Evidence) -> Evidence:
        return Evidence(
            join([self.sample, other.sample]), np.concatenate([self.scores, other.scores])
        )


def folds(sample: Sample, horizon_days: int) -> list[Fold]:
    """Up to two origins judged by what had closed before them; else customers in two halves."""
    found: list[Fold] = []
    for origin in np.unique(sample.cutoff)[::-1][:2]:
        known = sample.cutoff + horizon_days * DAY <= origin
        if known.any():
            found.append((known, sample.cutoff == origin))
    if found:
        return found
    half = (sample.customer_id.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(63)
    return [(half == 0, half == 1), (half == 1, half == 0)]


def tune(
    task: Task, matrix: npt.NDArray[np.float32], target: Floats, parts: Sequence[Fold]
) -> tuple[Shape, Floats]:
    """The best shape over the folds, and its margins for the rows that were judged (else NaN)."""
    jobs = [(depth, fold) for depth in DEPTHS for fold in parts]
    with ThreadPoolExecutor(task.threads) as pool:
        # One thread each: threads that share one training wait for one another at every node,
        # which on a busy machine takes many times longer than the work.
        judged = list(pool.map(lambda job: _judge(task, job[0], job[1], matrix, target), jobs))
    trials = [
        _trial(depth, judged[place * len(parts) : (place + 1) * len(parts)])
        for place, depth in enumerate(DEPTHS)
    ]
    _, shape, chosen = min(trials, key=lambda trial: trial[0])
    scores = np.full(len(target), np.nan)
    for booster, (_, valid) in zip(chosen, parts, strict=True):
        scores[valid] = margins(booster, matrix[valid], shape.rounds)
    return shape, scores


def _trial(
    depth: int, judged: Sequence[tuple[Floats, xgb.Booster]]
) -> tuple[float, Shape, list[xgb.Booster]]:
    """The mean loss of a depth at its best number of rounds, and the folds' boosters."""
    shortest = min(len(losses) for losses, _ in judged)
    curve = np.mean(np.stack([losses[:shortest] for losses, _ in judged]), axis=0)
    rounds = MIN_ROUNDS + int(np.argmin(curve[MIN_ROUNDS - 1 :]))
    return float(curve[rounds - 1]), Shape(depth, rounds), [booster for _, booster in judged]


def _judge(
    task: Task, depth: int, fold: Fold, matrix: npt.NDArray[np.float32], target: Floats
) -> tuple[Floats, xgb.Booster]:
    train, valid = fold
    results: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        task.parameters(depth) | {"nthread": 1},
        xgb.DMatrix(matrix[train], target[train], nthread=1),
        MAX_ROUNDS,
        evals=[(xgb.DMatrix(matrix[valid], target[valid], nthread=1), "valid")],
        evals_result=results,
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return np.array(results["valid"][task.metric]), booster


def boost(task: Task, matrix: npt.NDArray[np.float32], target: Floats, shape: Shape) -> xgb.Booster:
    """One booster on all rows; more than one thread only where there is much to do."""
    threads = task.threads if len(target) >= MANY_ROWS else 1
    data = xgb.DMatrix(matrix, target, nthread=threads)
    return xgb.train(task.parameters(shape.depth) | {"nthread": threads}, data, shape.rounds)


def margins(booster: xgb.Booster, matrix: npt.NDArray[np.float32], rounds: int = 0) -> Floats:
    """Raw scores before the link, of the first `rounds` trees or of all."""
    scores = booster.predict(xgb.DMatrix(matrix), output_margin=True, iteration_range=(0, rounds))
    return np.asarray(scores, np.float64)


def contributions(booster: xgb.Booster, matrix: npt.NDArray[np.float32]) -> Floats:
    """Exact TreeSHAP: a column per feature and the bias last; rows sum to the margins."""
    effects = booster.predict(xgb.DMatrix(matrix), pred_contribs=True)
    # Of no rows xgboost forgets the columns.
    return np.asarray(effects, np.float64).reshape(len(matrix), matrix.shape[1] + 1)


def to_bytes(booster: xgb.Booster) -> bytes:
    return bytes(booster.save_raw("ubj"))


def from_bytes(data: bytes, threads: int) -> xgb.Booster:
    booster = xgb.Booster({"nthread": threads})
    try:
        booster.load_model(bytearray(data))
    except xgb.core.XGBoostError:
        raise BadModel("The model's trees can't be read: train it again.") from None
    return booster
