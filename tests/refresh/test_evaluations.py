"""An evaluation leaves a page and an MLflow run, the page first."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from api.evaluations import evaluate_store
from api.settings import Settings
from ml.errors import RegistryError
from ml.evaluation import OURS, Holdout
from ml.facts import FactStore
from ml.reports.report import Report, report_on
from ml.synthetic import Business, write_synthetic

# MLflow and what it brings use what SQLAlchemy, pandas and others have deprecated.
pytestmark = pytest.mark.filterwarnings("ignore")

AS_OF = dt.date(2024, 3, 31)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Facts, and a back-test on them played by hand."""
    from ml.reports import review

    def played(store: Path, name: str, *, as_of: dt.date, **_: object) -> Report:
        truth = np.random.default_rng(0).uniform(0.05, 0.95, 100)
        methods = {OURS: truth, "base_rate": np.full(100, truth.mean())}
        actual = (truth > 0.5).astype(float)
        origin = as_of - dt.timedelta(days=28)
        case = Holdout(origin, np.arange(100), actual, methods, None, None, {})
        return report_on(FactStore(store), name, [case], as_of=as_of, horizon_days=28, seed=0)

    monkeypatch.setattr(review, "review", played)
    write_synthetic(tmp_path / "facts", Business(customers=20, days=60))
    return tmp_path / "facts"


def test_the_page_is_kept_even_where_mlflow_is_away(
    store: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml import registry

    steps: list[str] = []
    logged: list[str] = []

    def away(*_: object) -> None:
        raise RegistryError("MLflow's store can't be reached.")

    def log(_uri: str, report: Report, html: str) -> str:
        logged.append(html)
        return f"run of {report.name}"

    page = tmp_path / "reports" / "churn.html"

    def evaluate() -> tuple[str, dict[str, object]]:
        report = evaluate_store(
            store, settings, "churn", as_of=AS_OF, horizon_days=28, origins=1, seed=0, page=page,
            progress=lambda step, _share: steps.append(step),
        )  # fmt: skip
        return report.run_id, report.document

    monkeypatch.setattr(registry, "prepare_store", away)
    with pytest.raises(RegistryError):
        evaluate()
    assert page.read_text().startswith("<!doctype html>")

    monkeypatch.setattr(registry, "prepare_store", lambda *_: None)
    monkeypatch.setattr(registry, "log_evaluation", log)
    run_id, document = evaluate()
    assert run_id == "run of churn"
    assert logged == [page.read_text()]
    assert document["as_of"] == "2024-03-31"
    assert steps[-1] == "Recording in MLflow"
