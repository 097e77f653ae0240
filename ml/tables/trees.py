"""Boosted trees of several depths: how many rounds each takes is chosen on folds, and in the end
all trees of all of them are one booster."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import xgboost as xgb

from ml.booster import from_bytes
from ml.sample import Floats
from ml.tables.terms import Bools

MAX_ROUNDS = 2000
PATIENCE = 50
MANY_TERMS = 300.0
"""No tree sees more terms: of a wide table each sees a smaller share."""
MAX_LEAVES = 64
_BUSHY = MappingProxyType(
    {
        "grow_policy": "lossguide",
        "max_leaves": MAX_LEAVES,
        "colsample_bynode": 1 / 3,
        "min_child_weight": 1.0,
    }
)
T = TypeVar("T")


@dataclass(frozen=True)
class Shape:
    """A family of trees. Depth 1 only adds up effects; each further level lets one more term
    join in an interaction."""

    depth: int
    eta: float
    columns: float
    """The share of terms that each tree may see."""
    gamma: float = 0.0
    """Half of the chi-square that a split must reach: above some 4 few splits on noise do."""
    bushy: bool = False
    """Deep where it pays, up to MAX_LEAVES, each split choosing among a third of the terms as those
    of a random forest do; and of choices only which, not how often each churned."""
    seeds: int = 2
    """Boosters averaged in the end, which differ by what they happened to draw."""

    def parameters(self, terms: int, seed: int) -> dict[str, Any]:
        return {
            "objective": "binary:logistic",
            "eval_metric": "logloss",
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.eta,
            "subsample": 0.8,
            "colsample_bytree": min(self.columns, MANY_TERMS / terms),
            "gamma": self.gamma,
            "min_child_weight": 2.0,
            "seed": seed,
            "nthread": 1,
            "verbosity": 0,
            **(_BUSHY if self.bushy else {}),
        }

    def seen(self, matrix: Floats, rated: Sequence[int]) -> Floats:
        """The matrix as these trees see it; `rated` are the places of rates and sizes."""
        if not self.bushy or not rated:
            return matrix
        hidden = matrix.copy()
        hidden[:, list(rated)] = np.nan
        return hidden

    @property
    def name(self) -> str:
        return f"{'bushes' if self.bushy else 'trees'} of depth {self.depth}, gamma {self.gamma:g}"


SHAPES = (
    Shape(1, 0.1, 0.6),
    Shape(3, 0.05, 0.6),
    Shape(6, 0.05, 0.8, 10.0),
    Shape(4, 0.1, 0.8, 4.0),
    Shape(6, 0.05, 0.8, seeds=1),
    Shape(10, 0.05, 1.0, bushy=True, seeds=1),
)
"""From sums of single effects to deep interactions, and from splits that must be sure to any."""


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and rows to judge by, as matrices of the terms of the former."""

    train: Floats
    train_churned: Bools
    valid: Floats
    valid_churned: Bools
    rows: np.ndarray[Any, np.dtype[np.int64]]
    """The places of the judged rows in the whole table."""
    smooth: tuple[bool, ...]
    """Which terms are quantities."""
    rated: tuple[int, ...]
    """The places of the terms that tell how often a choice churned or occurred."""


@dataclass(frozen=True)
class Trial:
    """What a shape is worth: its loss on the folds at its best number of rounds, and its scores."""

    shape: Shape
    rounds: int
    loss: float
    scores: Floats


def each(job: Callable[[Any], T], things: Sequence[Any], threads: int) -> list[T]:
    """Do jobs side by side, one thread each: threads that share one training wait for each other
    at every node, and the result of each would depend on their number."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(job, things))


def try_shape(shape: Shape, folds: Sequence[Fold], rows: int, seed: int, threads: int) -> Trial:
    judged = each(lambda fold: _judge(shape, fold, seed), folds, threads)
    shortest = min(len(losses) for losses, _ in judged)
    sizes = [len(fold.rows) for fold in folds]
    curve = np.average(np.stack([losses[:shortest] for losses, _ in judged]), 0, sizes)
    rounds = int(np.argmin(curve)) + 1
    scores = np.full(rows, np.nan)
    for fold, (_, booster) in zip(folds, judged, strict=True):
        scores[fold.rows] = booster.predict(
            _data(shape.seen(fold.valid, fold.rated)),
            output_margin=True,
            iteration_range=(0, rounds),
        )
    return Trial(shape, rounds, float(curve[rounds - 1]), scores)


def _judge(shape: Shape, fold: Fold, seed: int) -> tuple[Floats, xgb.Booster]:
    results: dict[str, dict[str, list[float]]] = {}
    booster = xgb.train(
        shape.parameters(fold.train.shape[1], seed),
        _data(shape.seen(fold.train, fold.rated), fold.train_churned),
        MAX_ROUNDS,
        evals=[(_data(shape.seen(fold.valid, fold.rated), fold.valid_churned), "valid")],
        evals_result=results,
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return np.array(results["valid"]["logloss"]), booster


def _data(matrix: Floats, churned: Bools | None = None) -> xgb.DMatrix:
    label = None if churned is None else churned.astype(np.float64)
    return xgb.DMatrix(matrix.astype(np.float32), label, nthread=1)


def grow(
    trials: Sequence[tuple[float, Trial]],
    matrix: Floats,
    rated: Sequence[int],
    churned: Bools,
    *,
    seed: int,
    threads: int,
) -> xgb.Booster:
    """One booster whose margin is the weighted sum of the margins of the trials' shapes."""
    jobs = [
        (weight / trial.shape.seeds, trial, seed + draw)
        for weight, trial in trials
        for draw in range(trial.shape.seeds)
    ]
    boosters = each(
        lambda job: xgb.train(
            job[1].shape.parameters(matrix.shape[1], job[2]),
            # A term hidden in training is never asked for, so scoring need not hide it.
            _data(job[1].shape.seen(matrix, rated), churned),
            job[1].rounds,
        ),
        jobs,
        threads,
    )
    return merge([(job[0], grown) for job, grown in zip(jobs, boosters, strict=True)], threads)


def merge(boosters: Sequence[tuple[float, xgb.Booster]], threads: int) -> xgb.Booster:
    """The weighted sum of boosters of the same terms, as one: leaves times weight, bases added.

    A sum of trees is all that a booster is, so this is exact up to float32.
    """
    documents = [(weight, json.loads(booster.save_raw("json"))) for weight, booster in boosters]
    result = documents[0][1]
    trees: list[dict[str, Any]] = []
    base = 0.0
    for weight, document in documents:
        share = float(document["learner"]["learner_model_param"]["base_score"].strip("[]"))
        base += weight * float(np.log(share / (1.0 - share)))
        for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
            trees.append(_scaled(tree, weight) | {"id": len(trees)})
    model = result["learner"]["gradient_booster"]["model"]
    model["trees"] = trees
    model["tree_info"] = [0] * len(trees)
    model["iteration_indptr"] = list(range(len(trees) + 1))
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    chance = 1.0 / (1.0 + np.exp(-base))
    result["learner"]["learner_model_param"]["base_score"] = f"[{chance:.9E}]"
    return from_bytes(json.dumps(result).encode(), threads)


def _scaled(tree: dict[str, Any], weight: float) -> dict[str, Any]:
    splits = [
        value * weight if left == -1 else value
        for value, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
    ]
    return tree | {
        "split_conditions": splits,
        "base_weights": [value * weight for value in tree["base_weights"]],
    }
