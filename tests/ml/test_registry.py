"""MLflow's registry: what goes in comes out, the champion is earned, and its own pages work."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from ml.dataset import feature_table
from ml.errors import RegistryError
from ml.facts import FactStore
from ml.model_card import model_card
from ml.plots import PLOTS
from ml.reports.report import report_of
from ml.scoring import score
from ml.serving import OUTPUTS
from ml.training import TrainedModel
from tests.ml.conftest import CUTOFF, copied_store
from tests.ml.worsened import guessing

# MLflow and what it brings use what SQLAlchemy, pandas and others have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def registered(
    mlflow_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    churn: TrainedModel,
    clv: TrainedModel,
) -> str:
    from ml import registry

    registry_uri = copied_store(mlflow_template, tmp_path_factory.mktemp("registry"))

    for trained in (churn, clv):
        assert registry.champion(registry_uri, trained.name) is None
        result = registry.register(registry_uri, trained)
        assert (result.version, result.promoted, result.files) == (1, True, trained.files)
        assert result.why.startswith("There was no champion.")
    return registry_uri


def test_the_champion_comes_back_as_it_went_in(
    registered: str, churn: TrainedModel, tmp_path: Path
) -> None:
    from ml import registry

    reference = registry.champion(registered, "churn")
    assert reference is not None
    assert registry.download(registered, "churn", reference.version, tmp_path) == churn.files
    for name in churn.files:
        assert (tmp_path / name).read_bytes() == (churn.folder / name).read_bytes()


def test_mlflow_serves_the_products_own_numbers(
    registered: str, store: Path, churn: TrainedModel, clv: TrainedModel
) -> None:
    import mlflow

    scored = score(
        store,
        churn=churn.folder,
        clv=clv.folder,
        expected_sha256={"churn": churn.files, "clv": clv.files},
        cutoff=CUTOFF,
        threads=1,
    ).predictions.to_pandas()
    features = feature_table(FactStore(store), CUTOFF, threads=1).to_pandas()
    asked = features.set_index("customer_id").loc[scored["customer_id"]].reset_index(drop=True)

    mlflow.set_tracking_uri(registered)
    same: list[str] = []
    for name in ("churn", "clv"):
        served = mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(asked)
        assert list(served) == list(OUTPUTS[name])
        for column in set(served) & set(scored):
            np.testing.assert_array_equal(served[column], scored[column])
            same.append(column)
        assert served["reasons_text"].str.contains(r"\d").mean() > 0.9
    assert set(same) == set(scored) - {"customer_id", "expected_next_purchase_at"}
    assert scored["churn_probability"].nunique() > 50


def test_a_run_holds_what_a_reader_looks_for(registered: str, churn: TrainedModel) -> None:
    from mlflow import MlflowClient

    from ml import registry

    reference = registry.champion(registered, "churn")
    assert reference is not None
    client = MlflowClient(registered, registered)
    run = client.get_run(reference.run_id)
    assert run.data.params["seed"] == "0"
    assert run.data.metrics["auc"] == churn.metrics["auc"]
    assert run.data.metrics["baseline.pareto_nbd.auc"] > 0.5
    assert run.data.tags["facts"] == churn.snapshot["fingerprint"]
    assert {item.path for item in client.list_artifacts(reference.run_id)} >= {
        "data_snapshot.json",
        "model_card.md",
        "plots",
    }


def test_the_input_example_is_nobodys(registered: str, churn: TrainedModel) -> None:
    import mlflow

    mlflow.set_tracking_uri(registered)
    loaded = mlflow.pyfunc.load_model("models:/churn@champion")
    example = loaded.input_example
    assert list(example.columns) == list(churn.holdout.codes)
    row = example.to_numpy(np.float32)
    assert row.shape[0] == 1
    assert not (np.nan_to_num(churn.holdout.values, nan=-1) == np.nan_to_num(row, nan=-1)).all(
        axis=1
    ).any()  # fmt: skip
    assert 0 < loaded.predict(example)["churn_probability"][0] < 1


def test_the_card_names_data_metrics_and_files(churn: TrainedModel) -> None:
    card = model_card(churn)
    for part in (
        churn.snapshot["fingerprint"],
        churn.files["model.ubj"],
        f"{churn.metrics['auc']:.4f}",
        "pareto_nbd",
        "2024-10-26",
    ):
        assert part in card


def test_an_equal_challenger_wins_and_a_worse_one_loses(
    registered: str, churn: TrainedModel
) -> None:
    from ml import registry

    equal = registry.register(registered, churn)
    assert equal.promoted
    assert f"of version {equal.version - 1} on the same" in equal.why

    worse = guessing(churn)
    lost = registry.register(registered, worse)
    assert not lost.promoted
    assert "which is worse" in lost.why
    reigning = registry.champion(registered, "churn")
    assert reigning is not None
    assert reigning.version == equal.version
    registry.set_champion(registered, "churn", 1)
    reigning = registry.champion(registered, "churn")
    assert reigning is not None
    assert reigning.version == 1


def test_a_version_keeps_its_verdict_and_every_number_its_doubt(
    registered: str, churn: TrainedModel
) -> None:
    from mlflow import MlflowClient

    from ml import registry

    client = MlflowClient(registered, registered)
    first = client.get_model_version("churn", "1")
    assert first.tags["verdict"] == "promote"
    run = client.get_run(first.run_id)
    metrics = run.data.metrics
    for name in churn.metrics:
        assert metrics[f"{name}_low"] <= metrics[name] <= metrics[f"{name}_high"]
    assert run.data.tags["kind"] == "training"
    assert run.data.tags["package_version"]
    assert run.data.tags["mlflow.source.name"] == "echelon"
    folder = Path(client.download_artifacts(first.run_id, "."))
    verdict = json.loads((folder / "verdict.json").read_text())
    assert verdict["promote"] is True
    snapshot = json.loads((folder / "data_snapshot.json").read_text())
    assert snapshot["first_purchase_on"].startswith("2024-01")
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert {path.stem for path in (folder / "plots").iterdir()} == set(PLOTS)
    assert "| one-time buyers |" in (folder / "model_card.md").read_text()

    registry.set_champion(registered, "churn", 1, {"reason": "because"})
    assert client.get_model_version("churn", "1").tags["promotion.reason"] == "because"


def test_an_evaluation_is_a_run_of_its_own_kind(registered: str, churn: TrainedModel) -> None:
    from mlflow import MlflowClient

    from ml import registry

    client = MlflowClient(registered, registered)
    before = registry.latest_version(registered, "churn")
    run_id = registry.log_evaluation(registered, report_of(churn), "<!doctype html>")
    run = client.get_run(run_id)
    assert (run.data.tags["kind"], run.data.tags["model"]) == ("evaluation", "churn")
    assert run.data.metrics["baseline.base_rate.auc_low"] == 0.5
    assert run.data.metrics["origin.auc"] == run.data.metrics["auc"]
    assert {item.path for item in client.list_artifacts(run_id)} >= {"report.html", "report.json"}
    assert registry.latest_version(registered, "churn") == before


def test_models_that_cannot_be_compared_fairly_are_not(
    registered: str, churn: TrainedModel, clv: TrainedModel
) -> None:
    from ml.challenge import challenge

    other_horizon = challenge(replace(churn, horizon_days=99), 1, churn.folder, churn.files)
    assert other_horizon.promote
    assert "99 are wanted" in other_horizon.why
    other_money = replace(clv, parameters={**clv.parameters, "basis": "margin"})
    costs_became_known = challenge(other_money, 1, clv.folder, clv.files)
    assert costs_became_known.promote
    assert "predicts spend, margin is known now" in costs_became_known.why
    earlier = replace(churn.holdout, cutoff=churn.holdout.cutoff - 90 * 86_400)
    seen = challenge(replace(churn, holdout=earlier), 1, churn.folder, churn.files)
    assert not seen.promote
    assert "no fair comparison" in seen.why


def test_what_is_not_there_is_said_so(registered: str, tmp_path: Path) -> None:
    from ml import registry

    assert registry.champion(registered, "unheard_of") is None
    for attempt in (
        lambda: registry.set_champion(registered, "churn", 999),
        lambda: registry.download(registered, "churn", 999, tmp_path),
    ):
        with pytest.raises(RegistryError, match="no version 999 of the churn model"):
            attempt()


def test_graphene_is_new_enough_for_the_run_page() -> None:
    """With graphene 2 MLflow's run page hangs, and resolvers pick it silently."""
    import graphene

    assert int(version("graphene").split(".")[0]) >= 3
    assert graphene.Schema


def test_mlflows_own_graphql_answers(registered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.server import app, handlers

    from ml import registry

    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", registered)
    monkeypatch.setattr(handlers, "_tracking_store", None)
    reference = registry.champion(registered, "churn")
    assert reference is not None
    query = (
        "query Q($run: MlflowGetRunInput) { mlflowGetRun(input: $run) { run { info { status } } } }"
    )
    answer = app.test_client().post(
        "/graphql",
        json={
            "operationName": "Q",
            "query": query,
            "variables": {"run": {"runId": reference.run_id}},
        },
    )
    assert answer.status_code == 200
    assert answer.get_json()["data"]["mlflowGetRun"]["run"]["info"]["status"] == "FINISHED"
