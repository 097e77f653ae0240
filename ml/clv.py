"""Customer lifetime value: the money a customer is expected to bring within the horizon.

It is the weighted mean of what the members say, each brought to one total; boosters have a Tweedie
loss (many zeros, a long tail). The interval comes from
what past predictions were wrong by, in groups of similar predictions: zero is a mass of its own,
as a group in which a tenth brought nothing has the lower end zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ml import artefacts
from ml.bands import Bands, Value, learn_bands
from ml.booster import Task, to_bytes
from ml.btyd import Habit
from ml.contracts import AttributeField
from ml.course import Evidence, Learned, Setting, Shapes, alike
from ml.errors import NotEnoughHistory
from ml.levels import (
    VARIANCE_POWER,
    Level,
    correction,
    money,
    shares_of,
    tweedie_loss,
    weigh_values,
)
from ml.members import CORE_TREES, HORIZON, TREES, Base, Members, Spec, choose_shapes, grow
from ml.sample import Floats, Sample

__all__ = [
    "RHYTHM",
    "VARIANCE_POWER",
    "Bands",
    "ClvCourse",
    "ClvModel",
    "Value",
    "learn_bands",
    "tweedie_loss",
]

RHYTHM = "rhythm_value"
SPECS = (TREES, CORE_TREES, Spec("residual", core=True, on_rhythm=True))
MONOTONE = {
    "rhythm_value": 1,
    "rhythm_orders": 1,
    "rhythm_basket": 1,
    "net_spend": 1,
    "rhythm_absence": -1,
}
"""More of what rhythm promises can't make a customer worth less."""
_LEAST = 1e-3
"""Of the mean value: below it the rhythm's logarithm is cut off."""


@dataclass(frozen=True)
class ClvModel:
    """A fitted value model; predicts from a sample extended by its own `habit`."""

    kind: ClassVar[str] = "clv"
    members: Members
    level: Level
    bands: Bands
    attributes: tuple[AttributeField, ...]
    habit: Habit
    basis: str
    annual_rate: float
    horizon_days: int
    cutoff: int
    extrapolated: bool
    """Whether it never saw a window as long as its horizon."""

    @property
    def codes(self) -> tuple[str, ...]:
        return self.members.codes

    @property
    def discount(self) -> float:
        """Present value of one unit that arrives evenly over the horizon."""
        strain = float(np.log1p(self.annual_rate)) * self.horizon_days / 365.0
        return float(-np.expm1(-strain) / strain) if strain else 1.0

    def _parts(self, sample: Sample) -> Floats:
        """Minor units, a column per member; the rows sum to the expected value."""
        margins = _margins(self.members, self.level.unit, self.level.per_days, sample)
        return np.asarray(np.exp(margins) * np.array(self.level.shares), np.float64)

    def undiscounted(self, sample: Sample) -> Value:
        """Money as it will be booked: what evaluation compares with."""
        return self.bands.apply(self._parts(sample).sum(axis=1))

    def predict(self, sample: Sample) -> Value:
        """Present values."""
        return Value(*(part * self.discount for part in self.undiscounted(sample)))

    def effects(self, sample: Sample) -> Floats:
        """Contributions to the log of value, a column per code and the bias last.

        A customer's members count by their part of the customer's value; what is added by their
        being averaged is in the bias.
        """
        parts = self._parts(sample)
        value = parts.sum(axis=1)
        portions = parts / value[:, None]
        tables = self.members.effects(sample)
        effects = np.zeros((len(sample), len(self.codes)))
        for portion, table in zip(portions.T, tables, strict=True):
            effects += portion[:, None] * table
        away = _log_rhythm(sample, self.level.unit) - self.level.reference
        rhythmic = portions @ np.array(self.members.rhythmic(), np.float64)
        effects[:, self.codes.index(RHYTHM)] += rhythmic * away
        total = np.log(value * self.discount)
        return np.column_stack([effects, total - effects.sum(axis=1)])

    def save(self, folder: Path, stem: str) -> dict[str, str]:
        document = {
            "kind": self.kind,
            "members": self.members.to_document(),
            "level": {**vars(self.level), "shares": list(self.level.shares)},
            "bands": {name: list(ends) for name, ends in vars(self.bands).items()},
            "attributes": artefacts.attributes_to_document(self.attributes),
            "habit": self.habit.to_document(),
            "basis": self.basis,
            "annual_rate": self.annual_rate,
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
        bands: dict[str, Any] = document["bands"]
        level: dict[str, Any] = document["level"]
        return cls(
            members=Members.from_document(document["members"], trees, threads),
            level=Level(**level | {"shares": tuple(level["shares"])}),
            bands=Bands(**{name: tuple(ends) for name, ends in bands.items()}),
            attributes=artefacts.attributes_from_document(document["attributes"]),
            habit=Habit.from_document(document["habit"]),
            basis=document["basis"],
            annual_rate=document["annual_rate"],
            horizon_days=document["horizon_days"],
            cutoff=document["cutoff"],
            extrapolated=document["extrapolated"],
        )


@dataclass(frozen=True)
class ClvCourse:
    """How a value model learns."""

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
        base, target = _base(unit, self.horizon_days), lesson.value / unit
        chosen = shapes or choose_shapes(self.task, SPECS, lesson, target, base)
        return Learned(grow(self.task, SPECS, chosen, lesson, target, base, None), unit, chosen)

    def margins(self, learned: Learned, sample: Sample) -> Floats:
        """Logs of minor units."""
        margins = _margins(learned.members, learned.scale, self.horizon_days, sample)
        return margins + float(np.log(learned.scale))

    def finish(
        self, learned: Learned, evidence: Sequence[Evidence], now: Sample, setting: Setting
    ) -> ClvModel:
        weights = weigh_values(evidence)
        factor, unit = correction(alike(evidence, setting), weights), learned.scale
        shares = unit * factor * shares_of(self.margins(learned, now), weights)
        foretold = np.concatenate([factor * money(each, weights) for each in evidence])
        return ClvModel(
            members=learned.members,
            level=Level(
                unit,
                self.horizon_days,
                tuple(shares.tolist()),
                float(_log_rhythm(now, unit).mean()),
            ),
            bands=learn_bands(foretold, np.concatenate([each.sample.value for each in evidence])),
            attributes=setting.attributes,
            habit=setting.habit,
            basis=self.basis,
            annual_rate=self.annual_rate,
            horizon_days=setting.origin.horizon_days,
            cutoff=setting.origin.cutoff,
            extrapolated=setting.extrapolated,
        )


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


def _base(unit: float, per_days: int) -> Base:
    def base(spec: Spec, sample: Sample) -> Floats:
        if spec.on_rhythm:
            return _log_rhythm(sample, unit)
        return np.asarray(np.log(sample.column(HORIZON) / per_days), np.float64)

    return base


def _margins(members: Members, unit: float, per_days: int, sample: Sample) -> Floats:
    return members.margins(sample, _base(unit, per_days), _log_rhythm(sample, unit))


def _log_rhythm(sample: Sample, unit: float) -> Floats:
    """Log of the rhythm's value in units, kept from minus infinity where it expects nothing."""
    return np.asarray(np.log(np.maximum(sample.column(RHYTHM) / unit, _LEAST)), np.float64)
