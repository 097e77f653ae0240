"""Churn: the probability that a customer buys nothing within the horizon.

log-odds = slope * (weight * trees + (1 - weight) * rhythm) + intercept, where `rhythm` is what the
buy-till-you-die model says alone. The sum keeps explanations exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import xgboost as xgb
from scipy.special import expit

from ml import artefacts
from ml.booster import (
    Evidence,
    Shape,
    Task,
    boost,
    contributions,
    folds,
    from_bytes,
    margins,
    to_bytes,
    tune,
)
from ml.btyd import Habit
from ml.contracts import AttributeField
from ml.errors import NotEnoughHistory
from ml.sample import Floats, Sample

RHYTHM = "rhythm_absence"


@dataclass(frozen=True)
class Platt:
    """probability = expit(slope * log-odds + intercept); the default changes nothing."""

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, log_odds: Floats) -> Floats:
        return self.slope * log_odds + self.intercept


@dataclass(frozen=True)
class Blend:
    """How trees and rhythm are weighed, learned on evidence; `reference` is the mean rhythm."""

    weight: float
    platt: Platt
    reference: float


@dataclass(frozen=True)
class ChurnModel:
    """A fitted churn model; predicts from a sample extended by its own `habit`."""

    kind: ClassVar[str] = "churn"
    booster: xgb.Booster
    codes: tuple[str, ...]
    attributes: tuple[AttributeField, ...]
    habit: Habit
    blend: Blend
    horizon_days: int
    cutoff: int
    shape: Shape

    def log_odds(self, sample: Sample) -> Floats:
        scores = margins(self.booster, sample.matrix(self.codes))
        return blended(scores, sample, self.blend.weight, self.blend.platt)

    def predict(self, sample: Sample) -> Floats:
        """Calibrated probabilities of churn."""
        return np.asarray(expit(self.log_odds(sample)), np.float64)

    def effects(self, sample: Sample) -> Floats:
        """Contributions in log-odds, a column per code and the bias last."""
        blend = self.blend
        share = blend.platt.slope * (1.0 - blend.weight)
        effects = contributions(self.booster, sample.matrix(self.codes)) * (
            blend.platt.slope * blend.weight
        )
        rhythm = log_odds(sample.column(RHYTHM))
        effects[:, self.codes.index(RHYTHM)] += share * (rhythm - blend.reference)
        effects[:, -1] += share * blend.reference + blend.platt.intercept
        return effects

    def save(self, folder: Path, stem: str) -> dict[str, str]:
        document = {
            "kind": self.kind,
            "codes": list(self.codes),
            "attributes": artefacts.attributes_to_document(self.attributes),
            "habit": self.habit.to_document(),
            "blend": {**vars(self.blend), "platt": vars(self.blend.platt)},
            "horizon_days": self.horizon_days,
            "cutoff": self.cutoff,
            "shape": vars(self.shape),
        }
        return artefacts.write(folder, stem, to_bytes(self.booster), document)

    @classmethod
    def load(
        cls, folder: Path, stem: str, expected_sha256: Mapping[str, str], threads: int
    ) -> Self:
        trees, document = artefacts.read(folder, stem, cls.kind, expected_sha256)
        blend: dict[str, Any] = document["blend"]
        return cls(
            booster=from_bytes(trees, threads),
            codes=tuple(document["codes"]),
            attributes=artefacts.attributes_from_document(document["attributes"]),
            habit=Habit.from_document(document["habit"]),
            blend=Blend(blend["weight"], Platt(**blend["platt"]), blend["reference"]),
            horizon_days=document["horizon_days"],
            cutoff=document["cutoff"],
            shape=Shape(**document["shape"]),
        )


def log_odds(probability: Floats) -> Floats:
    """Log-odds of probabilities kept one millionth away from certainty."""
    inside = np.clip(probability, 1e-6, 1.0 - 1e-6)
    return np.asarray(np.log(inside) - np.log1p(-inside), np.float64)


def task(seed: int, threads: int) -> Task:
    return Task("binary:logistic", "logloss", {}, seed, threads)


def explore(sample: Sample, horizon_days: int, job: Task) -> tuple[Shape, Evidence]:
    """Choose a shape on folds of the origins, and keep what the folds predicted."""
    _both_classes(sample)
    matrix, target = sample.values, sample.churned.astype(np.float64)
    shape, scores = tune(job, matrix, target, folds(sample, horizon_days))
    judged = ~np.isnan(scores)
    return shape, Evidence(sample.where(judged), scores[judged])


def fit(
    sample: Sample,
    blend: Blend,
    *,
    attributes: tuple[AttributeField, ...],
    habit: Habit,
    horizon_days: int,
    cutoff: int,
    shape: Shape,
    job: Task,
) -> ChurnModel:
    """Boost on all rows of `sample`; `blend` was learned on evidence, not on them."""
    _both_classes(sample)
    booster = boost(job, sample.values, sample.churned.astype(np.float64), shape)
    return ChurnModel(
        booster=booster,
        codes=sample.codes,
        attributes=attributes,
        habit=habit,
        blend=blend,
        horizon_days=horizon_days,
        cutoff=cutoff,
        shape=shape,
    )


def blended(scores: Floats, sample: Sample, weight: float, platt: Platt) -> Floats:
    rhythm = log_odds(sample.column(RHYTHM))
    return platt.apply(weight * scores + (1.0 - weight) * rhythm)


def _both_classes(sample: Sample) -> None:
    churned = int(sample.churned.sum())
    if 0 < churned < len(sample):
        return
    what = "every customer stayed" if churned == 0 else "every customer left"
    other = "longer" if churned == 0 else "shorter"
    raise NotEnoughHistory(
        f"Nothing to learn about churn: at this horizon {what} in all {len(sample)} past cases. "
        f"Choose a {other} horizon."
    )
