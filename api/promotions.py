"""Who reigns: promote by the verdict or against it, go back in seconds, and keep why."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from api.db.champions import (
    Action,
    KnownModel,
    change_champion,
    list_known,
    list_promotions,
    predecessor,
    read_model,
)
from api.errors import Conflict, NotReady
from api.settings import Settings


@dataclass(frozen=True)
class Change:
    """What a promotion or a rollback did."""

    name: str
    version: int
    previous_version: int | None
    action: Action
    reason: str


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def promote_model(
    engine: Engine,
    settings: Settings,
    name: str,
    version: int,
    *,
    force_reason: str | None = None,
    clock: Callable[[], dt.datetime] = utc_now,
) -> Change:
    """Let a version that was trained here reign, if the verdict of its training allows that.

    `force_reason` lets it reign against its verdict, and is kept.

    Raises:
        NotReady: there is no such version.
        Conflict: its verdict is against it.
    """
    known = read_model(engine, name, version)
    if known is None:
        raise NotReady(f"There is no {name} model of version {version}: echelon models list")
    allowed = known.champion or bool(known.verdict and known.verdict["promote"])
    if not allowed and force_reason is None:
        why = known.verdict["why"] if known.verdict else "No verdict was recorded when it was made."
        raise Conflict(
            f"{name}/{version} was not found fit to reign. {why} "
            f"Against that: echelon models promote {name} {version} --force --reason TEXT"
        )
    if allowed:
        reason = str(known.verdict["why"]) if known.verdict else ""
        return _change(engine, settings, known, "promote", reason, clock)
    return _change(engine, settings, known, "force", force_reason or "", clock)


def rollback_model(
    engine: Engine,
    settings: Settings,
    name: str,
    *,
    reason: str = "",
    clock: Callable[[], dt.datetime] = utc_now,
) -> Change:
    """Let the champion before the present one reign again; nothing is trained.

    Raises:
        Conflict: no other version has reigned before.
        BadModel: it can't score any more.
    """
    version = predecessor(list_promotions(engine, name))
    known = None if version is None else read_model(engine, name, version)
    if known is None:
        raise Conflict(
            f"No {name} model has reigned before the present one, so that there is nothing to go "
            f"back to. Choose a version yourself: echelon models promote {name} VERSION"
        )
    return _change(engine, settings, known, "rollback", reason, clock)


def _change(
    engine: Engine,
    settings: Settings,
    known: KnownModel,
    action: Action,
    reason: str,
    clock: Callable[[], dt.datetime],
) -> Change:
    """Its files first, then MLflow's alias, then our record: whatever fails, the old one reigns.

    Cut off between the last two, the next refresh follows the alias and writes that down.
    """
    from ml import artefacts, registry

    # Refuses one that this version of the code could not score with.
    artefacts.read(model_files(settings, known), artefacts.CHAMPION, known.name, known.files)
    at = clock()
    note = {"action": action, "reason": reason or "none given", "at": at.isoformat()}
    registry.set_champion(settings.resolved_mlflow_uri, known.name, known.version, note)
    reigning = [each for each in list_known(engine) if each.champion and each.name == known.name]
    previous = reigning[0].version if reigning else None
    if previous != known.version:
        change_champion(engine, known.name, known.version, action=action, reason=reason, at=at)
    return Change(known.name, known.version, previous, action, reason)


def model_files(settings: Settings, known: KnownModel) -> Path:
    """The folder of a version's native files; fetched from MLflow where they are not as recorded.

    Raises:
        RegistryError: MLflow can't be reached, or has lost or altered them.
    """
    folder = settings.model_dir / known.name / str(known.version)
    if not all(_is_recorded(folder / file, sha256) for file, sha256 in known.files.items()):
        from ml import registry

        registry.download(settings.resolved_mlflow_uri, known.name, known.version, folder)
    return folder


def _is_recorded(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256
