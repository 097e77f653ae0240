"""Versions of a model: which one reigns, and their native files."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException

from ml.artefacts import BACKTEST, CHAMPION
from ml.errors import RegistryError
from ml.registry.store import ALIAS, client_of, is_missing

MODEL_FILES = tuple(f"{stem}.{end}" for stem in (CHAMPION, BACKTEST) for end in ("ubj", "json"))


@dataclass(frozen=True)
class ChampionRef:
    name: str
    version: int
    run_id: str


def champion(uri: str, name: str) -> ChampionRef | None:
    """The version that scoring should use; None before the first promotion.

    Raises:
        RegistryError: the store can't be reached or used.
    """
    if is_missing(uri):
        return None
    try:
        found = client_of(uri).get_model_version_by_alias(name, ALIAS)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return ChampionRef(name, int(found.version), str(found.run_id))


def set_champion(uri: str, name: str, version: int, note: Mapping[str, str] | None = None) -> None:
    """Promote a version, or roll back to one; `note` is kept in its tags under `promotion.`.

    Raises:
        RegistryError: there is no such version, or the store can't be reached or used.
    """
    _version(uri, name, version)
    client = client_of(uri)
    for key, value in (note or {}).items():
        client.set_model_version_tag(name, str(version), f"promotion.{key}", value)
    client.set_registered_model_alias(name, ALIAS, str(version))


def latest_version(uri: str, name: str) -> int:
    """The highest number given so far; 0 before the first."""
    if is_missing(uri):
        return 0
    found = client_of(uri).search_model_versions(f"name = '{name}'", max_results=1000)
    return max((int(version.version) for version in found), default=0)


def fetch(uri: str, name: str, version: int, folder: Path) -> dict[str, str]:
    """Have a version's native files in `folder`; downloaded only where they are not there yet.

    Raises:
        RegistryError: there is no such version, or its files are gone or altered.
    """
    registered = _registered_files(uri, name, version)
    if _files_in(folder) == registered:
        return registered
    return download(uri, name, version, folder)


def download(uri: str, name: str, version: int, folder: Path) -> dict[str, str]:
    """Fetch a version's native files into `folder`; their names and SHA-256.

    Raises:
        RegistryError: there is no such version, or its files are gone or altered.
    """
    registered = _registered_files(uri, name, version)
    source = client_of(uri).get_model_version_download_uri(name, str(version))
    with tempfile.TemporaryDirectory() as temporary:
        try:
            fetched = mlflow.artifacts.download_artifacts(
                artifact_uri=source, dst_path=temporary, tracking_uri=uri
            )
        except (MlflowException, OSError):
            raise RegistryError(
                f"The files of {name} version {version} are gone from {source}: train again."
            ) from None
        found = {path.name: path for path in Path(fetched).rglob("*") if path.name in MODEL_FILES}
        if {file: _sha256(path) for file, path in found.items()} != registered:
            raise RegistryError(
                f"The files of {name} version {version} are not those registered: train again."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for file, path in found.items():
            shutil.copy(path, folder / file)
    return registered


def _registered_files(uri: str, name: str, version: int) -> dict[str, str]:
    tags: Mapping[str, str] = _version(uri, name, version).tags
    return {file: tags.get(f"sha256.{file}", "") for file in MODEL_FILES}


def _files_in(folder: Path) -> dict[str, str]:
    return {file: _sha256(folder / file) for file in MODEL_FILES if (folder / file).is_file()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _version(uri: str, name: str, version: int) -> mlflow.entities.model_registry.ModelVersion:
    try:
        return client_of(uri).get_model_version(name, str(version))
    except MlflowException:
        raise RegistryError(f"There is no version {version} of the {name} model.") from None
