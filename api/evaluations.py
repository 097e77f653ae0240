"""Back-test on the business's own facts: one HTML page for people, one MLflow run for the record.

Everything heavy is imported inside the functions, so that commands that need no model start fast.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from api.db.champions import ModelName
from api.db.facts import sync_facts
from api.db.installation import read_installation
from api.settings import Settings

Progress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class EvaluationReport:
    """What was written where; `document` holds all the numbers of the page."""

    run_id: str
    page: Path
    summary: str
    document: dict[str, Any]


def evaluate_model(
    engine: Engine,
    settings: Settings,
    name: ModelName,
    *,
    as_of: dt.date | None,
    horizon_days: int | None,
    origins: int,
    seed: int,
    page: Path,
    clock: Callable[[], dt.datetime],
    progress: Progress,
) -> EvaluationReport:
    """Back-test a model on the facts of the database; no version comes of it."""
    installation = read_installation(engine)
    day = installation.day_to_look_at(as_of, clock())
    progress("Bringing the fact store up to date", None)
    sync_facts(engine, settings.resolved_database_url, settings.fact_store)
    usual = installation.churn_horizon_days if name == "churn" else installation.clv_horizon_days
    return evaluate_store(
        settings.fact_store,
        settings,
        name,
        as_of=day,
        horizon_days=horizon_days or usual,
        origins=origins,
        seed=seed,
        page=page,
        progress=progress,
    )


def evaluate_store(
    store: Path,
    settings: Settings,
    name: ModelName,
    *,
    as_of: dt.date,
    horizon_days: int,
    origins: int,
    seed: int,
    page: Path,
    progress: Progress,
) -> EvaluationReport:
    """The same on any fact store; the page is written before MLflow is asked for anything."""
    from ml import registry
    from ml.reports import page as report_page
    from ml.reports.review import review
    from ml.reports.words import verdict_on

    report = review(
        store,
        name,
        as_of=as_of,
        horizon_days=horizon_days,
        origins=origins,
        seed=seed,
        threads=settings.max_threads,
        progress=progress,
    )
    progress("Writing the report", None)
    html = report_page.page(report)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(html, encoding="utf-8")
    progress("Recording in MLflow", None)
    registry.prepare_store(settings.resolved_mlflow_uri, settings.artifact_root)
    run_id = registry.log_evaluation(settings.resolved_mlflow_uri, report, html)
    return EvaluationReport(run_id, page, verdict_on(report.overall), report.to_document())
