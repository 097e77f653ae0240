"""`echelon train` and `evaluate` on files: without a database, under names of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Echelon
from tests.cli.logs import FEW, LAST_DAY, TABLE_NAMES, labelled, purchases, write_csv

ON_LOG = ("--customer", "who", "--time", "day", "--amount", "paid", "--horizon-days", "28")


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared store to copy: making one takes long."""
    from ml import registry

    folder = tmp_path_factory.mktemp("mlflow")
    registry.prepare_store(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    return folder / "mlflow.db"


@pytest.fixture
def mlflow_uri(empty_mlflow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    shutil.copy(empty_mlflow, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("ECHELON_MLFLOW_URI", uri)
    monkeypatch.chdir(tmp_path)
    return uri


def versions(uri: str) -> list[str]:
    from mlflow import MlflowClient

    return [version.name for version in MlflowClient(uri, uri).search_model_versions("")]


def test_a_log_trains_a_model_of_its_own_name(
    echelon: Echelon, mlflow_uri: str, tmp_path: Path
) -> None:
    log = write_csv(tmp_path / "my sales.2024.csv", [*purchases(), ("x", "2030-01-01", 1.0)])
    answer = echelon(
        "train", "churn", "--log", str(log), *ON_LOG, "--as-of", LAST_DAY, "--json"
    )  # fmt: skip
    assert answer.code == 0, answer.err
    (report,) = json.loads(answer.out)
    assert report["name"] == "churn-my-sales-2024"
    assert versions(mlflow_uri) == ["churn-my-sales-2024"]
    assert not (tmp_path / "var" / "echelon.db").exists()


def test_a_table_trains_a_model_that_anybody_loads(
    echelon: Echelon, mlflow_uri: str, tmp_path: Path
) -> None:
    import mlflow

    rows = labelled()
    table = write_csv(tmp_path / "table.csv", rows, TABLE_NAMES)
    answer = echelon(
        "train", "--table", str(table), "--label", "left", "--name", "mine", "--minutes", "0.1"
    )
    assert answer.code == 0, answer.err
    assert "mine/1 is champion" in answer.out
    mlflow.set_registry_uri(mlflow_uri)
    mlflow.set_tracking_uri(mlflow_uri)
    served = mlflow.pyfunc.load_model("models:/mine@champion")
    asked = pd.DataFrame({"months": [2, 55], "plan": ["none", "gold"]})
    found = served.predict(asked)
    assert found["churn_probability"].iloc[0] > found["churn_probability"].iloc[1]
    assert "months: 2" in found["reasons_text"].iloc[0]
    run = mlflow.MlflowClient().search_runs(
        [mlflow.get_experiment_by_name("echelon").experiment_id]
    )[0]
    kept = {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert {"model_card.md", "report.html", "data_snapshot.json"} <= kept
    card = mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/model_card.md")
    assert "c-0001" not in card
    assert "logistic regression" in card


def test_a_table_is_evaluated_on_a_page(echelon: Echelon, mlflow_uri: str, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "table.csv", labelled(), TABLE_NAMES)
    answer = echelon(
        "evaluate", "churn", "--table", str(table), "--label", "left", "--minutes", "0.1",
        "--out", str(tmp_path / "page.html"), "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    told = json.loads(answer.out)
    assert set(told["pooled"]["methods"]) >= {"echelon", "base rate", "logistic regression"}
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page
    assert "logistic regression" in page
    assert "http" not in page.replace("http-equiv", "")
    assert versions(mlflow_uri) == []


def test_a_log_is_back_tested_on_a_page(echelon: Echelon, mlflow_uri: str, tmp_path: Path) -> None:
    log = write_csv(tmp_path / "log.csv", purchases(FEW))
    answer = echelon(
        "evaluate", "churn", "--log", str(log), *ON_LOG, "--as-of", LAST_DAY, "--origins", "1",
        "--out", str(tmp_path / "page.html"), "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert len(json.loads(answer.out)["pooled"]["methods"]) > 3
    assert "<svg" in (tmp_path / "page.html").read_text()
    assert versions(mlflow_uri) == []
    assert not (tmp_path / "var" / "echelon.db").exists()


@pytest.mark.parametrize(
    "rows",
    [
        [(f"c{n}", "2030-01-01", 1.0) for n in range(99)],
        [(f"c{n}", "2024-01-01", 1.0) for n in range(99)],
        [(f"c{n}", "2024-01-01", -1.0) for n in range(99)],
    ],
    ids=["all in the future", "one purchase each", "negative"],
)
def test_what_cannot_teach_registers_nothing(
    echelon: Echelon, mlflow_uri: str, tmp_path: Path, rows: list[tuple[str, str, float]]
) -> None:
    log = write_csv(tmp_path / "log.csv", rows)
    answer = echelon("train", "all", "--log", str(log), *ON_LOG, "--as-of", LAST_DAY)
    assert answer.code == 1
    assert "echelon: " in answer.err
    assert versions(mlflow_uri) == []


def test_the_names_of_the_business_are_its_own(
    echelon: Echelon, mlflow_uri: str, tmp_path: Path
) -> None:
    table = write_csv(tmp_path / "table.csv", labelled(), TABLE_NAMES)
    for name in ("churn", "clv", "a/b"):
        answer = echelon("train", "--table", str(table), "--label", "left", "--name", name)
        assert answer.code == 1
        assert repr(name) in answer.err
    assert versions(mlflow_uri) == []


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--log", "l", "--table", "t"],
        ["train", "--log", "l", "--customer", "c"],
        ["train", "--log", "l", "--customer", "c", "--time", "t", "--name", "n"],
        ["train", "--log", "l", "--customer", "c", "--time", "t", "--label", "x"],
        ["train", "--table", "t"],
        ["train", "clv", "--table", "t", "--label", "x"],
        ["train", "--table", "t", "--label", "x", "--as-of", "2024-01-01"],
        ["train", "--label", "x"],
        ["train", "--name", "x"],
        ["evaluate", "churn", "--customer", "c"],
        ["evaluate", "churn", "--table", "t"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    echelon: Echelon, words: list[str]
) -> None:
    assert echelon(*words).code == 2
