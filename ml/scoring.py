"""Score everyone at a cut-off: the one way from facts and champion files to predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ml.artefacts import CHAMPION
from ml.backends import connect
from ml.btyd import Histories
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import DAY, PREDICTION_COLUMNS, AttributeField
from ml.errors import BadModel
from ml.explain import reasons
from ml.facts import FactStore, arrow_schema
from ml.sample import Floats, Sample, measure_and_sample

NO_REASONS = ["[]"]
FORESEEABLE_DAYS = 365
"""A next purchase expected later than this is not foretold at all."""


@dataclass(frozen=True)
class Scored:
    """`measures` of everyone known at the cut-off; `predictions` of those who ever bought."""

    measures: pa.Table
    predictions: pa.Table


def score(
    store: Path,
    *,
    churn: Path,
    clv: Path,
    expected_sha256: Mapping[str, Mapping[str, str]],
    cutoff: int,
    threads: int,
) -> Scored:
    """Predictions and measures at `cutoff`, sorted by customer.

    `churn` and `clv` are folders with a model's native files; `expected_sha256` says for each model
    name what each file's SHA-256 must be.

    Raises:
        BadModel: a file is absent, or not the expected one.
        NoFacts: there is no fact store.
    """
    ours = load_models(churn, clv, expected_sha256, threads)
    attributes = merged_attributes(ours[0].attributes, ours[1].attributes)
    with connect(threads) as backend:
        backend.open(FactStore(store))
        measures, sample = measure_and_sample(backend, attributes, cutoff)
    return Scored(
        measures=measures,
        predictions=predict(ours[0], ours[1], sample),
    )


def load_models(
    churn: Path, clv: Path, expected_sha256: Mapping[str, Mapping[str, str]], threads: int
) -> tuple[ChurnModel, ClvModel]:
    return (
        ChurnModel.load(churn, CHAMPION, _expected(expected_sha256, "churn"), threads),
        ClvModel.load(clv, CHAMPION, _expected(expected_sha256, "clv"), threads),
    )


def predict(churn: ChurnModel, clv: ClvModel, sample: Sample, *, why: bool = True) -> pa.Table:
    """The rows of `PREDICTION_COLUMNS` for a sample that no habit was added to.

    Without `why` there are no reasons: they take most of the time.
    """
    for_churn = churn.habit.extend(sample, churn.horizon_days)
    for_clv = clv.habit.extend(sample, clv.horizon_days)
    value = clv.predict(for_clv)
    columns = {
        "customer_id": sample.customer_id,
        "churn_probability": churn.predict(for_churn),
        "clv_minor": _minor(value.expected),
        "clv_low_minor": _minor(value.low),
        "clv_high_minor": _minor(value.high),
        "expected_next_purchase_at": _next_purchase(churn, sample),
        "churn_reasons": _reasons(churn, for_churn) if why else NO_REASONS * len(sample),
        "clv_reasons": _reasons(clv, for_clv) if why else NO_REASONS * len(sample),
    }
    return pa.table(
        [columns[name] for name in PREDICTION_COLUMNS], schema=arrow_schema(PREDICTION_COLUMNS)
    )


def merged_attributes(
    ours: tuple[AttributeField, ...], theirs: tuple[AttributeField, ...]
) -> tuple[AttributeField, ...]:
    """Every attribute that either model reads, so that one query serves both."""
    known = {field.name: field for field in ours}
    for field in theirs:
        mine = known.get(field.name, field)
        if mine.value_type != field.value_type:
            raise BadModel(
                f"The models disagree about the attribute {field.name!r}, which is of another type "
                "since one of them was trained: train both again."
            )
        choices = tuple(dict.fromkeys((*mine.choices, *field.choices)))
        known[field.name] = AttributeField(field.name, field.value_type, choices)
    return tuple(known.values())


def _expected(expected_sha256: Mapping[str, Mapping[str, str]], name: str) -> Mapping[str, str]:
    if name not in expected_sha256:
        raise BadModel(f"No SHA-256 is known for the {name} model's files: register it first.")
    return expected_sha256[name]


def _minor(money: Floats) -> pa.Array:
    return pa.array(np.rint(money).astype(np.int64))


def _next_purchase(churn: ChurnModel, sample: Sample) -> pa.Array:
    days = churn.habit.rhythm.days_to_next(Histories.of(sample))
    foreseen = days <= FORESEEABLE_DAYS
    moments = sample.cutoff + np.where(foreseen, days * DAY, 0.0).astype(np.int64)
    return pa.array(moments, mask=~foreseen)


def _reasons(model: ChurnModel | ClvModel, sample: Sample) -> list[str]:
    # The last column is the bias: the same for everyone, so no reason.
    return reasons(model.codes, sample.matrix(model.codes), model.effects(sample)[:, :-1])
