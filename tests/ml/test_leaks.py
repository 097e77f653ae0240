"""Nothing after the cut-off moves anything: no feature, no model, no prediction, bit for bit.

A back-test twin has a cut-off of its own, that of its proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.artefacts import BACKTEST
from ml.backends import connect
from ml.contracts import DAY, AttributeField
from ml.facts import TABLES, FactStore
from ml.sample import measure_and_sample
from ml.scoring import Scored, score
from ml.synthetic import ATTRIBUTE_FIELDS, invent
from ml.training import Name, train
from tests.ml.conftest import BUSINESS, Rows, write_rows
from tests.ml.dealings import dealings

AS_OF = BUSINESS.first_day.replace(month=7, day=1)
CUTOFF = BUSINESS.start + ((AS_OF - BUSINESS.first_day).days + 1) * DAY


def shuffled_after(rows: Rows, cutoff: int) -> Rows:
    """All values of later facts exchanged with one another, some lost, and the files reordered."""
    random = np.random.default_rng(9)
    changed = {}
    for name, values in rows.items():
        moment, key = TABLES[name].moment, TABLES[name].key
        before = [row for row in values if row[moment] < cutoff]
        after = [row for row in values if row[moment] >= cutoff]
        assert len(after) > 5, name
        if name == "invoices":
            before = [_paid_otherwise(row, cutoff, random) for row in before]
        for column in after[0].keys() - set(key) - {moment}:
            mixed = [after[place][column] for place in random.permutation(len(after))]
            after = [{**row, column: value} for row, value in zip(after, mixed, strict=True)]
        after = [{**row, moment: row[moment] + int(random.integers(0, 9 * DAY))} for row in after]
        kept = [*before, *after[: len(after) * 2 // 3]]
        if name == "attributes":
            kept += _news(after)
        changed[name] = [kept[place] for place in random.permutation(len(kept))]
    return changed


def _paid_otherwise(
    row: dict[str, Any], cutoff: int, random: np.random.Generator
) -> dict[str, Any]:
    """A payment that nobody knows of yet comes at another time, or never."""
    today = cutoff // DAY - 1
    if row["paid_day"] is not None and row["paid_day"] <= today:
        return row
    return {**row, "paid_day": random.choice([None, today + 1, today + 30])}


def _news(after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Statements of a kind that nobody had made before: another region, another attribute."""
    said = [({**row, "valid_from": row["valid_from"] + DAY}, row["name"]) for row in after]
    return [
        {**row, "text_value": "moon", "number_value": None} if name == "region"
        else {**row, "name": "shoe", "text_value": None, "number_value": 42.0}
        for row, name in said
    ]  # fmt: skip


HORIZONS: Mapping[Name, int] = {"churn": 28, "clv": 42}
Files = dict[str, dict[str, str]]


def learn(store: Path, folder: Path) -> Files:
    return {
        name: dict(
            train(
                store, name, as_of=AS_OF, horizon_days=horizon, threads=2, folder=folder / name
            ).files
        )
        for name, horizon in HORIZONS.items()
    }


def learn_and_score(store: Path, folder: Path) -> tuple[Scored, Files]:
    files = learn(store, folder)
    scored = score(
        store,
        churn=folder / "churn",
        clv=folder / "clv",
        expected_sha256=files,
        cutoff=CUTOFF,
        threads=2,
    )
    return scored, files


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("leaks")
    rows = {**invent(BUSINESS, seed=3), **dealings(BUSINESS, seed=3)}
    return (
        write_rows(folder / "as_it_was", rows),
        write_rows(
            folder / "another_future",
            shuffled_after(rows, CUTOFF),
            (*ATTRIBUTE_FIELDS, AttributeField("shoe", "number")),
        ),
    )


def test_no_feature_moves(stores: tuple[Path, Path]) -> None:
    seen = []
    for path in stores:
        with connect(2) as backend:
            backend.open(FactStore(path))
            seen.append(measure_and_sample(backend, ATTRIBUTE_FIELDS, CUTOFF))
    (measures, sample), (other_measures, other_sample) = seen
    assert len(sample) > 100
    empty = [name for name in measures.column_names if measures[name].null_count == len(measures)]
    assert empty == ["margin_365d_minor"]  # these lines have no cost
    assert measures.equals(other_measures)
    assert sample.values.tobytes() == other_sample.values.tobytes()


def test_the_futures_differ(stores: tuple[Path, Path]) -> None:
    """Else the other tests would prove nothing."""
    later = CUTOFF + 40 * DAY
    values = []
    for path in stores:
        with connect(1) as backend:
            backend.open(FactStore(path))
            values.append(measure_and_sample(backend, ATTRIBUTE_FIELDS, later)[1].values)
    assert values[0].tobytes() != values[1].tobytes()


@pytest.fixture(scope="module")
def as_it_was(
    stores: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Scored, Files]:
    return learn_and_score(stores[0], tmp_path_factory.mktemp("as_it_was"))


def test_no_model_and_no_prediction_moves(
    stores: tuple[Path, Path], as_it_was: tuple[Scored, Files], tmp_path: Path
) -> None:
    scored, files = as_it_was
    other, other_files = learn_and_score(stores[1], tmp_path)
    assert files == other_files
    assert scored.predictions.equals(other.predictions)
    assert scored.measures.equals(other.measures)


@pytest.mark.parametrize("name", HORIZONS)
def test_no_twin_knows_its_proof(
    name: Name, as_it_was: tuple[Scored, Files], tmp_path: Path
) -> None:
    """What happened after the proof's cut-off moves the model, and not the twin judged on it."""
    _, files = as_it_was
    proof = CUTOFF - HORIZONS[name] * DAY
    store = write_rows(
        tmp_path / "facts",
        shuffled_after({**invent(BUSINESS, seed=3), **dealings(BUSINESS, seed=3)}, proof),
        (*ATTRIBUTE_FIELDS, AttributeField("shoe", "number")),
    )
    trained = train(
        store, name, as_of=AS_OF, horizon_days=HORIZONS[name], threads=2, folder=tmp_path / name
    )
    assert trained.snapshot["holdout_cutoff"] == proof
    for file, digest in files[name].items():
        assert (trained.files[file] == digest) == file.startswith(BACKTEST), file
