"""What the champions would have said at the ends of past months, of a sample of customers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.compute as pc

from ml.backends import Backend, connect
from ml.contracts import FACT_TABLES
from ml.facts import FactStore, Manifest
from ml.measures import of_sample
from ml.sample import measures_at, sample_at
from ml.scoring import Scored, load_models, merged_attributes, predict

MOST_LINES = 3_000_000
"""Order lines, times cut-offs, that are looked at: some seconds of work."""


def score_past(
    store: Path,
    *,
    churn: Path,
    clv: Path,
    expected_sha256: Mapping[str, Mapping[str, str]],
    cutoffs: Sequence[int],
    most_customers: int,
    threads: int,
) -> Iterator[tuple[int, Scored]]:
    """At each cut-off measures and predictions of about so many customers at most, without reasons.

    The sample is the same at each cut-off and in every run. Nothing after a cut-off counts; the
    models are today's, so that they may have learned from it.

    Raises:
        BadModel: a file is absent, or not the expected one.
        NoFacts: there is no fact store.
    """
    ours = load_models(churn, clv, expected_sha256, threads)
    facts = FactStore(store)
    attributes = merged_attributes(ours[0].attributes, ours[1].attributes)
    permille = _permille(facts.manifest, most_customers, len(cutoffs))
    with connect(threads) as backend:
        backend.open(facts)
        measures = measures_at(backend, cutoffs, permille)
        if permille is not None:
            _narrow(backend, permille)
        sample = sample_at(backend, attributes, cutoffs)
    for cutoff in cutoffs:
        known = measures.filter(pc.equal(measures["cutoff"], cutoff)).drop_columns(["cutoff"])
        yield (
            cutoff,
            Scored(known, predict(*ours, sample.where(sample.cutoff == cutoff), why=False)),
        )


def _permille(manifest: Manifest, most_customers: int, cutoffs: int) -> int | None:
    """How many in a thousand customers are looked at, None for all."""
    customers, lines = manifest.rows("customers"), manifest.rows("order_lines") * cutoffs
    share = min(most_customers / max(customers, 1), MOST_LINES / max(lines, 1))
    return None if share >= 1 else max(int(share * 1000), 1)


def _narrow(backend: Backend, permille: int) -> None:
    """Leave only the sample's facts: features of customers do not depend on each other."""
    for table in FACT_TABLES:
        if "customer_id" in table.columns:
            inside = of_sample("customer_id", permille)
            backend.register(
                table.name, backend.query(f"SELECT * FROM {table.name} WHERE {inside}")
            )
