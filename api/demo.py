"""The demo's state: which of its steps are done, so that a run goes on where the last ended."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, func, select

from api.db.champions import MODEL_NAMES, ModelName, list_known
from api.db.keys import create_key
from api.db.models import ApiKey, ImportBatch, MiningRun, RefreshRun
from api.domain.keys import key_hash
from api.errors import Conflict
from api.settings import Settings

ORIGIN = "completejourney"
AS_OF = dt.date(2017, 12, 31)
"""The last whole day of the sample; staleness is measured against it."""
CHURN_HORIZON_DAYS = 28
CLV_HORIZON_DAYS = 90
KEY_SCOPES = ("customers:read", "scores:read", "schema:read")

QUERIES = (
    (
        "The twenty most valuable customers about to leave",
        "{ customers(first: 20, filter: {churnProbability: {gte: 0.5}}, "
        "orderBy: [{field: CLV, direction: DESC}]) { edges { node { externalId "
        "tier { tier reasons { text } } prediction { churnProbability clv reasons { text } } "
        "segments { key } recommendedStrategies(first: 3) "
        "{ strategy { key } priority reasons { text } } } } } }",
    ),
    (
        "The business in one look",
        "{ portfolio { customers clv clvAtRisk currency meanChurnProbability } "
        "tiers { key name customerCount } segments { key name memberCount } }",
    ),
    (
        "Risk scores as a partner pulls them",
        "{ riskScores(first: 100) { pageInfo { hasNextPage endCursor } "
        "edges { node { externalId churnProbability riskBand revision } } } }",
    ),
)


def demo_settings(settings: Settings) -> Settings:
    """The demo's horizons and currency; everything else as in the environment."""
    return settings.model_copy(
        update={
            "churn_horizon_days": CHURN_HORIZON_DAYS,
            "clv_horizon_days": CLV_HORIZON_DAYS,
            "base_currency": "USD",
            "time_zone": "UTC",
        }
    )


def require_demo_database(engine: Engine) -> None:
    """Refuse to mix sample data into a business's own facts.

    Raises:
        Conflict: the database holds facts that the demo didn't bring.
    """
    with engine.connect() as connection:
        sources = set(connection.scalars(select(ImportBatch.source).distinct()))
    if sources and ORIGIN not in sources:
        raise Conflict(
            "This database holds facts of your own, and the demo would mix sample data into them. "
            "Give the demo a folder of its own: ECHELON_DATA_DIR=demo make demo"
        )


def imported_rows(engine: Engine, kind: str) -> int:
    """Rows of a kind that the demo has brought in so far."""
    table = ImportBatch
    with engine.connect() as connection:
        return int(
            connection.scalar(
                select(func.coalesce(func.sum(table.rows_added), 0)).where(
                    table.source == ORIGIN, table.kind == kind, table.status == "done"
                )
            )
            or 0
        )


def missing_champions(engine: Engine) -> list[ModelName]:
    trained = {model.name for model in list_known(engine) if model.champion}
    return [name for name in MODEL_NAMES if name not in trained]


def is_published(engine: Engine) -> bool:
    with engine.connect() as connection:
        return (
            connection.scalar(select(RefreshRun.id).where(RefreshRun.as_of >= AS_OF).limit(1))
            is not None
        )


def is_mined(engine: Engine) -> bool:
    with engine.connect() as connection:
        return (
            connection.scalar(select(MiningRun.id).where(MiningRun.as_of >= AS_OF).limit(1))
            is not None
        )


def demo_key(engine: Engine, settings: Settings, clock: Callable[[], dt.datetime]) -> str:
    """The demo's key: kept in the data folder, readable by its owner only, and made if missing."""
    path = settings.data_dir / "demo.key"
    with engine.connect() as connection:
        table = ApiKey
        if path.is_file():
            key = path.read_text(encoding="ascii").strip()
            live = select(table.id).where(
                table.key_hash == key_hash(key), table.revoked_at.is_(None)
            )
            if connection.scalar(live) is not None:
                return key
        taken = connection.scalar(select(func.count()).where(table.name.startswith("demo")))
    key = create_key(engine, f"demo {taken + 1}" if taken else "demo", KEY_SCOPES, None, clock)
    _write_private(path, key)
    return key


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
