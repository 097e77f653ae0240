"""Which models were trained here, which is in use and why, and the SHA-256 of their files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from api.db.models import ModelPromotion, ModelVersion
from api.errors import Conflict

ModelName = Literal["churn", "clv"]
Action = Literal["promote", "rollback", "force"]
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
    verdict: dict[str, Any] | None = None
    """What training found about promoting it: `promote`, `why`, `against`, `findings`."""


@dataclass(frozen=True)
class KnownModel:
    row_id: int
    name: str
    version: int
    mlflow_run_id: str
    horizon_days: int
    trained_as_of: dt.date
    registered_at: dt.datetime
    files: dict[str, str]
    metrics: dict[str, Any]
    verdict: dict[str, Any] | None
    champion: bool


@dataclass(frozen=True)
class Promotion:
    """One change of champion."""

    name: str
    version: int
    previous_version: int | None
    action: Action
    reason: str
    at: dt.datetime


def record_model(engine: Engine, record: ModelRecord, *, champion: bool) -> None:
    """Write down a version that was trained here, and its promotion if it reigns at once.

    Raises:
        Conflict: the registry gave a number that this database knows already.
    """
    with engine.begin() as connection:
        try:
            connection.execute(insert(ModelVersion).values(champion=False, **asdict(record)))
        except IntegrityError:
            raise Conflict(lost_store(record.name, record.version)) from None
        if champion:
            reason = (record.verdict or {}).get("why", "")
            _change(
                connection, record.name, record.version, "promote", reason, record.registered_at
            )


def lost_store(name: str, version: int) -> str:
    """What to say where MLflow knows less than this database."""
    return (
        f"MLflow counts the {name} models from {version} again, which this database knows "
        "already. Restore MLflow's store from its backup, or point ECHELON_MLFLOW_URI to the one "
        "that belongs to this database."
    )


def change_champion(
    engine: Engine, name: str, version: int, *, action: Action, reason: str, at: dt.datetime
) -> None:
    """Let a version reign, and write down that and why."""
    with engine.begin() as connection:
        _change(connection, name, version, action, reason, at)


def _change(
    connection: Connection, name: str, version: int, action: Action, reason: str, at: dt.datetime
) -> None:
    table = ModelVersion
    previous = connection.scalar(select(table.version).where(table.name == name, table.champion))
    connection.execute(
        update(table).where(table.name == name).values(champion=table.version == version)
    )
    promotion = Promotion(name, version, previous, action, reason, at)
    connection.execute(insert(ModelPromotion).values(**asdict(promotion)))


def list_promotions(engine: Engine, name: str | None = None) -> list[Promotion]:
    """Every change of champion, oldest first."""
    table = ModelPromotion
    columns = [getattr(table, field) for field in Promotion.__dataclass_fields__]
    query = select(*columns).order_by(table.id)
    if name is not None:
        query = query.where(table.name == name)
    with engine.connect() as connection:
        return [Promotion(**row._mapping) for row in connection.execute(query)]


def predecessor(history: Iterable[Promotion]) -> int | None:
    """The champion before the present one, as if what was rolled back had never reigned."""
    reigned: list[int] = []
    for change in history:
        if change.action == "rollback":
            while reigned and reigned[-1] != change.version:
                reigned.pop()
        if not reigned and change.previous_version is not None:
            # Champions from before changes were written down.
            reigned.append(change.previous_version)
        if not reigned or reigned[-1] != change.version:
            reigned.append(change.version)
    return reigned[-2] if len(reigned) > 1 else None


def list_known(engine: Engine) -> list[KnownModel]:
    """Every model trained here, newest first."""
    table = ModelVersion
    fields = [name for name in KnownModel.__dataclass_fields__ if name != "row_id"]
    columns = [table.id.label("row_id"), *(getattr(table, field) for field in fields)]
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(table.name, table.version.desc()))
        return [KnownModel(**row._mapping) for row in rows]


def read_model(engine: Engine, name: str, version: int) -> KnownModel | None:
    return next(
        (known for known in list_known(engine) if (known.name, known.version) == (name, version)),
        None,
    )
