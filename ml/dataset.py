"""Training sets: customers at past cut-offs, each time with what came after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa

from ml.backends import Backend, connect
from ml.contracts import DAY, AttributeField, day_of
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.features import feature_codes, features_sql
from ml.labels import MARGIN_SQL, SPAN_SQL, choices_sql, labels_sql
from ml.sample import Sample, join, sample_at

Progress = Callable[[str, float], None]
BATCH = 4
"""Cut-offs in one query: more would turn its joins from nested loops to sorts."""
HISTORY = 84 * DAY
"""What an origin should have behind it, so that trends can be seen; less if there are too few."""
MIN_CUSTOMERS = 50
MOST_CHOICES = 12
"""A text attribute with more values than this tells a model little that it could learn."""


@dataclass(frozen=True)
class Span:
    """The purchases known at a cut-off, and how their value is to be counted."""

    first_at: int
    last_at: int
    buyers: int
    lines: int
    basis: Literal["margin", "spend"]
    margin_share: float
    """Mean margin on lines with a known cost; lines without one are taken to earn the same."""
    time_zone: str = "UTC"


def span_at(backend: Backend, cutoff: int) -> Span:
    """What is there to learn from.

    Raises:
        NotEnoughHistory: there are no purchases before the cut-off, or too few customers.
    """
    backend.cut([cutoff])
    row = backend.query(SPAN_SQL).to_pylist()[0]
    if not row["lines"]:
        raise NotEnoughHistory(
            f"No purchases on or before {day_of(cutoff - 1, backend.time_zone)}: "
            "import orders, or choose a later day."
        )
    if row["buyers"] < MIN_CUSTOMERS:
        raise NotEnoughHistory(
            f"Only {row['buyers']} customers bought on or before "
            f"{day_of(cutoff - 1, backend.time_zone)}; "
            f"training needs at least {MIN_CUSTOMERS}."
        )
    known = row["costed_minor"] > 0 and row["costed_minor"] * 2 >= row["amount_minor"]
    return Span(
        first_at=row["first_at"],
        last_at=row["last_at"],
        buyers=row["buyers"],
        lines=row["lines"],
        basis="margin" if known else "spend",
        margin_share=_margin(row) if known else 1.0,
        time_zone=backend.time_zone,
    )


def _margin(row: Mapping[str, int]) -> float:
    return 1.0 - row["cost_minor"] / row["costed_minor"]


def margin_shares(backend: Backend, cutoffs: Sequence[int], span: Span) -> dict[int, float]:
    """The mean margin as it could be known at each cut-off; the span's where no cost was."""
    shares = dict.fromkeys(cutoffs, span.margin_share)
    if span.basis == "margin":
        backend.cut(cutoffs)
        rows = backend.query(MARGIN_SQL).to_pylist()
        shares |= {row["cutoff"]: _margin(row) for row in rows if row["costed_minor"] > 0}
    return shares


def known_attributes(
    backend: Backend, fields: Sequence[AttributeField], cutoff: int
) -> tuple[AttributeField, ...]:
    """The attributes that anything was stated of before the cut-off, with the choices until then.

    A value that turns up later must not even make a column: a model would differ by it.
    """
    backend.cut([cutoff])
    stated: dict[str, list[str]] = {}
    for row in backend.query(choices_sql(MOST_CHOICES)).to_pylist():
        values = stated.setdefault(row["name"], [])
        if row["text_value"]:
            values.append(row["text_value"])
    known = []
    for field in fields:
        choices = tuple(sorted(stated.get(field.name, ()))) if field.value_type == "choice" else ()
        if choices or (field.value_type != "choice" and field.name in stated):
            known.append(replace(field, choices=choices))
    return tuple(known)


def feature_table(store: FactStore, cutoff: int, *, threads: int) -> pa.Table:
    """All measures and features of everyone known at a cut-off, attributes under their codes.

    A measure that is named like a feature, which is a float32, ends in `_measure`.
    """
    with connect(threads) as backend:
        backend.open(store)
        attributes = known_attributes(backend, store.attribute_fields(), cutoff)
        backend.cut([cutoff])
        table = backend.query(features_sql(attributes, with_measures=True))
    codes = feature_codes(attributes)
    names = []
    for name in table.column_names[: -len(codes)]:
        plain = name.removesuffix("_measure")
        names.append(name if plain in codes else plain)
    return table.rename_columns([*names, *codes])


def labelled(
    backend: Backend,
    attributes: Sequence[AttributeField],
    cutoffs: Sequence[int],
    *,
    horizon_days: int,
    span: Span,
    progress: Progress | None = None,
) -> Sample:
    """Buyers at each cut-off with what they did in the window after it."""
    labels = labels_sql(horizon_days)
    parts: list[Sample] = []
    ordered = sorted(cutoffs)
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        sample = sample_at(backend, attributes, batch)
        parts.append(label(sample, backend.query(labels), span))
        if progress:
            progress("Computing features", (start + len(batch)) / len(ordered))
    return join(parts)


def label(sample: Sample, labels: pa.Table, span: Span) -> Sample:
    """Match labels to rows by (cut-off, customer); who has none did nothing."""
    cutoffs = np.unique(sample.cutoff)
    churned, value = np.ones(len(sample), np.bool_), np.zeros(len(sample))
    theirs = {name: labels[name].to_numpy() for name in labels.column_names}
    earned = theirs["net_minor"].astype(np.float64)
    if span.basis == "margin":
        unknown = theirs["net_minor"] - theirs["costed_minor"]
        earned = theirs["costed_minor"] - theirs["cost_minor"] + unknown * span.margin_share
    for cutoff in cutoffs:
        ours = np.flatnonzero(sample.cutoff == cutoff)
        rows = np.flatnonzero(theirs["cutoff"] == cutoff)
        _, left, right = np.intersect1d(
            sample.customer_id[ours], theirs["customer_id"][rows], return_indices=True
        )
        churned[ours[left]] = theirs["purchased"][rows[right]] == 0
        value[ours[left]] = np.maximum(earned[rows[right]], 0.0)
    return replace(sample, churned=churned, value=value)
