"""Shallow gradient boosting: how deep and how long is chosen on folds that time has closed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from ml.errors import BadModel
from ml.sample import Floats

MAX_ROUNDS = 250
MIN_ROUNDS = 20
PATIENCE = 30
"""A fold gives up after so many rounds without progress; at least MIN_ROUNDS."""
Mask = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float32]
Fold = tuple[Mask, Mask]
_COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "tree_method": "hist",
        "max_bin": 128,
        "eta": 0.05,
        "subsample": 0.8,
        "colsample_bytree": 0.4,
        "min_child_weight": 10,
        "verbosity": 0,
    }
)


@dataclass(frozen=True)
class Task:
    """What is boosted, and how a fold's result is judged.

    `neutral` is the base score whose margin is 0: trees start from the margins they are given.
    """

    objective: str
    metric: str
    extra: Mapping[str, float]
    neutral: float
    monotone: Mapping[str, int]
    seed: int
    threads: int

    def parameters(self, depth: int, codes: Sequence[str]) -> dict[str, Any]:
        return {
            **_COMMON,
            "objective": self.objective,
            "eval_metric": self.metric,
            "base_score": self.neutral,
            "monotone_constraints": tuple(self.monotone.get(code, 0) for code in codes),
            **self.extra,
            "max_depth": depth,
            "seed": self.seed,
        }


class Shape(NamedTuple):
    """Hyper-parameters that the folds chose."""

    depth: int
    rounds: int


@dataclass(frozen=True)
class Rows:
    """What trees are grown on: `base` are margins that they correct."""

    codes: tuple[str, ...]
    matrix: Matrix
    target: Floats
    base: Floats
    weight: Floats

    def data(self, rows: Mask | None = None) -> xgb.DMatrix:
        part = slice(None) if rows is None else rows
        return xgb.DMatrix(
            self.matrix[part],
            self.target[part],
            base_margin=self.base[part],
            weight=self.weight[part],
            nthread=1,
        )


def tune(task: Task, rows: Rows, parts: Sequence[Fold], depths: Sequence[int]) -> Shape:
    """The depth, and its number of rounds, with the least mean loss over the folds."""
    jobs = [(depth, fold) for depth in depths for fold in parts]
    with ThreadPoolExecutor(task.threads) as pool:
        # One thread each: threads that share one training wait for one another at every node,
        # which on a busy machine takes many times longer than the work.
        losses = list(pool.map(lambda job: _losses(task, rows, *job), jobs))
    trials = []
    for place, depth in enumerate(depths):
        mine = losses[place * len(parts) : (place + 1) * len(parts)]
        shortest = min(len(curve) for curve in mine)
        curve = np.mean(np.stack([each[:shortest] for each in mine]), axis=0)
        rounds = MIN_ROUNDS + int(np.argmin(curve[MIN_ROUNDS - 1 :]))
        trials.append((float(curve[rounds - 1]), Shape(depth, rounds)))
    return min(trials)[1]


def _losses(task: Task, rows: Rows, depth: int, fold: Fold) -> Floats:
    train, valid = fold
    results: dict[str, dict[str, list[float]]] = {}
    xgb.train(
        task.parameters(depth, rows.codes) | {"nthread": 1},
        rows.data(train),
        MAX_ROUNDS,
        evals=[(rows.data(valid), "valid")],
        evals_result=results,
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return np.array(results["valid"][task.metric])


def boost(task: Task, rows: Rows, shape: Shape) -> xgb.Booster:
    """One booster on all rows, in one thread: others grow beside it."""
    parameters = task.parameters(shape.depth, rows.codes) | {"nthread": 1}
    return xgb.train(parameters, rows.data(), shape.rounds)


def gather(
    groves: Sequence[tuple[Sequence[str], xgb.Booster]], codes: Sequence[str]
) -> xgb.Booster:
    """Boosters that know some of the columns, as one that knows all: their trees in a row.

    `iteration_range` picks one of them out again, so that one native file holds a whole model.
    """
    documents = [json.loads(bytes(booster.save_raw("json"))) for _, booster in groves]
    trees: list[dict[str, Any]] = []
    for (known, _), document in zip(groves, documents, strict=True):
        places = [codes.index(code) for code in known]
        for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
            moved = [places[index] for index in tree["split_indices"]]
            size = tree["tree_param"] | {"num_feature": str(len(codes))}
            trees.append(tree | {"split_indices": moved, "id": len(trees), "tree_param": size})
    result: dict[str, Any] = documents[0]
    learner = result["learner"]
    learner["learner_model_param"]["num_feature"] = str(len(codes))
    learner["feature_names"], learner["feature_types"] = [], []
    model = learner["gradient_booster"]["model"]
    model["trees"], model["tree_info"] = trees, [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    return from_bytes(json.dumps(result).encode(), 1)


def margins(booster: xgb.Booster, matrix: Matrix, first: int = 0, last: int = 0) -> Floats:
    """Raw scores before the link, of the trees `first` to `last`, or of all."""
    if not len(matrix):
        # xgboost warns of a table without rows.
        return np.zeros(0)
    scores = booster.predict(xgb.DMatrix(matrix), output_margin=True, iteration_range=(first, last))
    return np.asarray(scores, np.float64)


def contributions(booster: xgb.Booster, matrix: Matrix, first: int = 0, last: int = 0) -> Floats:
    """Exact TreeSHAP: a column per feature and the bias last; rows sum to the margins.

    The bias takes the rounding of the float32 sums, some 1e-6.
    """
    if not len(matrix):
        return np.zeros((0, matrix.shape[1] + 1))
    part = booster[first:last] if last else booster
    effects = part.predict(xgb.DMatrix(matrix), pred_contribs=True)
    result = np.asarray(effects, np.float64)
    result[:, -1] += margins(booster, matrix, first, last) - result.sum(axis=1)
    return result


def to_bytes(booster: xgb.Booster) -> bytes:
    return bytes(booster.save_raw("ubj"))


def from_bytes(data: bytes, threads: int) -> xgb.Booster:
    booster = xgb.Booster({"nthread": threads})
    try:
        booster.load_model(bytearray(data))
    except xgb.core.XGBoostError:
        raise BadModel("The model's trees can't be read: train it again.") from None
    return booster
