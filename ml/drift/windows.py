"""The customers of today against those the champion was trained for, feature by feature.

The reference is computed from the fact store at the champion's own cut-off, so that nothing about
customers is kept beside a model. What ages by itself (tenure, number of purchases) moves between
any two days: a feature has drifted only if it moved well beyond what it moved in the time of equal
length before training, which the model has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.backends import Backend, connect
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import DAY
from ml.dataset import HISTORY, labelled, span_at
from ml.drift.distances import Ks, Psi, ks, psi
from ml.facts import FactStore
from ml.features import label_of
from ml.sample import Floats, Sample, sample_at

SLIGHT, STRONG = 0.10, 0.25
"""Of the population stability index: the usual limits of a slight and of a strong change."""
BEYOND_USUAL = 2.0
_EXPLAINED_ROWS = 1000


@dataclass(frozen=True)
class Shift:
    """How one column moved since training; `usual` is its index over the time before training."""

    code: str
    label: str
    psi: Psi
    ks: Ks
    usual: float
    importance: float
    """The column's share in what moves predictions; 1 for a score."""
    mean_before: float
    mean_now: float
    missing_before: float
    missing_now: float

    @property
    def strength(self) -> float:
        """The index where it says more than chance and ageing do, else 0."""
        limit = max(self.psi.by_chance, BEYOND_USUAL * self.usual)
        return self.psi.value if self.psi.value > limit else 0.0


@dataclass(frozen=True)
class BaseRate:
    """Outcomes of the last closed window before training, and of the last one now."""

    before: float
    now: float
    low: float
    high: float
    """Ends of the 90 % interval of the difference, now minus before."""


@dataclass(frozen=True)
class Windows:
    """One model's comparison; `base` is null until a window has closed since training."""

    name: str
    cutoff: int
    horizon_days: int
    customers_before: int
    customers_now: int
    score: Shift
    features: tuple[Shift, ...]
    base: BaseRate | None

    @property
    def drifted_importance(self) -> float:
        """Share of what moves predictions that comes from columns which drifted strongly."""
        return sum(each.importance for each in self.features if each.strength >= STRONG)


def compare(store: Path, model: ChurnModel | ClvModel, *, cutoff: int, threads: int) -> Windows:
    """Everyone who had bought by the model's cut-off against everyone who had by `cutoff`.

    Raises:
        NotEnoughHistory: there are no purchases before the cut-off, or too few customers.
        NoFacts: there is no fact store.
    """
    with connect(threads) as backend:
        backend.open(FactStore(store))
        first_at = span_at(backend, cutoff).first_at
        earlier = 2 * model.cutoff - cutoff
        seasoned = {earlier} if earlier >= first_at + HISTORY else set()
        cutoffs = sorted({model.cutoff, cutoff} | seasoned)
        everyone = sample_at(backend, model.attributes, cutoffs)
        base = _base_rate(backend, model, cutoff, first_at)
    at = {moment: everyone.where(everyone.cutoff == moment) for moment in cutoffs}
    before, now = at[model.cutoff], at[cutoff]
    older = at.get(earlier, before)
    weights = _importance(model, now)
    codes = [code for code in everyone.codes if code in model.codes]
    features = [_shift(code, older, before, now, weights.get(code, 0.0)) for code in codes]
    strongest = sorted(
        features, key=lambda each: (-each.strength, -each.psi.value, -each.importance)
    )
    return Windows(
        name=model.kind,
        cutoff=model.cutoff,
        horizon_days=model.horizon_days,
        customers_before=len(before),
        customers_now=len(now),
        score=_score(model, older, before, now),
        features=tuple(strongest),
        base=base,
    )


def shift(code: str, older: Floats, before: Floats, now: Floats, importance: float) -> Shift:
    return Shift(
        code=code,
        label=label_of(code),
        psi=psi(before, now),
        ks=ks(before, now),
        usual=psi(older, before).value,
        importance=importance,
        mean_before=_mean(before),
        mean_now=_mean(now),
        missing_before=float(np.isnan(before).mean()) if len(before) else 0.0,
        missing_now=float(np.isnan(now).mean()) if len(now) else 0.0,
    )


def _shift(code: str, older: Sample, before: Sample, now: Sample, importance: float) -> Shift:
    return shift(code, older.column(code), before.column(code), now.column(code), importance)


def _score(model: ChurnModel | ClvModel, older: Sample, before: Sample, now: Sample) -> Shift:
    was, said, says = (_predict(model, sample) for sample in (older, before, now))
    return replace(shift(model.kind, was, said, says, 1.0), label=f"{model.kind} score")


def _predict(model: ChurnModel | ClvModel, sample: Sample) -> Floats:
    extended = model.habit.extend(sample, model.horizon_days)
    if isinstance(model, ChurnModel):
        return model.predict(extended)
    return model.predict(extended).expected


def _importance(model: ChurnModel | ClvModel, sample: Sample) -> dict[str, float]:
    """Each column's share of the mean absolute contribution, on evenly picked customers."""
    picked = np.zeros(len(sample), np.bool_)
    picked[np.unique(np.linspace(0, len(sample) - 1, _EXPLAINED_ROWS).astype(np.int64))] = True
    extended = model.habit.extend(sample.where(picked), model.horizon_days)
    strength = np.abs(model.effects(extended)[:, :-1]).mean(axis=0)
    total = float(strength.sum()) or 1.0
    return {code: float(each) / total for code, each in zip(model.codes, strength, strict=True)}


def _base_rate(
    backend: Backend, model: ChurnModel | ClvModel, cutoff: int, first_at: int
) -> BaseRate | None:
    """The churn rate, or the share who brought anything, in the last closed windows."""
    window = model.horizon_days * DAY
    origins = [model.cutoff - window, cutoff - window]
    if cutoff <= model.cutoff or origins[0] <= first_at:
        return None
    span = span_at(backend, cutoff)
    sample = labelled(backend, (), origins, horizon_days=model.horizon_days, span=span)
    outcome = sample.churned if isinstance(model, ChurnModel) else sample.value > 0
    before, now = (outcome[sample.cutoff == origin] for origin in origins)
    if not len(before) or not len(now):
        return None
    difference = float(now.mean() - before.mean())
    doubt = 1.645 * float(np.sqrt(_variance(before) + _variance(now)))
    return BaseRate(float(before.mean()), float(now.mean()), difference - doubt, difference + doubt)


def _variance(outcome: npt.NDArray[np.bool_]) -> float:
    share = float(outcome.mean())
    return share * (1.0 - share) / len(outcome)


def _mean(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
