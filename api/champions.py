"""Where the product meets `ml`: train and register models, find the champions, score with them.

Everything heavy is imported inside the functions, so that commands that need no model start fast.
"""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from api.db.champions import (
    MODEL_NAMES,
    ModelName,
    ModelRecord,
    change_champion,
    list_known,
    lost_store,
    read_model,
    record_model,
)
from api.db.facts import sync_facts
from api.db.installation import read_installation
from api.errors import Conflict, NotReady
from api.looking_back import LookingBack
from api.promotions import model_files, utc_now
from api.refresh import Champion, Champions
from api.settings import Settings

if TYPE_CHECKING:
    from ml.registry import Registered
    from ml.scoring import Scored
    from ml.training import TrainedModel

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class TrainReport:
    name: str
    version: int
    run_id: str
    promoted: bool
    why: str
    metrics: dict[str, Any]
    seconds: float


def train_model(
    engine: Engine,
    settings: Settings,
    name: ModelName,
    *,
    as_of: dt.date | None,
    horizon_days: int | None,
    seed: int,
    clock: Callable[[], dt.datetime],
    progress: Progress,
    seconds: float | None = None,
) -> TrainReport:
    """Train on the business's own facts, register, promote if the rules of promotion say so."""
    from ml.training import train

    started = clock()
    installation = read_installation(engine)
    day = installation.day_to_look_at(as_of, started)
    _require_same_store(engine, settings, name)
    progress("Bringing the fact store up to date", None)
    sync_facts(engine, settings.resolved_database_url, settings.fact_store)
    usual = installation.churn_horizon_days if name == "churn" else installation.clv_horizon_days
    settings.model_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=settings.model_dir) as workplace:
        trained = train(
            settings.fact_store,
            name,
            as_of=day,
            horizon_days=horizon_days or usual,
            seed=seed,
            threads=settings.max_threads,
            folder=Path(workplace),
            progress=progress,
            seconds=seconds,
        )
        progress("Registering in MLflow", None)
        registered = _register(engine, settings, trained, Path(workplace), clock)
    return TrainReport(
        name,
        registered.version,
        registered.run_id,
        registered.promoted,
        registered.why,
        dict(registered.metrics),
        (clock() - started).total_seconds(),
    )


def _register(
    engine: Engine,
    settings: Settings,
    trained: TrainedModel,
    workplace: Path,
    clock: Callable[[], dt.datetime],
) -> Registered:
    """MLflow, files, our record, and only then the alias: cut off anywhere, nothing half reigns."""
    from ml import registry

    uri = settings.resolved_mlflow_uri
    registry.prepare_store(uri, settings.artifact_root)
    verdict = registry.judge(uri, trained, kept=settings.model_dir)
    registered = registry.record(uri, trained, verdict)
    folder = settings.model_dir / trained.name / str(registered.version)
    folder.mkdir(parents=True, exist_ok=True)
    for file in registered.files:
        shutil.copy2(workplace / file, folder / file)
    record = ModelRecord(
        name=trained.name,
        version=registered.version,
        mlflow_run_id=registered.run_id,
        horizon_days=trained.horizon_days,
        trained_as_of=trained.as_of,
        registered_at=clock(),
        files=dict(registered.files),
        metrics=dict(registered.metrics),
        verdict=verdict.to_document(),
    )
    record_model(engine, record, champion=False)
    if registered.promoted:
        registry.set_champion(uri, trained.name, registered.version)
        change_champion(
            engine, record.name, record.version, action="promote", reason=verdict.why, at=clock()
        )
    return registered


def _require_same_store(engine: Engine, settings: Settings, name: str) -> None:
    """Refuse an MLflow store that is not this database's before an hour of training, not after."""
    from ml import registry

    ours = max((known.version for known in list_known(engine) if known.name == name), default=0)
    theirs = registry.latest_version(settings.resolved_mlflow_uri, name)
    if ours > theirs:
        raise Conflict(lost_store(name, theirs + 1))


def load_champions(
    engine: Engine, settings: Settings, clock: Callable[[], dt.datetime] = utc_now
) -> Champions:
    """The models the registry's `champion` aliases point to, ready to score.

    Raises:
        NotReady: a model has no champion, or one that was never trained here.
        Conflict: MLflow knows no champion, but this database does.
    """
    found = {name: _champion(engine, settings, name, clock) for name in MODEL_NAMES}
    (churn, churn_folder), (clv, clv_folder) = found["churn"], found["clv"]

    def score(store: Path, cutoff: int) -> Scored:
        from ml.scoring import score as score_store

        return score_store(
            store,
            churn=churn_folder,
            clv=clv_folder,
            expected_sha256={"churn": churn.files, "clv": clv.files},
            cutoff=cutoff,
            threads=settings.max_threads,
        )

    def score_past(
        store: Path, cutoffs: Sequence[int], most_customers: int
    ) -> Iterator[tuple[int, Scored]]:
        from ml.lookback import score_past as score_store

        return score_store(
            store,
            churn=churn_folder,
            clv=clv_folder,
            expected_sha256={"churn": churn.files, "clv": clv.files},
            cutoffs=cutoffs,
            most_customers=most_customers,
            threads=settings.max_threads,
        )

    months = settings.replay_months
    return Champions(churn, clv, score, LookingBack(score_past, months) if months else None)


def _champion(
    engine: Engine, settings: Settings, name: ModelName, clock: Callable[[], dt.datetime]
) -> tuple[Champion, Path]:
    """A champion and the folder of its files."""
    from ml import registry

    reference = registry.champion(settings.resolved_mlflow_uri, name)
    if reference is None:
        if any(known.champion for known in list_known(engine) if known.name == name):
            raise Conflict(
                f"This database has a {name} champion, MLflow's store has none. Restore that store "
                "from its backup, or point ECHELON_MLFLOW_URI to the one that belongs here."
            )
        raise NotReady(f"There is no {name} champion yet. Train one: echelon train {name}")
    record = read_model(engine, name, reference.version)
    if record is None:
        raise NotReady(
            f"Model {name}/{reference.version} is the registry's champion, but this database "
            "has no record of its files. Train it here, or move the alias: "
            f"echelon models promote {name} VERSION"
        )
    if not record.champion:
        change_champion(
            engine,
            name,
            reference.version,
            action="promote",
            reason="The alias was moved in MLflow.",
            at=clock(),
        )
    folder = model_files(settings, record)
    label = f"{name}/{reference.version}"
    return Champion(record.row_id, label, record.horizon_days, dict(record.files)), folder
