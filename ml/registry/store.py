"""MLflow's tracking store: made once, moved with its folder, and reached or said not to be."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException

from ml.errors import RegistryError

EXPERIMENT = "echelon"
ALIAS = "champion"
SQLITE = "sqlite:///"
_PATIENCE_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def prepare_store(uri: str, artifact_root: Path) -> None:
    """Create or migrate the tracking store (up to a minute when fresh) and its experiment.

    A fresh SQLite store appears whole: MLflow can't mend one whose creation was cut off.

    Raises:
        RegistryError: the store can't be reached or used.
    """
    database = Path(uri.removeprefix(SQLITE))
    if uri.startswith(SQLITE) and not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=database.parent) as workplace:
            fresh = Path(workplace) / database.name
            _prepare_experiment(f"{SQLITE}{fresh}", artifact_root)
            fresh.replace(database)
    _prepare_experiment(uri, artifact_root)


def _prepare_experiment(uri: str, artifact_root: Path) -> None:
    client = client_of(uri)
    found = client.get_experiment_by_name(EXPERIMENT)
    place = artifact_root.resolve().as_uri()
    if found is not None and _has_moved(found, place):
        # MLflow ties an experiment to the absolute path of its artifacts. The old one keeps its
        # runs; new ones go to where the data folder is now.
        client.rename_experiment(
            found.experiment_id, f"{EXPERIMENT} before it moved ({found.experiment_id})"
        )
        found = None
    if found is None:
        artifact_root.mkdir(parents=True, exist_ok=True)
        client.create_experiment(EXPERIMENT, artifact_location=place)


def _has_moved(experiment: Experiment, place: str) -> bool:
    """Whether the artifacts lay in a folder that is no longer there; servers keep their own."""
    location = str(experiment.artifact_location)
    return (
        location != place
        and location.startswith("file:")
        and not Path(urlsplit(location).path).exists()
    )


def is_missing(uri: str) -> bool:
    """Whether the store is a file that was not made yet, or is gone."""
    return uri.startswith(SQLITE) and not Path(uri.removeprefix(SQLITE)).exists()


def client_of(uri: str) -> MlflowClient:
    """A client of a store that answers.

    Raises:
        RegistryError: nobody answers at its address, or its schema is another version's.
    """
    _require_answer(uri)
    try:
        return MlflowClient(uri, uri)
    except MlflowException as error:
        told = str(error).splitlines()[0]
        raise RegistryError(f"MLflow's store can't be used: {told}") from None


def experiment_of(client: MlflowClient) -> str:
    """The experiment's id."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        raise RegistryError(f"The MLflow store lacks the experiment {EXPERIMENT!r}: prepare it.")
    return str(found.experiment_id)


def _require_answer(uri: str) -> None:
    """MLflow tries an address that is away for minutes; a person should hear of it at once."""
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in _PORTS or not parts.hostname:
        return
    port = parts.port or _PORTS[scheme]
    try:
        socket.create_connection((parts.hostname, port), _PATIENCE_SECONDS).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise RegistryError(
            f"MLflow's store at {parts.hostname}:{port} can't be reached ({reason}). Start it, or "
            "point ECHELON_MLFLOW_URI to where it is."
        ) from None
