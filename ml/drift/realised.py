"""What became of past predictions whose horizon has passed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ml.backends import Backend, connect
from ml.bands import Value
from ml.contracts import cutoff_of
from ml.dataset import Span, labelled, span_at
from ml.evaluation import churn_metrics, clv_metrics, interval_metrics, paired_interval
from ml.evaluation.calibrated import MAX_ECE, TOTAL_RATIO, chance_error
from ml.evaluation.metrics import weighted_churn
from ml.facts import FactStore
from ml.sample import Floats

Urgency = Literal["no need", "soon", "now"]
FAR_OFF_ECE = 0.10
MIN_CUSTOMERS = 50


@dataclass(frozen=True)
class Published:
    """What a refresh said of each customer, by the model `NAME/VERSION` in `model`."""

    name: Literal["churn", "clv"]
    model: str
    as_of: dt.date
    horizon_days: int
    customer_id: npt.NDArray[np.int64]
    predicted: Floats
    low: Floats | None = None
    high: Floats | None = None

    @property
    def closes_on(self) -> dt.date:
        return self.as_of + dt.timedelta(days=self.horizon_days)


@dataclass(frozen=True)
class Realised:
    """Past predictions held against what happened."""

    name: str
    model: str
    as_of: dt.date
    customers: int
    predicted: float
    actual: float
    metrics: Mapping[str, float]
    urgency: Urgency
    text: str


def realise(
    store: Path, published: Sequence[Published], *, as_of: dt.date, threads: int
) -> tuple[Realised, ...]:
    """Every published set of predictions whose horizon had passed by the end of `as_of`.

    Sets of fewer than `MIN_CUSTOMERS` customers tell nothing and are left out.
    """
    closed = [each for each in published if each.closes_on <= as_of]
    if not closed:
        return ()
    facts = FactStore(store)
    zone, exponent = facts.manifest.time_zone, facts.manifest.currency_exponent
    with connect(threads) as backend:
        backend.open(facts)
        span = span_at(backend, cutoff_of(as_of, zone))
        found = [_realise(backend, span, each, zone, exponent) for each in closed]
    return tuple(each for each in found if each is not None)


def _realise(
    backend: Backend, span: Span, published: Published, zone: str, exponent: int
) -> Realised | None:
    cutoff = cutoff_of(published.as_of, zone)
    sample = labelled(backend, (), [cutoff], horizon_days=published.horizon_days, span=span)
    _, ours, theirs = np.intersect1d(published.customer_id, sample.customer_id, return_indices=True)
    if len(ours) < MIN_CUSTOMERS:
        return None
    said = published.predicted[ours]
    if published.name == "churn":
        return _churn(published, said, sample.churned[theirs])
    return _clv(published, ours, said, sample.value[theirs], exponent)


def _churn(published: Published, said: Floats, churned: npt.NDArray[np.bool_]) -> Realised:
    metrics = churn_metrics(said, churned)
    base = np.full(len(said), churned.mean())
    metrics["base_rate_log_loss"] = churn_metrics(base, churned)["log_loss"]
    chance = chance_error(said, seed=0)
    urgency: Urgency = "no need"
    if metrics["ece"] > max(FAR_OFF_ECE, chance) or _worse_than_base(said, base, churned):
        urgency = "now"
    elif metrics["ece"] > max(MAX_ECE, chance):
        urgency = "soon"
    text = (
        f"{published.model} said {said.mean():.1%} on {published.as_of}, {churned.mean():.1%} "
        f"left; AUC {metrics['auc']:.3f}, calibration error {metrics['ece']:.3f}"
    )
    return _result(published, said, churned.astype(np.float64), metrics, urgency, text)


def _worse_than_base(said: Floats, base: Floats, churned: npt.NDArray[np.bool_]) -> bool:
    """Whether the rate alone, which nobody knew beforehand, would surely have said more."""
    ours, theirs = (weighted_churn(each, churned)["log_loss"] for each in (said, base))
    return paired_interval(ours, theirs, np.arange(len(said), dtype=np.int64)).low > 0


def _clv(
    published: Published,
    ours: npt.NDArray[np.intp],
    said: Floats,
    value: Floats,
    exponent: int,
) -> Realised:
    metrics = clv_metrics(said, value, exponent)
    if published.low is not None and published.high is not None:
        ends = Value(published.low[ours], said, published.high[ours])
        metrics |= interval_metrics(ends, value)
    low, high = TOTAL_RATIO
    ratio = metrics["total_ratio"]
    urgency: Urgency = "no need" if low <= ratio <= high else "soon"
    if not low / high <= ratio <= high / low:
        urgency = "now"
    text = (
        f"{published.model} said {ratio:.2f} of the total that came within "
        f"{published.horizon_days} days of {published.as_of}; Gini {metrics['gini']:.3f}"
    )
    return _result(published, said, value, metrics, urgency, text)


def _result(
    published: Published,
    said: Floats,
    actual: Floats,
    metrics: Mapping[str, float],
    urgency: Urgency,
    text: str,
) -> Realised:
    return Realised(
        published.name, published.model, published.as_of, len(said), float(said.mean()),
        float(actual.mean()), metrics, urgency, text,
    )  # fmt: skip
