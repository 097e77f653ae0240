"""How a value model learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.bands import Bands, learn_bands
from ml.booster import Task
from ml.clv import ClvModel, Level, base_of, log_rhythm, margins_of
from ml.errors import NotEnoughHistory
from ml.learning.course import Evidence, Learned, Setting, Shapes, alike
from ml.learning.levels import VARIANCE_POWER, correction, money, shares_of, weigh_values
from ml.members import CORE_TREES, HORIZON, TREES, Spec, choose_shapes, grow
from ml.sample import Floats, Sample

SPECS = (TREES, CORE_TREES, Spec("residual", core=True, on_rhythm=True))
MONOTONE = {
    "rhythm_value": 1,
    "rhythm_orders": 1,
    "rhythm_basket": 1,
    "net_spend": 1,
    "rhythm_absence": -1,
}
"""More of what rhythm promises can't make a customer worth less."""


@dataclass(frozen=True)
class ClvCourse:
    """Boosters with a Tweedie loss, and the rhythm."""

    seed: int
    threads: int
    horizon_days: int
    basis: str
    annual_rate: float

    @property
    def task(self) -> Task:
        extra = {"tweedie_variance_power": VARIANCE_POWER}
        metric = f"tweedie-nloglik@{VARIANCE_POWER}"
        return Task("reg:tweedie", metric, extra, 1.0, MONOTONE, self.seed, self.threads)

    def learn(self, lesson: Sample, shapes: Shapes | None) -> Learned:
        unit = unit_of(lesson)
        base, target = base_of(unit, self.horizon_days), lesson.value / unit
        chosen = shapes or choose_shapes(self.task, SPECS, lesson, target, base)
        return Learned(grow(self.task, SPECS, chosen, lesson, target, base, None), unit, chosen)

    def margins(self, learned: Learned, sample: Sample) -> Floats:
        """Logs of minor units."""
        margins = margins_of(learned.members, learned.scale, self.horizon_days, sample)
        return margins + float(np.log(learned.scale))

    def finish(
        self, learned: Learned, evidence: Sequence[Evidence], now: Sample, setting: Setting
    ) -> ClvModel:
        weights = weigh_values(evidence)
        factor, unit = correction(alike(evidence, setting), weights), learned.scale
        shares = unit * factor * shares_of(self.margins(learned, now), weights)
        return ClvModel(
            members=learned.members,
            level=Level(
                unit,
                self.horizon_days,
                tuple(shares.tolist()),
                float(log_rhythm(now, unit).mean()),
            ),
            bands=bands_within(setting.origin.horizon_days, evidence, factor, weights),
            attributes=setting.attributes,
            habit=setting.habit,
            basis=self.basis,
            annual_rate=self.annual_rate,
            horizon_days=setting.origin.horizon_days,
            cutoff=setting.origin.cutoff,
            extrapolated=setting.extrapolated,
        )


def bands_within(
    horizon_days: int, evidence: Sequence[Evidence], factor: float, weights: Floats
) -> Bands:
    """Bands for values within this horizon: money seen in a shorter window counts in proportion,
    else nearly everybody would fall into the group of those who were foretold the most in it."""
    stretch = [horizon_days / each.sample.column(HORIZON) for each in evidence]
    pairs = list(zip(evidence, stretch, strict=True))
    foretold = [factor * money(each, weights) * by for each, by in pairs]
    happened = [each.sample.value * by for each, by in pairs]
    return learn_bands(np.concatenate(foretold), np.concatenate(happened))


def unit_of(sample: Sample) -> float:
    """The mean value, as the members' unit of money.

    Raises:
        NotEnoughHistory: nobody brought anything in any window.
    """
    unit = float(sample.value.mean())
    if unit <= 0:
        raise NotEnoughHistory(
            f"Nothing to learn about value: no customer brought any in {len(sample)} past cases. "
            "Choose a longer horizon."
        )
    return unit
