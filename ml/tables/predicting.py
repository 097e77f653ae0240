"""From one labelled table to the scores of another, in one call and with no store."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ml.dataset import Progress
from ml.tables.care import read_rows, read_table
from ml.tables.columns import OTHER, Column, texts_of
from ml.tables.training import Clock, train_table


def predict_table(
    train: pa.Table,
    score: pa.Table,
    *,
    label: str,
    positive: str | None = None,
    allow_sensitive: bool = False,
    keep: Sequence[str] = (),
    seed: int = 0,
    threads: int = 1,
    seconds: float | None = None,
    progress: Progress | None = None,
    clock: Clock = time.monotonic,
) -> tuple[pa.Table, tuple[str, ...]]:
    """Learn from `train` and score every row of `score`.

    Returns:
        A table with `row` (int64, 1 for the first row of `score`), `churn_probability` and
        `reasons` (JSON text, see `ml.features.reason_text`), and notes for people: each column
        left out and why.

    Raises:
        BadTable: a label or column is missing or not what it should be.
        NotEnoughHistory: too few labelled rows, or one class only.
    """
    data = read_table(
        train, label=label, positive=positive, allow_sensitive=allow_sensitive, keep=keep
    )
    # Found out now rather than after minutes of training.
    read_rows(score.slice(0, 0), data.columns)
    model = train_table(
        data, seed=seed, threads=threads, seconds=seconds, progress=progress, clock=clock
    )
    probability = model.predict(score)
    result = pa.table(
        {
            "row": pa.array(np.arange(1, score.num_rows + 1), pa.int64()),
            "churn_probability": pa.array(probability, pa.float64()),
            "reasons": pa.array(model.reasons(score, progress=progress), pa.string()),
        }
    )
    return result, (*data.notes, *_strange(score, data.columns))


def _strange(table: pa.Table, columns: Sequence[Column]) -> list[str]:
    """What stands in the rows to be scored that was not there to be learned from."""
    notes = []
    for column, values in zip(columns, read_rows(table, columns).T, strict=True):
        if column.kind == "choice":
            count, what = int((values == OTHER).sum()), "is rare or new"
        else:
            there = np.array([text is not None for text in texts_of(table[column.name])], np.bool_)
            count, what = int((there & np.isnan(values)).sum()), f"is no {column.kind}"
        if count:
            notes.append(f"{column.name} {what} in {count:,} of the rows to be scored.")
    return notes
