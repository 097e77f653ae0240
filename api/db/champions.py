"""Which models were trained here, which is in use, and the SHA-256 their files must have."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from api.db.models import ModelVersion
from api.errors import Conflict

ModelName = Literal["churn", "clv"]
MODEL_NAMES: tuple[ModelName, ...] = ("churn", "clv")


@dataclass(frozen=True)
class ModelRecord:
    name: str
    version: int
    mlflow_run_id: str
    horizon_days: int
    trained_as_of: dt.date
    registered_at: dt.datetime
    files: dict[str, str]
    """Native file name -> SHA-256, in hexadecimal."""
    metrics: dict[str, Any]


@dataclass(frozen=True)
class KnownModel:
    row_id: int
    name: str
    version: int
    horizon_days: int
    trained_as_of: dt.date
    files: dict[str, str]
    metrics: dict[str, Any]
    champion: bool


def record_model(engine: Engine, record: ModelRecord, *, champion: bool) -> None:
    with engine.begin() as connection:
        if champion:
            connection.execute(
                update(ModelVersion).where(ModelVersion.name == record.name).values(champion=False)
            )
        try:
            connection.execute(insert(ModelVersion).values(champion=champion, **asdict(record)))
        except IntegrityError:
            raise Conflict(
                f"MLflow counts the {record.name} models from {record.version} again, which this "
                "database knows already. Restore MLflow's store from its backup, or point "
                "ECHELON_MLFLOW_URI to the one that belongs to this database."
            ) from None


def mark_champion(engine: Engine, name: str, version: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(ModelVersion)
            .where(ModelVersion.name == name)
            .values(champion=ModelVersion.version == version)
        )


def list_known(engine: Engine) -> list[KnownModel]:
    """Every model trained here, newest first."""
    table = ModelVersion
    with engine.connect() as connection:
        rows = connection.execute(
            select(
                table.id.label("row_id"),
                table.name,
                table.version,
                table.horizon_days,
                table.trained_as_of,
                table.files,
                table.metrics,
                table.champion,
            ).order_by(table.name, table.version.desc())
        )
        return [KnownModel(**row._mapping) for row in rows]


def read_model(engine: Engine, name: str, version: int) -> KnownModel | None:
    return next(
        (known for known in list_known(engine) if (known.name, known.version) == (name, version)),
        None,
    )
