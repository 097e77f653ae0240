"""The model of a labelled table: better than chance where it can be, exact in its reasons."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import xgboost as xgb
from sklearn.metrics import roc_auc_score

from ml.errors import BadModel, BadTable
from ml.features import reason_text
from ml.tables import LabelledTable, TableModel, predict_table, read_table, train_table
from ml.tables.trees import merge

ROWS = 600


def business(rows: int = ROWS, seed: int = 3) -> pa.Table:
    """Who pays much in all leaves, but for those on the yearly plan; some charges are unknown."""
    rng = np.random.default_rng(seed)
    day, night = rng.gamma(4.0, 5.0, rows), rng.gamma(4.0, 5.0, rows)
    plan = rng.choice(["monthly", "yearly", "trial"], rows, p=[0.6, 0.3, 0.1])
    city = rng.choice([f"city {number}" for number in range(30)], rows)
    log_odds = 0.25 * (day + night - 45.0) * (plan != "yearly") - 1.0
    churned = rng.random(rows) < 1.0 / (1.0 + np.exp(-log_odds))
    joined = np.datetime64("2023-01-01") + rng.integers(0, 700, rows)
    return pa.table(
        {
            "day_charge": pa.array(day, mask=rng.random(rows) < 0.05),
            "night_charge": night,
            "plan": plan,
            "city": city,
            "joined": joined,
            "churned": np.where(churned, "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def data() -> LabelledTable:
    return read_table(business(), label="churned")


@pytest.fixture(scope="module")
def model(data: LabelledTable) -> TableModel:
    return train_table(data, seed=1)


@pytest.fixture(scope="module")
def unseen() -> pa.Table:
    return business(400, seed=4)


def churned(table: pa.Table) -> np.ndarray:
    return np.array(table["churned"].to_pylist()) == "yes"


def test_it_finds_what_drives_churn(model: TableModel, unseen: pa.Table) -> None:
    probability = model.predict(unseen)
    assert roc_auc_score(churned(unseen), probability) > 0.82
    assert abs(probability.mean() - churned(unseen).mean()) < 0.05
    strength = np.abs(model.effects(unseen)[:, :-1]).mean(axis=0)
    weak = max(
        strength[model.columns.index(c)] for c in model.columns if c.name in ("city", "joined")
    )
    strong = [strength[model.columns.index(c)] for c in model.columns if "charge" in c.name]
    assert min(strong) > 2 * weak


def test_effects_of_columns_sum_to_the_score(model: TableModel, unseen: pa.Table) -> None:
    effects = model.effects(unseen)
    assert effects.shape == (len(unseen), len(model.columns) + 1)
    probability = 1.0 / (1.0 + np.exp(-effects.sum(axis=1)))
    np.testing.assert_allclose(effects.sum(axis=1), model.log_odds(unseen), atol=1e-6)
    np.testing.assert_allclose(probability, model.predict(unseen), atol=1e-6)


def test_reasons_are_the_strongest_effects_in_words(model: TableModel, unseen: pa.Table) -> None:
    effects = model.effects(unseen)
    for row, text in enumerate(model.reasons(unseen)):
        reasons = json.loads(text)
        strongest = np.sort(np.abs(effects[row, :-1]))[::-1][: len(reasons)]
        assert 1 <= len(reasons) <= 4
        assert all(abs(a["effect"]) >= abs(b["effect"]) for a, b in pairwise(reasons))
        np.testing.assert_allclose([abs(r["effect"]) for r in reasons], strongest, atol=1e-6)
    first = unseen.slice(0, 1).to_pylist()[0]
    words = [reason_text(r["code"], r["value"]) for r in json.loads(model.reasons(unseen, 5)[0])]
    assert f"plan: {first['plan']}" in words
    assert f"night charge: {first['night_charge']:,.6g}" in words
    assert f"joined: {first['joined']}" in words


def test_what_is_unknown_or_never_seen_is_a_reason_too(model: TableModel) -> None:
    row = {"day_charge": None, "night_charge": "30", "plan": "lifetime", "city": "", "joined": None}
    table = pa.Table.from_pylist([row])
    codes = {r["code"]: r["value"] for r in json.loads(model.reasons(table, 9)[0])}
    assert codes["attribute.plan=another"] == 1.0
    assert codes["attribute.day_charge"] is None
    assert 0.0 < model.predict(table)[0] < 1.0


def test_columns_may_come_in_any_order_as_text_and_with_others(
    model: TableModel, unseen: pa.Table
) -> None:
    texts = {
        name: pa.array([None if v is None else str(v) for v in unseen[name].to_pylist()])
        for name in reversed(unseen.column_names)
    }
    table = pa.table({"more": pa.nulls(len(unseen)), **texts})
    np.testing.assert_array_equal(model.predict(table), model.predict(unseen))
    with pytest.raises(BadTable, match="lacks 1 of the columns learned from: plan"):
        model.predict(unseen.drop_columns(["plan"]))


def test_no_rows_are_no_scores(model: TableModel, unseen: pa.Table) -> None:
    nobody = unseen.slice(0, 0)
    assert model.predict(nobody).tolist() == []
    assert model.reasons(nobody) == []
    assert model.effects(nobody).shape == (0, len(model.columns) + 1)


def test_the_same_seed_gives_the_same_model_on_any_threads(
    data: LabelledTable, model: TableModel, unseen: pa.Table
) -> None:
    again = train_table(data, seed=1, threads=2)
    np.testing.assert_array_equal(again.predict(unseen), model.predict(unseen))
    assert again.members == model.members
    other = train_table(data, seed=2)
    assert not np.array_equal(other.predict(unseen), model.predict(unseen))


def test_a_saved_model_is_the_same_model(
    model: TableModel, unseen: pa.Table, tmp_path: Path
) -> None:
    sha256 = model.save(tmp_path, "table")
    assert sorted(sha256) == sorted(path.name for path in tmp_path.iterdir())
    loaded = TableModel.load(tmp_path, "table", sha256, threads=1)
    np.testing.assert_array_equal(loaded.predict(unseen), model.predict(unseen))
    assert loaded.reasons(unseen) == model.reasons(unseen)
    (tmp_path / "table.json").write_text("{}")
    with pytest.raises(BadModel, match=r"table\.json is not the one"):
        TableModel.load(tmp_path, "table", sha256, threads=1)


def test_no_name_or_address_gets_into_a_model(tmp_path: Path) -> None:
    table = business().append_column("email", pa.array([f"p{n}@example.com" for n in range(ROWS)]))
    model = train_table(read_table(table, label="churned"), seconds=0.0)
    model.save(tmp_path, "table")
    assert "example.com" not in (tmp_path / "table.json").read_text()


def test_little_time_means_fewer_shapes(data: LabelledTable, unseen: pa.Table) -> None:
    ticks = iter(range(1000))
    hurried = train_table(data, seed=1, seconds=1.5, clock=lambda: float(next(ticks)))
    assert [member.name for member in hurried.members] == [
        "regression",
        "trees of depth 1, gamma 0",
    ]
    assert roc_auc_score(churned(unseen), hurried.predict(unseen)) > 0.75


def test_progress_is_told_and_never_goes_back(data: LabelledTable) -> None:
    told: list[tuple[str, float]] = []
    train_table(data, seconds=0.0, progress=lambda step, share: told.append((step, share)))
    assert told[0][0] == "Choosing a model"
    assert told[-1] == ("Training the model", 1.0)
    assert all(a[1] <= b[1] for a, b in pairwise(told))


def test_a_merged_booster_is_the_weighted_sum() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 4)).astype(np.float32)
    values[::7, 1] = np.nan
    target = (np.nan_to_num(values[:, 0] * values[:, 1]) > 0).astype(float)
    matrix = xgb.DMatrix(values, target)
    parts = [
        (weight, xgb.train({"objective": "binary:logistic", "max_depth": depth}, matrix, rounds))
        for weight, depth, rounds in ((0.7, 1, 5), (1.1, 4, 8))
    ]
    whole = merge(parts, 1)
    for what in ({"output_margin": True}, {"pred_contribs": True}):
        expected = sum(weight * part.predict(matrix, **what) for weight, part in parts)
        np.testing.assert_allclose(whole.predict(matrix, **what), expected, atol=1e-5)


def test_what_cannot_be_read_in_rows_to_be_scored_is_told(unseen: pa.Table) -> None:
    rows = unseen.slice(0, 6).drop_columns(["churned", "day_charge", "plan"])
    score = rows.append_column("day_charge", pa.array(["1", "", "much", "lots", None, "2"]))
    score = score.append_column("plan", pa.array(["monthly", "daily", "yearly", None, "", "trial"]))
    _, notes = predict_table(business(300), score, label="churned", seed=5)
    assert "day_charge is no number in 2 of the rows to be scored." in notes
    assert "plan is rare or new in 1 of the rows to be scored." in notes


def test_a_table_is_scored_in_one_call(unseen: pa.Table) -> None:
    train = business(300).append_column("customer_id", pa.array(range(300)))
    score = unseen.drop_columns(["churned"])
    scored, notes = predict_table(train, score, label="churned", seed=5)
    assert scored.schema.names == ["row", "churn_probability", "reasons"]
    assert scored["row"].to_pylist() == list(range(1, 401))
    assert roc_auc_score(churned(unseen), scored["churn_probability"].to_numpy()) > 0.75
    assert all(json.loads(text) for text in scored["reasons"].to_pylist())
    assert notes[0].startswith("Left out customer_id")
    assert not [note for note in notes[1:] if not note.startswith("city ")]
    with pytest.raises(BadTable, match="lacks 1 of the columns learned from: city"):
        predict_table(train, score.drop_columns(["city"]), label="churned")
