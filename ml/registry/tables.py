"""Models of labelled tables in MLflow: a run and a version under a name of their own."""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType

from ml.artefacts import CHAMPION
from ml.challenge import Finding, Verdict
from ml.evaluation import OURS
from ml.provenance import code_version
from ml.registry.runs import LIBRARY, Registered, metrics_to_log, open_run
from ml.registry.store import client_of
from ml.registry.versions import set_champion
from ml.tables.model import TableModel
from ml.tables.review import TableReview, card, page
from ml.tables.serving import OUTPUTS

_PACKAGES = ("numpy", "pandas", "pyarrow", "scipy", "scikit-learn", "xgboost")
_NEWEST = Verdict(
    True,
    (Finding("comparable", True, True, "The newest of a table's models is its best.", {}),),
    None,
)
"""Tables change from one training to the next: there is no holdout that two models share."""


def register_table(uri: str, model: TableModel, review: TableReview, *, name: str) -> Registered:
    """Record a run and a version; the newest version is the name's champion."""
    client = client_of(uri)
    with tempfile.TemporaryDirectory() as temporary:
        native, artifacts = Path(temporary) / "native", Path(temporary) / "artifacts"
        files = model.save(native, CHAMPION)
        _write_artifacts(review, name, artifacts)
        with open_run(uri, client, name) as run:
            mlflow.log_params(dict(review.parameters))
            mlflow.log_metrics(metrics_to_log(review.judgement))
            mlflow.log_artifacts(str(artifacts))
            mlflow.set_tags({"kind": "training", "model": "table"} | code_version())
            logged = _log_model(model, native)
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
    created = client.create_model_version(
        name,
        source=logged.model_uri,
        run_id=str(run.info.run_id),
        model_id=logged.model_id,
        description=card(review, name),
        tags={f"sha256.{file}": digest for file, digest in files.items()},
    )
    version = int(created.version)
    set_champion(uri, name, version)
    metrics = {metric: each.value for metric, each in review.judgement.methods[OURS].items()}
    return Registered(name, version, str(run.info.run_id), files, metrics, _NEWEST)


def log_table_review(uri: str, review: TableReview, name: str) -> str:
    """Record a cross-validation; no version comes of it. Returns the run's id."""
    with tempfile.TemporaryDirectory() as temporary:
        _write_artifacts(review, name, Path(temporary) / "artifacts")
        with open_run(uri, client_of(uri), f"evaluate {name}") as run:
            mlflow.log_params(dict(review.parameters))
            mlflow.log_metrics(metrics_to_log(review.judgement))
            mlflow.log_artifacts(str(Path(temporary) / "artifacts"))
            mlflow.set_tags({"kind": "evaluation", "model": "table"} | code_version())
    return str(run.info.run_id)


def _write_artifacts(review: TableReview, name: str, folder: Path) -> None:
    folder.mkdir()
    documents = {
        "model_card.md": card(review, name),
        "report.html": page(review, name),
        "report.json": json.dumps(review.to_document(), indent=1),
        "data_snapshot.json": json.dumps(
            {"fingerprint": review.fingerprint, "rows": review.judgement.rows}
        ),
    }
    for file, text in documents.items():
        (folder / file).write_text(text, encoding="utf-8")


def _log_model(model: TableModel, native: Path) -> mlflow.models.model.ModelInfo:
    return mlflow.pyfunc.log_model(
        name="table",
        loader_module="ml.tables.serving",
        data_path=str(native),
        code_paths=[str(LIBRARY)],
        signature=_signature(model),
        input_example=_example(model),
        pip_requirements=[f"{each}=={importlib.metadata.version(each)}" for each in _PACKAGES],
    )


def _signature(model: TableModel) -> ModelSignature:
    """Columns of any type: a table's whole numbers may come as integers, floats or text, and the
    model reads each as it was learned."""
    inputs = [ColSpec(AnyType(), column.name, required=False) for column in model.columns]
    outputs = [ColSpec(kind, name) for name, kind in OUTPUTS.items()]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _example(model: TableModel) -> pd.DataFrame:
    """A row that is nobody's: the usual number, the first choice."""
    frame = pd.DataFrame(index=[0])
    for column, usual in zip(model.columns, model.centre, strict=True):
        cell: float | str | pd.Timestamp = float(usual)
        if column.kind == "choice":
            cell = column.choices[0]
        elif column.kind == "date":
            day = pd.Timestamp(0) + pd.Timedelta(days=int(usual))
            form = "%Y-%m-%d" if column.date_format == "ISO8601" else column.date_format
            cell = day.strftime(form) if form else day
        frame[column.name] = [cell]
    return frame
