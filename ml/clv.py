"""Customer lifetime value: the money a customer is expected to bring within the horizon.

It is the weighted mean of what the members say, each brought to one total; boosters have a Tweedie
loss (many zeros, a long tail). The interval comes from
what past predictions were wrong by, in groups of similar predictions: zero is a mass of its own,
as a group in which a tenth brought nothing has the lower end zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ml import artefacts
from ml.bands import Bands, Value
from ml.booster import to_bytes
from ml.btyd import Habit
from ml.contracts import AttributeField
from ml.members import HORIZON, Base, Members, Spec
from ml.sample import Floats, Sample

__all__ = ["RHYTHM", "ClvModel", "Level", "Value", "base_of", "log_rhythm", "margins_of"]

RHYTHM = "rhythm_value"
_LEAST = 1e-3
"""Of the mean value: below it the rhythm's logarithm is cut off."""


@dataclass(frozen=True)
class Level:
    """What turns the members' margins into money.

    value = sum over members of share * exp(margin), where the shares bring each member's total
    over the customers known at the cut-off to its part of the whole.
    """

    unit: float
    """Minor units within `per_days` that the members call 1."""
    per_days: int
    shares: tuple[float, ...]
    """In minor units, a number per member."""
    reference: float
    """The mean log rhythm value: where its contribution counts as zero."""


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
        margins = margins_of(self.members, self.level.unit, self.level.per_days, sample)
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
        away = log_rhythm(sample, self.level.unit) - self.level.reference
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


def base_of(unit: float, per_days: int) -> Base:
    def base(spec: Spec, sample: Sample) -> Floats:
        if spec.on_rhythm:
            return log_rhythm(sample, unit)
        return np.asarray(np.log(sample.column(HORIZON) / per_days), np.float64)

    return base


def margins_of(members: Members, unit: float, per_days: int, sample: Sample) -> Floats:
    return members.margins(sample, base_of(unit, per_days), log_rhythm(sample, unit))


def log_rhythm(sample: Sample, unit: float) -> Floats:
    """Log of the rhythm's value in units, kept from minus infinity where it expects nothing."""
    return np.asarray(np.log(np.maximum(sample.column(RHYTHM) / unit, _LEAST)), np.float64)
