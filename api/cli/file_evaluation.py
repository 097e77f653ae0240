"""Back-tests on files: a log's or a table's, each with its page and its run in MLflow."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from api.cli import source_options as options
from api.cli.file_training import log_store
from api.cli.source_options import LogOptions
from api.cli.sources import read_file
from api.cli.terminal import Terminal
from api.db.champions import ModelName
from api.evaluations import EvaluationReport, evaluate_store
from api.settings import load_settings

FOLDS = 5


def evaluate_log(
    terminal: Terminal,
    source: LogOptions,
    kind: ModelName,
    *,
    attributes: Path | None,
    as_of: dt.date | None,
    horizon_days: int | None,
    origins: int,
    seed: int,
    page: Path,
    allow_sensitive: bool,
) -> EvaluationReport:
    """Train anew at each past origin of a log and judge by what came after."""
    settings = load_settings()
    usual = settings.churn_horizon_days if kind == "churn" else settings.clv_horizon_days
    with (
        log_store(source, attributes, as_of, allow_sensitive, terminal) as store,
        terminal.progress(f"Evaluating {kind} on {source.path.name}") as steps,
    ):
        return evaluate_store(
            store.path,
            settings,
            kind,
            as_of=store.as_of,
            horizon_days=horizon_days or usual,
            origins=origins,
            seed=seed,
            page=page,
            progress=steps.say,
        )


def evaluate_table(
    terminal: Terminal,
    table: Path,
    *,
    label: str,
    positive: str | None,
    keep: tuple[str, ...],
    allow_sensitive: bool,
    page: Path,
    minutes: float | None,
    sheet: str | None,
    encoding: str | None,
) -> EvaluationReport:
    """Cross-validate on a labelled table; the page is written before MLflow is asked."""
    from ml import registry
    from ml.reports.words import verdict_on
    from ml.tables import read_table
    from ml.tables.review import page as written
    from ml.tables.review import review_table

    settings = load_settings()
    with terminal.progress(f"Evaluating on {table.name}") as steps:
        file = read_file(table, sheet=sheet, encoding=encoding)
        data = read_table(
            file.table, label=label, positive=positive, allow_sensitive=allow_sensitive, keep=keep
        )
        review = review_table(
            data,
            threads=settings.max_threads,
            seconds=minutes and minutes * 60 / FOLDS,
            progress=steps.say,
        )
        html = written(review, table.name)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(html, encoding="utf-8")
        steps.say("Recording in MLflow")
        registry.prepare_store(settings.resolved_mlflow_uri, settings.artifact_root)
        run_id = registry.log_table_review(settings.resolved_mlflow_uri, review, table.name)
    options.tell(terminal, options.malformed_rows(file), (*file.notes, *data.notes))
    return EvaluationReport(run_id, page, verdict_on(review.judgement), review.to_document())
