"""The two models: better than guessing, explained exactly, in order, and the same every time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ml.artefacts import BACKTEST, CHAMPION
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import MEASURE_COLUMNS, PREDICTION_COLUMNS
from ml.errors import BadModel
from ml.explain import faced, reasons
from ml.facts import arrow_schema
from ml.sample import Sample
from ml.scoring import Scored, score
from ml.training import TrainedModel
from tests.ml.conftest import BUSINESS, CHURN_HORIZON, CLV_HORIZON, CUTOFF, sha256_of


@pytest.fixture(scope="module")
def scored(store: Path, churn: TrainedModel, clv: TrainedModel) -> Scored:
    return score(
        store,
        churn=churn.folder,
        clv=clv.folder,
        expected_sha256={"churn": churn.files, "clv": clv.files},
        cutoff=CUTOFF,
        threads=1,
    )


def loaded_churn(trained: TrainedModel) -> tuple[ChurnModel, Sample]:
    model = ChurnModel.load(trained.folder, BACKTEST, trained.files, threads=1)
    return model, model.habit.extend(trained.holdout, model.horizon_days)


def loaded_clv(trained: TrainedModel) -> tuple[ClvModel, Sample]:
    model = ClvModel.load(trained.folder, BACKTEST, trained.files, threads=1)
    return model, model.habit.extend(trained.holdout, model.horizon_days)


def test_churn_beats_guessing_and_says_what_it_means(churn: TrainedModel) -> None:
    baselines = churn.evaluation.baselines
    assert churn.metrics["auc"] > 0.7
    assert churn.metrics["log_loss"] < baselines["base_rate"]["log_loss"]
    assert churn.metrics["log_loss"] < baselines["recency"]["log_loss"] + 0.01
    assert churn.metrics["ece"] < 0.08


def test_value_beats_the_mean(clv: TrainedModel) -> None:
    baselines = clv.evaluation.baselines
    assert clv.metrics["gini"] > 0.5
    assert clv.metrics["rmse"] < baselines["mean"]["rmse"]
    assert clv.metrics["mae"] < baselines["last_period"]["mae"]
    assert 0.8 < clv.metrics["within_high"] <= 1
    assert clv.metrics["below_low"] < 0.2


def test_what_is_loaded_predicts_what_was_judged(churn: TrainedModel, clv: TrainedModel) -> None:
    model, holdout = loaded_churn(churn)
    np.testing.assert_array_equal(model.predict(holdout), churn.evaluation.predicted)
    value, judged = loaded_clv(clv)
    np.testing.assert_array_equal(value.undiscounted(judged).expected, clv.evaluation.predicted)


def test_effects_sum_to_the_prediction(churn: TrainedModel, clv: TrainedModel) -> None:
    model, holdout = loaded_churn(churn)
    effects = model.effects(holdout)
    assert effects.shape == (len(holdout), len(model.codes) + 1)
    np.testing.assert_allclose(effects.sum(axis=1), model.log_odds(holdout), rtol=0, atol=1e-6)
    value, judged = loaded_clv(clv)
    np.testing.assert_allclose(
        value.effects(judged).sum(axis=1),
        np.log(value.predict(judged).expected),
        rtol=0,
        atol=1e-6,
    )


def test_the_bias_hides_nothing_that_belongs_to_a_customer(
    churn: TrainedModel, clv: TrainedModel
) -> None:
    """What is left after all features is one number for everybody, but for the mean of members
    of a value, whose logarithm is no sum."""
    model, holdout = loaded_churn(churn)
    assert np.ptp(model.effects(holdout)[:, -1]) < 1e-4
    value, judged = loaded_clv(clv)
    assert np.std(value.effects(judged)[:, -1]) < 0.5 * np.std(value.effects(judged).sum(axis=1))


def test_what_a_model_was_made_for_stays_with_it(churn: TrainedModel, clv: TrainedModel) -> None:
    for model in (
        ChurnModel.load(churn.folder, CHAMPION, churn.files, threads=1),
        ClvModel.load(clv.folder, CHAMPION, clv.files, threads=1),
    ):
        assert (model.cutoff, model.extrapolated) == (CUTOFF, False)
        assert model.horizon_days == (CHURN_HORIZON if model.kind == "churn" else CLV_HORIZON)
        assert sum(model.members.rhythmic()) == 2


def test_weights_are_parts_of_a_whole(churn: TrainedModel, clv: TrainedModel) -> None:
    model, _ = loaded_churn(churn)
    weights = model.blend.weights
    assert len(weights) == len(model.members.names)
    assert min(weights) >= 0
    assert sum(weights) == pytest.approx(1.0)
    shares = loaded_clv(clv)[0].level.shares
    assert len(shares) == len(loaded_clv(clv)[0].members.names)
    assert min(shares) >= 0
    assert max(shares) > 0


def test_money_is_discounted_by_when_it_arrives(clv: TrainedModel) -> None:
    model, holdout = loaded_clv(clv)
    assert 1.1 ** -(model.horizon_days / 365) < model.discount < 1.0
    plain, present = model.undiscounted(holdout), model.predict(holdout)
    for ours, theirs in zip(present, plain, strict=True):
        np.testing.assert_allclose(ours, theirs * model.discount)


def test_predictions_keep_the_contract(scored: Scored) -> None:
    assert scored.predictions.schema == arrow_schema(PREDICTION_COLUMNS)
    assert scored.measures.schema == arrow_schema(MEASURE_COLUMNS)
    table = scored.predictions.to_pydict()
    assert table["customer_id"] == sorted(table["customer_id"])
    assert set(table["customer_id"]) <= set(scored.measures["customer_id"].to_pylist())
    assert all(0 < value < 1 for value in table["churn_probability"])
    for low, middle, high in zip(
        table["clv_low_minor"], table["clv_minor"], table["clv_high_minor"], strict=True
    ):
        assert 0 <= low <= middle <= high
    moments = [moment for moment in table["expected_next_purchase_at"] if moment is not None]
    assert moments
    assert all(CUTOFF <= moment <= CUTOFF + 366 * 86_400 for moment in moments)


def test_prospects_alone_get_measures_and_no_prediction(
    store: Path, churn: TrainedModel, clv: TrainedModel
) -> None:
    files = {"churn": churn.files, "clv": clv.files}
    nobody = score(
        store, churn=churn.folder, clv=clv.folder, expected_sha256=files,
        cutoff=BUSINESS.start - 1, threads=1,
    )  # fmt: skip
    assert (nobody.measures.num_rows, nobody.predictions.num_rows) == (0, 0)
    assert nobody.predictions.schema == arrow_schema(PREDICTION_COLUMNS)


def test_reasons_are_the_strongest_known_effects(scored: Scored, churn: TrainedModel) -> None:
    model = ChurnModel.load(churn.folder, CHAMPION, churn.files, threads=1)
    for column in ("churn_reasons", "clv_reasons"):
        for text in scored.predictions[column].to_pylist():
            found = json.loads(text)
            assert 3 <= len(found) <= 4
            assert {reason["code"] for reason in found} <= set(model.codes)
            strengths = [abs(reason["effect"]) for reason in found]
            assert strengths == sorted(strengths, reverse=True)


def test_a_reason_has_its_value_or_null_and_is_no_absent_choice() -> None:
    values = np.array([[0.0, 0.1, np.nan]], np.float32)
    effects = np.array([[9.0, -2.0, 3.0]])
    codes = ("attribute.region=north", "gap_cv", "feedback_mean")
    assert json.loads(reasons(codes, values, effects)[0]) == [
        {"code": "feedback_mean", "value": None, "effect": 3.0},
        {"code": "gap_cv", "value": 0.1, "effect": -2.0},
    ]


def test_what_a_model_derives_is_shown_as_what_it_was_derived_from() -> None:
    codes = ("recency_days", "rhythm_absence", "rhythm_value", "recency_share")
    effects = np.array([[0.5, 2.0, -1.0, 0.25]])
    values = np.array([[74, 0.9, 3, 0.4]], np.float32)
    np.testing.assert_array_equal(faced(codes, values, effects), [[2.75, 0.0, -1.0, 0.0]])
    shown = json.loads(reasons(codes, values, effects)[0])
    assert shown == [
        {"code": "recency_days", "value": 74.0, "effect": 2.75},
        {"code": "rhythm_value", "value": 3.0, "effect": -1.0},
    ]
    alone = faced(codes[1:2], values[:, 1:2], effects[:, 1:2])
    np.testing.assert_array_equal(alone, [[2.0]])


def test_what_needs_two_purchases_is_shown_as_there_being_one() -> None:
    codes = ("purchase_days", "gap_cv", "feedback_mean")
    values = np.array([[1, np.nan, np.nan], [5, 0.4, np.nan]], np.float32)
    effects = np.array([[0.5, 1.0, 0.1], [0.5, 1.0, 0.1]])
    np.testing.assert_allclose(faced(codes, values, effects), [[1.5, 0.0, 0.1], [0.5, 1.0, 0.1]])


def test_an_altered_or_missing_file_is_not_read(
    store: Path, churn: TrainedModel, clv: TrainedModel, tmp_path: Path
) -> None:
    for name, data in ((path.name, path.read_bytes()) for path in churn.folder.glob("model.*")):
        (tmp_path / name).write_bytes(data)
    expected = {"churn": churn.files, "clv": clv.files}

    def attempt(hashes: dict[str, dict[str, str]]) -> None:
        score(store, churn=tmp_path, clv=clv.folder, expected_sha256=hashes, cutoff=CUTOFF,
              threads=1)  # fmt: skip

    document = json.loads((tmp_path / "model.json").read_text())
    document["horizon_days"] += 1
    (tmp_path / "model.json").write_text(json.dumps(document))
    with pytest.raises(BadModel, match=r"model\.json is not the one that was registered"):
        attempt({name: dict(files) for name, files in expected.items()})
    with pytest.raises(BadModel, match="No SHA-256 is known for the clv model"):
        attempt({"churn": sha256_of(tmp_path)})
    (tmp_path / "model.ubj").unlink()
    with pytest.raises(BadModel, match=r"model\.ubj is missing"):
        attempt({name: dict(files) for name, files in expected.items()})
    with pytest.raises(BadModel, match="no churn model"):
        score(store, churn=clv.folder, clv=clv.folder, cutoff=CUTOFF, threads=1,
              expected_sha256={"churn": clv.files, "clv": clv.files})  # fmt: skip


def test_the_same_seed_gives_the_same_files(
    churn: TrainedModel, train_churn: Callable[[Path], TrainedModel], tmp_path: Path
) -> None:
    again = train_churn(tmp_path)
    assert again.files == churn.files
    assert again.metrics == churn.metrics


def test_training_records_what_it_saw(churn: TrainedModel) -> None:
    assert churn.as_of == BUSINESS.last_day
    assert churn.snapshot["rows"]["customers"] == BUSINESS.customers
    assert churn.snapshot["cutoff"] == CUTOFF
    assert set(churn.files) == {f"{s}.{e}" for s in (CHAMPION, BACKTEST) for e in ("ubj", "json")}
    assert sha256_of(churn.folder) == churn.files
    assert churn.parameters["extrapolated"] == 0
    assert churn.parameters["rhythm_note"] == "as wanted"
    assert {path.read_bytes()[:4] for path in churn.plots} == {b"\x89PNG"}
    assert {path.name for path in churn.plots} >= {"calibration.png", "deciles.png"}
