"""How a churn model learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.booster import Task
from ml.calibration import Platt, choose_platt, log_odds, weigh
from ml.churn import RHYTHM, Blend, ChurnModel, base_of
from ml.curves import fit_curves
from ml.errors import NotEnoughHistory
from ml.learning.course import Evidence, Learned, Setting, Shapes, alike
from ml.members import CORE, CORE_TREES, TREES, Spec, choose_shapes, faded, grow
from ml.sample import Floats, Sample

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
class ChurnCourse:
    """Boosters with a logistic loss, curves, and the rhythm."""

    seed: int
    threads: int

    @property
    def task(self) -> Task:
        return Task("binary:logistic", "logloss", {}, 0.5, MONOTONE, self.seed, self.threads)

    def learn(self, lesson: Sample, shapes: Shapes | None) -> Learned:
        _both_classes(lesson)
        target = lesson.churned.astype(np.float64)
        start = float(log_odds(target.mean(keepdims=True))[0])
        base = base_of(start)
        chosen = shapes or choose_shapes(self.task, SPECS, lesson, target, base)
        curves = fit_curves(lesson, CORE, target, faded(lesson))
        members = grow(self.task, SPECS, chosen, lesson, target, base, curves)
        return Learned(members, start, chosen)

    def margins(self, learned: Learned, sample: Sample) -> Floats:
        rhythm = log_odds(sample.column(RHYTHM))
        return learned.members.margins(sample, base_of(learned.scale), rhythm)

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


def _both_classes(sample: Sample) -> None:
    churned = int(sample.churned.sum())
    if 0 < churned < len(sample):
        return
    what = "every customer stayed" if churned == 0 else "every customer left"
    other = (
        "a shorter horizon"
        if churned == 0
        else "a longer horizon, or a day nearer to the purchases"
    )
    raise NotEnoughHistory(
        f"Nothing to learn about churn: at this horizon {what} in all {len(sample)} past cases. "
        f"Choose {other}."
    )
