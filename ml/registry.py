"""The model registry: the only importer of MLflow. Records runs, versions and the champion."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Read by MLflow when it is imported: an installation talks to nobody unasked.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from ml.artefacts import BACKTEST, CHAMPION
from ml.challenge import Verdict, challenge, unopposed
from ml.errors import RegistryError
from ml.model_card import model_card
from ml.serving import OUTPUTS
from ml.training import TrainedModel

EXPERIMENT = "echelon"
SQLITE = "sqlite:///"
ALIAS = "champion"
EXAMPLE_ROWS = 3
MODEL_FILES = tuple(f"{stem}.{end}" for stem in (CHAMPION, BACKTEST) for end in ("ubj", "json"))
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
    promoted: bool
    why: str


@dataclass(frozen=True)
class ChampionRef:
    name: str
    version: int
    run_id: str


def prepare_store(uri: str, artifact_root: Path) -> None:
    """Create or migrate the tracking store (up to a minute when fresh) and its experiment.

    A fresh SQLite store appears whole: MLflow can't mend one whose creation was cut off.
    """
    database = Path(uri.removeprefix(SQLITE))
    if uri.startswith(SQLITE) and not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=database.parent) as workplace:
            fresh = Path(workplace) / database.name
            _create_experiment(f"{SQLITE}{fresh}", artifact_root)
            fresh.replace(database)
    _create_experiment(uri, artifact_root)


def _create_experiment(uri: str, artifact_root: Path) -> None:
    client = MlflowClient(uri, uri)
    if client.get_experiment_by_name(EXPERIMENT) is None:
        artifact_root.mkdir(parents=True, exist_ok=True)
        client.create_experiment(EXPERIMENT, artifact_location=artifact_root.resolve().as_uri())


def register(uri: str, trained: TrainedModel, promote: bool | None = None) -> Registered:
    """Record a run, register its model, and promote it.

    Without a word in `promote` it becomes the champion if there is none, or if it is not worse
    than the champion on the same holdout.
    """
    verdict = _verdict(uri, trained, promote)
    client = _client(uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        raise RegistryError(f"The MLflow store lacks the experiment {EXPERIMENT!r}: prepare it.")
    with mlflow.start_run(
        experiment_id=experiment.experiment_id, run_name=f"{trained.name} {trained.as_of}"
    ) as run:
        _log(trained)
        logged = _log_model(trained)
    run_id = str(run.info.run_id)
    version = _create_version(client, trained, logged, run_id, verdict)
    if verdict.promote:
        set_champion(uri, trained.name, version)
    return Registered(
        name=trained.name,
        version=version,
        run_id=run_id,
        files=dict(trained.files),
        metrics=trained.metrics,
        promoted=verdict.promote,
        why=verdict.why,
    )


def champion(uri: str, name: str) -> ChampionRef | None:
    """The version that scoring should use; None before the first promotion."""
    try:
        found = _client(uri).get_model_version_by_alias(name, ALIAS)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return ChampionRef(name, int(found.version), str(found.run_id))


def set_champion(uri: str, name: str, version: int) -> None:
    """Promote a version, or roll back to one.

    Raises:
        RegistryError: there is no such version.
    """
    _version(uri, name, version)
    _client(uri).set_registered_model_alias(name, ALIAS, str(version))


def download(uri: str, name: str, version: int, folder: Path) -> dict[str, str]:
    """Fetch a version's native files into `folder`; their names and SHA-256.

    Raises:
        RegistryError: there is no such version, or its files are gone or altered.
    """
    tags: Mapping[str, str] = _version(uri, name, version).tags
    source = _client(uri).get_model_version_download_uri(name, str(version))
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        try:
            fetched = mlflow.artifacts.download_artifacts(
                artifact_uri=source, dst_path=temporary, tracking_uri=uri
            )
        except (MlflowException, OSError):
            raise RegistryError(
                f"The files of {name} version {version} are gone from {source}: train again."
            ) from None
        for path in sorted(Path(fetched).rglob("*")):
            if path.name in MODEL_FILES:
                found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
                shutil.copy(path, folder / path.name)
    if found != {file: tags.get(f"sha256.{file}") for file in MODEL_FILES}:
        raise RegistryError(
            f"The files of {name} version {version} are not those registered: train again."
        )
    return found


def _client(uri: str) -> MlflowClient:
    return MlflowClient(uri, uri)


def _version(uri: str, name: str, version: int) -> mlflow.entities.model_registry.ModelVersion:
    try:
        return _client(uri).get_model_version(name, str(version))
    except MlflowException:
        raise RegistryError(f"There is no version {version} of the {name} model.") from None


def _verdict(uri: str, trained: TrainedModel, promote: bool | None) -> Verdict:
    if promote is not None:
        return Verdict(promote, "As asked.")
    reigning = champion(uri, trained.name)
    if reigning is None:
        return unopposed()
    with tempfile.TemporaryDirectory() as temporary:
        files = download(uri, trained.name, reigning.version, Path(temporary))
        return challenge(trained, reigning.version, Path(temporary), files)


def _log(trained: TrainedModel) -> None:
    mlflow.log_params(dict(trained.parameters))
    baselines = {
        f"baseline.{rival}.{metric}": value
        for rival, metrics in trained.evaluation.baselines.items()
        for metric, value in metrics.items()
    }
    mlflow.log_metrics(trained.metrics | baselines)
    mlflow.log_dict(dict(trained.snapshot), "data_snapshot.json")
    mlflow.log_text(model_card(trained), "model_card.md")
    for plot in trained.plots:
        mlflow.log_artifact(str(plot), "plots")
    mlflow.set_tags(
        {
            "as_of": trained.as_of.isoformat(),
            "model": trained.name,
            "facts": trained.snapshot["fingerprint"],
            "mlflow.note.content": model_card(trained),
        }
    )


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
            code_paths=[str(Path(__file__).parent)],
            signature=_signature(trained),
            input_example=_example(trained),
            # Given in full, so that MLflow does not start a process to find out.
            pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES],
        )


def _signature(trained: TrainedModel) -> ModelSignature:
    """All numbers are doubles: an integer column with a gap would fail it."""
    inputs = [ColSpec("double", code, required=code in _REQUIRED) for code in trained.holdout.codes]
    outputs = [ColSpec("double", name) for name in OUTPUTS[trained.name]]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _example(trained: TrainedModel) -> pd.DataFrame:
    """A few rows without a customer's number: enough to see what goes in."""
    rows = trained.holdout.values[:EXAMPLE_ROWS].astype(np.float64)
    return pd.DataFrame(rows, columns=list(trained.holdout.codes))


def _create_version(
    client: MlflowClient,
    trained: TrainedModel,
    logged: mlflow.models.model.ModelInfo,
    run_id: str,
    verdict: Verdict,
) -> int:
    name = trained.name
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
        | {"as_of": trained.as_of.isoformat(), "promotion": verdict.why},
    )
    return int(created.version)
