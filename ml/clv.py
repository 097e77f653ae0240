"""Customer lifetime value: the money a customer is expected to bring within the horizon.

log value = weight * trees + (1 - weight) * log rhythm value + log level, where the trees have a
Tweedie loss (many zeros, a long tail) and `level` makes past totals right. The interval comes from
what past predictions were wrong by, in groups of similar predictions: zero is a mass of its own,
as a group in which a tenth brought nothing has the lower end zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import xgboost as xgb

from ml import artefacts
from ml.booster import (
    WEIGHTS,
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

RHYTHM = "rhythm_value"
VARIANCE_POWER = 1.3
COVERAGE = (0.1, 0.9)
GROUP_ROWS = 200
"""Rows that a conformal group needs at least; up to ten groups are made."""

_MAX_LEVEL = 2.0


class Value(NamedTuple):
    """Expected value and its interval, in minor units: low <= expected <= high."""

    low: Floats
    expected: Floats
    high: Floats


@dataclass(frozen=True)
class Bands:
    """Conformal ratios of value to prediction; group i ends below `edges[i]`."""

    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def apply(self, expected: Floats) -> Value:
        group = np.searchsorted(np.array(self.edges), expected, side="right")
        low = expected * np.array(self.low)[group]
        high = expected * np.array(self.high)[group]
        return Value(np.minimum(low, expected), expected, np.maximum(high, expected))


@dataclass(frozen=True)
class Level:
    """What turns the trees' margin into money, learned on evidence."""

    weight: float
    unit: float
    """Minor units that the trees call 1."""
    factor: float
    reference: float
    """The mean log rhythm value: where its contribution counts as zero."""


@dataclass(frozen=True)
class ClvModel:
    """A fitted value model; predicts from a sample extended by its own `habit`."""

    kind: ClassVar[str] = "clv"
    booster: xgb.Booster
    codes: tuple[str, ...]
    attributes: tuple[AttributeField, ...]
    habit: Habit
    level: Level
    bands: Bands
    basis: str
    annual_rate: float
    horizon_days: int
    cutoff: int
    shape: Shape

    @property
    def discount(self) -> float:
        """Present value of one unit that arrives evenly over the horizon."""
        strain = float(np.log1p(self.annual_rate)) * self.horizon_days / 365.0
        return float(-np.expm1(-strain) / strain) if strain else 1.0

    def undiscounted(self, sample: Sample) -> Value:
        """Money as it will be booked: what evaluation compares with."""
        scores = margins(self.booster, sample.matrix(self.codes))
        return self.bands.apply(_money(scores, sample, self.level))

    def predict(self, sample: Sample) -> Value:
        """Present values."""
        return Value(*(part * self.discount for part in self.undiscounted(sample)))

    def effects(self, sample: Sample) -> Floats:
        """Contributions to the log of value, a column per code and the bias last."""
        level = self.level
        share = 1.0 - level.weight
        effects = contributions(self.booster, sample.matrix(self.codes)) * level.weight
        rhythm = _log_rhythm(sample, level.unit)
        effects[:, self.codes.index(RHYTHM)] += share * (rhythm - level.reference)
        effects[:, -1] += share * level.reference + np.log(
            level.unit * level.factor * self.discount
        )
        return effects

    def save(self, folder: Path, stem: str) -> dict[str, str]:
        document = {
            "kind": self.kind,
            "codes": list(self.codes),
            "attributes": artefacts.attributes_to_document(self.attributes),
            "habit": self.habit.to_document(),
            "level": vars(self.level),
            "bands": {name: list(ends) for name, ends in vars(self.bands).items()},
            "basis": self.basis,
            "annual_rate": self.annual_rate,
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
        bands: dict[str, Any] = document["bands"]
        return cls(
            booster=from_bytes(trees, threads),
            codes=tuple(document["codes"]),
            attributes=artefacts.attributes_from_document(document["attributes"]),
            habit=Habit.from_document(document["habit"]),
            level=Level(**document["level"]),
            bands=Bands(**{name: tuple(ends) for name, ends in bands.items()}),
            basis=document["basis"],
            annual_rate=document["annual_rate"],
            horizon_days=document["horizon_days"],
            cutoff=document["cutoff"],
            shape=Shape(**document["shape"]),
        )


def task(seed: int, threads: int) -> Task:
    extra = {"tweedie_variance_power": VARIANCE_POWER}
    return Task("reg:tweedie", f"tweedie-nloglik@{VARIANCE_POWER}", extra, seed, threads)


def unit_of(sample: Sample) -> float:
    """The mean value, as the trees' unit of money.

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


def explore(sample: Sample, horizon_days: int, job: Task) -> tuple[Shape, Evidence]:
    """Choose a shape on folds of the origins, and keep what the folds predicted.

    The evidence's scores are logs of minor units, so that they outlive the unit.
    """
    unit = unit_of(sample)
    shape, scores = tune(job, sample.values, sample.value / unit, folds(sample, horizon_days))
    judged = ~np.isnan(scores)
    return shape, Evidence(sample.where(judged), scores[judged] + np.log(unit))


def fit(
    sample: Sample,
    evidence: Evidence,
    *,
    attributes: tuple[AttributeField, ...],
    habit: Habit,
    horizon_days: int,
    cutoff: int,
    shape: Shape,
    job: Task,
    basis: str,
    annual_rate: float,
) -> ClvModel:
    """Boost on all rows of `sample`; weigh, level and band on `evidence`."""
    unit = unit_of(sample)
    booster = boost(job, sample.values, sample.value / unit, shape)
    scores = evidence.scores - np.log(unit)
    level = _learn_level(scores, evidence.sample, unit)
    expected = _money(scores, evidence.sample, level)
    return ClvModel(
        booster=booster,
        codes=sample.codes,
        attributes=attributes,
        habit=habit,
        level=level,
        bands=learn_bands(expected, evidence.sample.value),
        basis=basis,
        annual_rate=annual_rate,
        horizon_days=horizon_days,
        cutoff=cutoff,
        shape=shape,
    )


def _log_rhythm(sample: Sample, unit: float) -> Floats:
    """Log of the rhythm's value in units, kept from minus infinity where it expects nothing."""
    return np.asarray(np.log(np.maximum(sample.column(RHYTHM) / unit, 1e-4)), np.float64)


def _money(scores: Floats, sample: Sample, level: Level) -> Floats:
    logs = level.weight * scores + (1.0 - level.weight) * _log_rhythm(sample, level.unit)
    return np.asarray(np.exp(logs) * level.unit * level.factor, np.float64)


def _learn_level(scores: Floats, sample: Sample, unit: float) -> Level:
    """The weight with the least Tweedie deviance once each weight's total has been made right."""
    reference = float(_log_rhythm(sample, unit).mean())
    trials = []
    for weight in WEIGHTS:
        plain = Level(float(weight), unit, 1.0, reference)
        expected = _money(scores, sample, plain)
        factor = float(np.clip(sample.value.sum() / expected.sum(), 1 / _MAX_LEVEL, _MAX_LEVEL))
        loss = tweedie_loss(expected * factor / unit, sample.value / unit)
        trials.append((loss, replace(plain, factor=factor)))
    return min(trials, key=lambda trial: trial[0])[1]


def tweedie_loss(expected: Floats, value: Floats) -> float:
    one, two = 1.0 - VARIANCE_POWER, 2.0 - VARIANCE_POWER
    return float(np.mean(-value * expected**one / one + expected**two / two))


def learn_bands(expected: Floats, value: Floats) -> Bands:
    """Quantiles of value / prediction in groups of similar predictions, widened for few rows."""
    groups = int(np.clip(len(value) // GROUP_ROWS, 1, 10))
    order = np.argsort(expected, kind="stable")
    parts = np.array_split(order, groups)
    edges = tuple(float(expected[part[0]]) for part in parts[1:])
    ends = []
    for part in parts:
        ratios = np.sort(value[part] / expected[part])
        count = len(ratios)
        below = int(np.floor(COVERAGE[0] * (count + 1))) - 1
        above = int(np.ceil(COVERAGE[1] * (count + 1))) - 1
        low = float(ratios[below]) if below >= 0 else 0.0
        ends.append((low, float(ratios[min(above, count - 1)])))
    return Bands(edges, tuple(low for low, _ in ends), tuple(high for _, high in ends))
