"""Churn: the probability that a customer buys nothing within the horizon.

log-odds = slope * (weighted mean of the members' log-odds) + intercept. A weighted sum of sums
keeps explanations exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy.special import expit

from ml import artefacts
from ml.booster import to_bytes
from ml.btyd import Habit
from ml.calibration import Platt, log_odds
from ml.contracts import AttributeField
from ml.members import Base, Members, Spec
from ml.sample import Floats, Sample

__all__ = ["RHYTHM", "Blend", "ChurnModel", "Platt", "base_of", "log_odds"]

RHYTHM = "rhythm_absence"


@dataclass(frozen=True)
class Blend:
    """How the members are weighed, learned on evidence; `reference` is the mean rhythm, where its
    contribution counts as zero."""

    weights: tuple[float, ...]
    platt: Platt
    reference: float


@dataclass(frozen=True)
class ChurnModel:
    """A fitted churn model; predicts from a sample extended by its own `habit`."""

    kind: ClassVar[str] = "churn"
    members: Members
    start: float
    """The log-odds from which members start that do not start from the rhythm."""
    blend: Blend
    attributes: tuple[AttributeField, ...]
    habit: Habit
    horizon_days: int
    cutoff: int
    extrapolated: bool
    """Whether it never saw a window as long as its horizon."""

    @property
    def codes(self) -> tuple[str, ...]:
        return self.members.codes

    def log_odds(self, sample: Sample) -> Floats:
        columns = self.members.margins(sample, base_of(self.start), log_odds(sample.column(RHYTHM)))
        return self.blend.platt.apply(columns @ np.array(self.blend.weights))

    def predict(self, sample: Sample) -> Floats:
        """Calibrated probabilities of churn."""
        return np.asarray(expit(self.log_odds(sample)), np.float64)

    def effects(self, sample: Sample) -> Floats:
        """Contributions in log-odds, a column per code and the bias last."""
        weights, slope = self.blend.weights, self.blend.platt.slope
        tables = self.members.effects(sample)
        effects = sum(
            (slope * weight * table for weight, table in zip(weights, tables, strict=True)),
            np.zeros((len(sample), len(self.codes))),
        )
        rhythmic = float(np.dot(weights, self.members.rhythmic()))
        away = log_odds(sample.column(RHYTHM)) - self.blend.reference
        effects[:, self.codes.index(RHYTHM)] += slope * rhythmic * away
        return np.column_stack([effects, self.log_odds(sample) - effects.sum(axis=1)])

    def save(self, folder: Path, stem: str) -> dict[str, str]:
        blend = {**vars(self.blend), "platt": vars(self.blend.platt)}
        document = {
            "kind": self.kind,
            "members": self.members.to_document(),
            "start": self.start,
            "blend": blend | {"weights": list(self.blend.weights)},
            "attributes": artefacts.attributes_to_document(self.attributes),
            "habit": self.habit.to_document(),
            "horizon_days": self.horizon_days,
            "cutoff": self.cutoff,
            "extrapolated": self.extrapolated,
        }
        return artefacts.write(folder, stem, to_bytes(self.members.booster), document)

    @classmethod
    def load(
        cls, folder: Path, stem: str, expected_sha256: Mapping[str, str], threads: int
    ) -> Self:
        trees, document = artefacts.read(folder, stem, cls.kind, expected_sha256)
        blend: dict[str, Any] = document["blend"]
        return cls(
            members=Members.from_document(document["members"], trees, threads),
            start=document["start"],
            blend=Blend(tuple(blend["weights"]), Platt(**blend["platt"]), blend["reference"]),
            attributes=artefacts.attributes_from_document(document["attributes"]),
            habit=Habit.from_document(document["habit"]),
            horizon_days=document["horizon_days"],
            cutoff=document["cutoff"],
            extrapolated=document["extrapolated"],
        )


def base_of(start: float) -> Base:
    def base(spec: Spec, sample: Sample) -> Floats:
        if spec.on_rhythm:
            return log_odds(sample.column(RHYTHM))
        return np.full(len(sample), start)

    return base
