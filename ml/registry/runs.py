"""Runs: everything worth keeping about a training or an evaluation, and the version it made."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from ml.challenge import Verdict, challenge, unopposed, unreadable
from ml.contracts import day_of
from ml.errors import RegistryError
from ml.evaluation import Judgement
from ml.model_card import model_card
from ml.plots import decile_table
from ml.provenance import code_version
from ml.registry.store import client_of, experiment_of
from ml.registry.versions import champion, fetch, set_champion
from ml.reports.page import page
from ml.reports.report import Report, report_of
from ml.serving import OUTPUTS
from ml.training import TrainedModel

MOST_CHARACTERS = 4000
"""Of a tag: stores refuse longer ones."""
LIBRARY = Path(__file__).parents[1]
_REQUIRED = ("purchase_days", "tenure_days", "recency_days", "net_spend")
_PACKAGES = ("numpy", "pandas", "pyarrow", "scipy", "duckdb", "xgboost")


@dataclass(frozen=True)
class Registered:
    """A new version, and whether it became the champion."""

    name: str
    version: int
    run_id: str
    files: dict[str, str]
    metrics: dict[str, float]
    verdict: Verdict

    @property
    def promoted(self) -> bool:
        return self.verdict.promote

    @property
    def why(self) -> str:
        return self.verdict.why


def judge(
    uri: str, trained: TrainedModel, kept: Path | None = None, name: str | None = None
) -> Verdict:
    """What the rules of promotion say of a trained model against the present champion.

    `kept` is a folder of models, `NAME/VERSION` each, where the champion's files may lie already.
    `name` is what the model is registered as, where that is not what it predicts.
    """
    name = name or trained.name
    reigning = champion(uri, name)
    if reigning is None:
        return unopposed(trained)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (kept or Path(temporary)) / name / str(reigning.version)
        try:
            files = fetch(uri, name, reigning.version, folder)
        except RegistryError as error:
            return unreadable(trained, reigning.version, str(error))
        return challenge(trained, reigning.version, folder, files)


def register(
    uri: str, trained: TrainedModel, verdict: Verdict | None = None, name: str | None = None
) -> Registered:
    """Record a trained model, and promote it if the verdict says so.

    Without a verdict the rules of promotion are asked. Under a `name` of its own it has nothing to
    do with the product's champions.
    """
    registered = record(uri, trained, verdict or judge(uri, trained, name=name), name)
    if registered.promoted:
        set_champion(uri, registered.name, registered.version)
    return registered


def record(
    uri: str, trained: TrainedModel, verdict: Verdict, name: str | None = None
) -> Registered:
    """A run with everything worth keeping, and a version of its model that doesn't reign yet."""
    name = name or trained.name
    client = client_of(uri)
    with tempfile.TemporaryDirectory() as temporary:
        _write_artifacts(trained, verdict, Path(temporary))
        with open_run(uri, client, f"{name} {trained.as_of}") as run:
            mlflow.log_params(dict(trained.parameters))
            mlflow.log_metrics(metrics_to_log(trained.evaluation.judgement))
            mlflow.log_artifacts(temporary)
            mlflow.set_tags(_tags(trained))
            logged = _log_model(trained)
    run_id = str(run.info.run_id)
    version = _create_version(client, name, trained, logged, run_id, verdict)
    return Registered(name, version, run_id, dict(trained.files), trained.metrics, verdict)


def log_evaluation(uri: str, report: Report, html: str) -> str:
    """Record a back-test over several origins; no version comes of it. Returns the run's id."""
    client = client_of(uri)
    with open_run(uri, client, f"evaluate {report.name} {report.as_of}") as run:
        mlflow.log_params(dict(report.parameters))
        mlflow.log_metrics(metrics_to_log(report.overall))
        for step, one in enumerate(report.origins):
            found = metrics_to_log(one.judgement)
            mlflow.log_metrics({f"origin.{name}": value for name, value in found.items()}, step)
        mlflow.log_text(html, "report.html")
        mlflow.log_dict(report.to_document(), "report.json")
        mlflow.log_dict(dict(report.snapshot), "data_snapshot.json")
        mlflow.set_tags(
            {"kind": "evaluation", "model": report.name, "as_of": report.as_of.isoformat()}
            | code_version()
        )
    return str(run.info.run_id)


def metrics_to_log(judgement: Judgement) -> dict[str, float]:
    """`auc`, `auc_low`, `auc_high` and so on; the baselines' under `baseline.NAME.`."""
    found: dict[str, float] = {}
    for place, (method, metrics) in enumerate(judgement.methods.items()):
        prefix = f"baseline.{method}." if place else ""
        for name, interval in metrics.items():
            found[f"{prefix}{name}"] = interval.value
            found[f"{prefix}{name}_low"] = interval.low
            found[f"{prefix}{name}_high"] = interval.high
    return found


def open_run(uri: str, client: MlflowClient, name: str) -> mlflow.ActiveRun:
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    # Else MLflow writes down the path of the program that runs.
    tags = {"mlflow.source.name": "echelon", "mlflow.source.type": "LOCAL"}
    return mlflow.start_run(experiment_id=experiment_of(client), run_name=name, tags=tags)


def _write_artifacts(trained: TrainedModel, verdict: Verdict, folder: Path) -> None:
    documents = {
        "data_snapshot.json": _snapshot(trained),
        "verdict.json": verdict.to_document(),
        "deciles.json": decile_table(trained.evaluation),
        "segments.json": [
            {"segment": each.segment, "customers": each.customers, "floor": each.floor}
            | {"held": each.held, "seen": each.actual, "predicted": each.predicted}
            | {name: interval._asdict() for name, interval in each.metrics.items()}
            for each in trained.evaluation.judgement.segments
        ],
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "model_card.md").write_text(model_card(trained), encoding="utf-8")
    (folder / "report.html").write_text(page(report_of(trained)), encoding="utf-8")
    (folder / "plots").mkdir()
    for plot in trained.plots:
        shutil.copy(plot, folder / "plots" / plot.name)


def _snapshot(trained: TrainedModel) -> dict[str, Any]:
    """Row counts, window and hash, its moments also as business days."""
    snapshot, zone = dict(trained.snapshot), trained.snapshot["time_zone"]
    return snapshot | {
        "first_purchase_on": day_of(snapshot["first_purchase_at"], zone).isoformat(),
        "last_purchase_on": day_of(snapshot["last_purchase_at"], zone).isoformat(),
        "holdout_from": day_of(snapshot["holdout_cutoff"], zone).isoformat(),
        "as_of": trained.as_of.isoformat(),
    }


def _tags(trained: TrainedModel) -> Mapping[str, str]:
    return {
        "kind": "training",
        "as_of": trained.as_of.isoformat(),
        "model": trained.name,
        "facts": trained.snapshot["fingerprint"],
        "mlflow.note.content": model_card(trained),
    } | code_version()


def _log_model(trained: TrainedModel) -> mlflow.models.model.ModelInfo:
    with tempfile.TemporaryDirectory() as temporary:
        native = Path(temporary) / "native"
        native.mkdir()
        for name in trained.files:
            shutil.copy(trained.folder / name, native / name)
        return mlflow.pyfunc.log_model(
            name=trained.name,
            loader_module="ml.serving",
            data_path=str(native),
            code_paths=[str(LIBRARY)],
            signature=_signature(trained),
            input_example=_example(trained),
            # Given in full, so that MLflow does not start a process to find out.
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES],
        )


def _signature(trained: TrainedModel) -> ModelSignature:
    """All numbers are doubles: an integer column with a gap would fail it."""
    inputs = [ColSpec("double", code, required=code in _REQUIRED) for code in trained.holdout.codes]
    outputs = [ColSpec(kind, name) for name, kind in OUTPUTS[trained.name].items()]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _example(trained: TrainedModel) -> pd.DataFrame:
    """A row that is nobody's: the usual value of each feature, unknown where half don't have it."""
    values = np.sort(trained.holdout.values.astype(np.float64), axis=0)
    return pd.DataFrame(values[[len(values) // 2]], columns=list(trained.holdout.codes))


def _create_version(
    client: MlflowClient,
    name: str,
    trained: TrainedModel,
    logged: mlflow.models.model.ModelInfo,
    run_id: str,
    verdict: Verdict,
) -> int:
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name)
    created = client.create_model_version(
        name,
        source=logged.model_uri,
        run_id=run_id,
        model_id=logged.model_id,
        description=model_card(trained),
        tags={f"sha256.{file}": digest for file, digest in trained.files.items()}
        | {
            "as_of": trained.as_of.isoformat(),
            "promotion": verdict.why[:MOST_CHARACTERS],
            "verdict": "promote" if verdict.promote else "stay",
        },
    )
    return int(created.version)
