"""Looking back gives at each cut-off what scoring gives there, of a sample that stays the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.contracts import DAY
from ml.lookback import score_past
from ml.scoring import score
from ml.training import TrainedModel
from tests.ml.conftest import CUTOFF

CUTOFFS = [CUTOFF - 120 * DAY, CUTOFF - 60 * DAY]
COMPARED = ("churn_probability", "clv_minor", "expected_next_purchase_at")


@pytest.mark.parametrize("most", [10, 10_000])
def test_the_past_is_what_scoring_says_of_it(
    store: Path, churn: TrainedModel, clv: TrainedModel, most: int
) -> None:
    models: dict[str, Any] = {"churn": churn.folder, "clv": clv.folder}
    models |= {"expected_sha256": {"churn": churn.files, "clv": clv.files}, "threads": 1}
    looked = dict(score_past(store, cutoffs=CUTOFFS, most_customers=most, **models))
    assert list(looked) == CUTOFFS
    samples = []
    for cutoff, found in looked.items():
        whole = score(store, cutoff=cutoff, **models)
        ids = found.measures["customer_id"]
        samples.append(set(ids.to_pylist()))
        assert found.measures.sort_by("customer_id").equals(of(whole.measures, ids))
        predicted, expected = found.predictions, of(whole.predictions, ids)
        for name in ("customer_id", *COMPARED):
            assert predicted[name].equals(expected[name]), name
        assert set(predicted["churn_reasons"].to_pylist()) <= {"[]"}
    assert samples[0] <= samples[1]
    everyone = score(store, cutoff=CUTOFFS[1], **models).measures.num_rows
    assert len(samples[1]) == everyone if most > everyone else len(samples[1]) < everyone


def of(table: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    """The rows of some customers, in their order."""
    inside = pc.is_in(table["customer_id"], ids.combine_chunks())
    return table.filter(inside).sort_by("customer_id").combine_chunks()
