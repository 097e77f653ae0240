"""Churn: the probability that a customer buys nothing within the horizon.

log-odds = slope * (weighted mean of the members' log-odds) + intercept. A weighted sum of sums
keeps explanations exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from ml import artefacts
from ml.booster import Task, to_bytes
from ml.btyd import Habit
from ml.calibration import Platt, choose_platt, log_odds, weigh
from ml.contracts import AttributeField
from ml.course import Evidence, Learned, Setting, Shapes, alike
from ml.curves import fit_curves
from ml.errors import NotEnoughHistory
from ml.members import CORE, CORE_TREES, TREES, Base, Members, Spec, choose_shapes, faded, grow
from ml.sample import Floats, Sample

__all__ = ["RHYTHM", "Blend", "ChurnCourse", "ChurnModel", "Platt", "log_odds"]

RHYTHM = "rhythm_absence"
SPECS = (TREES, CORE_TREES, Spec("residual", core=False, on_rhythm=True))
MONOTONE = {
    "rhythm_absence": 1,
    "rhythm_alive": -1,
    "rhythm_orders": -1,
    "net_spend": -1,
    "purchase_days": -1,
}
"""More of what rhythm promises can't make a customer likelier to leave."""


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
        columns = self.members.margins(sample, _base(self.start), log_odds(sample.column(RHYTHM)))
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


@dataclass(frozen=True)
class ChurnCourse:
    """How a churn model learns."""

    seed: int
    threads: int

    @property
    def task(self) -> Task:
        return Task("binary:logistic", "logloss", {}, 0.5, MONOTONE, self.seed, self.threads)

    def learn(self, lesson: Sample, shapes: Shapes | None) -> Learned:
        _both_classes(lesson)
        target = lesson.churned.astype(np.float64)
        start = float(log_odds(target.mean(keepdims=True))[0])
        base = _base(start)
        chosen = shapes or choose_shapes(self.task, SPECS, lesson, target, base)
        curves = fit_curves(lesson, CORE, target, faded(lesson))
        members = grow(self.task, SPECS, chosen, lesson, target, base, curves)
        return Learned(members, start, chosen)

    def margins(self, learned: Learned, sample: Sample) -> Floats:
        rhythm = log_odds(sample.column(RHYTHM))
        return learned.members.margins(sample, _base(learned.scale), rhythm)

    def finish(
        self, learned: Learned, evidence: Sequence[Evidence], now: Sample, setting: Setting
    ) -> ChurnModel:
        margins, happened, _ = _together(evidence)
        # The rhythm, which comes last, has its say in the residual member as well.
        prior = np.array([2.0] * (margins.shape[1] - 1) + [1.0])
        weights = np.array(weigh(margins, happened, prior / prior.sum()))
        same = alike(evidence, setting)
        platt = Platt()
        if same:
            margins, happened, origin = _together(same)
            platt = choose_platt(margins @ weights, happened, origin)
        reference = float(log_odds(now.column(RHYTHM)).mean())
        return ChurnModel(
            members=learned.members,
            start=learned.scale,
            blend=Blend(tuple(weights.tolist()), platt, reference),
            attributes=setting.attributes,
            habit=setting.habit,
            horizon_days=setting.origin.horizon_days,
            cutoff=setting.origin.cutoff,
            extrapolated=setting.extrapolated,
        )


def _together(evidence: Sequence[Evidence]) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    return (
        np.concatenate([each.margins for each in evidence]),
        np.concatenate([each.sample.churned for each in evidence]).astype(np.float64),
        np.concatenate([each.sample.cutoff for each in evidence]),
    )


def _base(start: float) -> Base:
    def base(spec: Spec, sample: Sample) -> Floats:
        if spec.on_rhythm:
            return log_odds(sample.column(RHYTHM))
        return np.full(len(sample), start)

    return base


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
