"""Training on files: a log's or a table's model gets a name of its own in MLflow.

No database is needed, and the business's own champions are never touched.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.cli import source_options as options
from api.cli.source_options import LogOptions
from api.cli.sources import read_file
from api.cli.terminal import Steps, Terminal
from api.db.champions import MODEL_NAMES, ModelName
from api.errors import InvalidInput
from api.settings import Settings, load_settings

if TYPE_CHECKING:
    from ml.registry import Registered

LONGEST_NAME = 100


@dataclass(frozen=True)
class LogStore:
    """A log as a fact store in a temporary folder, and the day it ends with."""

    path: Path
    as_of: dt.date


@contextmanager
def log_store(
    source: LogOptions,
    attributes: Path | None,
    as_of: dt.date | None,
    allow_sensitive: bool,
    terminal: Terminal,
) -> Iterator[LogStore]:
    """Read and clean a log and write it as a store, which is gone at the end of the block.

    Without a day it ends with the log's last one. Says what was left out.
    """
    from ml.contracts import day_of
    from ml.logs.store import write_log_store

    read = options.read_log(source)
    known_attributes = read_file(attributes, encoding=source.encoding) if attributes else None
    day = as_of or day_of(int(read.log.moment.max()), source.time_zone)
    known = read.log.known_at(day)
    with tempfile.TemporaryDirectory(prefix="echelon-log-") as folder:
        notes = write_log_store(
            known,
            Path(folder),
            attributes=known_attributes.table if known_attributes else None,
            attribute_customer=source.customer,
            allow_sensitive=allow_sensitive,
        )
        more = known_attributes.notes if known_attributes else ()
        options.tell(terminal, read.dropped, (*read.notes, *more, *known.notes, *notes))
        yield LogStore(Path(folder), day)


def train_on_log(
    terminal: Terminal,
    source: LogOptions,
    kinds: tuple[ModelName, ...],
    *,
    attributes: Path | None,
    as_of: dt.date | None,
    horizon_days: int | None,
    seed: int,
    name: str | None,
    allow_sensitive: bool,
    minutes: float | None,
) -> None:
    """Train each kind of model and register it; what fails before its end registers nothing."""
    from api.cli.training import tell_model

    if name is not None and len(kinds) > 1:
        raise typer.BadParameter("--name goes with one model: say churn or clv.")
    names = {kind: own_name(kind, source.path, name) for kind in kinds}
    settings = load_settings()
    reports = []
    with log_store(source, attributes, as_of, allow_sensitive, terminal) as store:
        for kind in kinds:
            with terminal.progress(f"Training {names[kind]}") as steps:
                found = _train(
                    settings, store, kind, names[kind], horizon_days, seed, steps,
                    minutes and minutes * 60 / len(kinds),
                )  # fmt: skip
            reports.append(_result(found))
            tell_model(terminal, reports[-1])
    terminal.result(reports)


def _train(
    settings: Settings,
    store: LogStore,
    kind: ModelName,
    name: str,
    horizon_days: int | None,
    seed: int,
    steps: Steps,
    seconds: float | None,
) -> Registered:
    from ml import registry
    from ml.training import train

    usual = settings.churn_horizon_days if kind == "churn" else settings.clv_horizon_days
    with tempfile.TemporaryDirectory(prefix="echelon-model-") as folder:
        trained = train(
            store.path,
            kind,
            as_of=store.as_of,
            horizon_days=horizon_days or usual,
            seed=seed,
            threads=settings.max_threads,
            folder=Path(folder),
            progress=steps.say,
            seconds=seconds,
        )
        steps.say("Registering in MLflow")
        registry.prepare_store(settings.resolved_mlflow_uri, settings.artifact_root)
        return registry.register(settings.resolved_mlflow_uri, trained, name=name)


def train_on_table(
    terminal: Terminal,
    table: Path,
    *,
    label: str,
    positive: str | None,
    keep: tuple[str, ...],
    allow_sensitive: bool,
    seed: int,
    minutes: float | None,
    name: str | None,
    sheet: str | None,
    encoding: str | None,
) -> None:
    """Cross-validate, train on all rows and register."""
    from api.cli.training import tell_model
    from ml import registry
    from ml.tables import read_table, train_table
    from ml.tables.review import review_table

    chosen = own_name("churn", table, name)
    settings = load_settings()
    # Cross-validation trains five times, and once more on all rows.
    seconds = minutes and minutes * 10
    with terminal.progress(f"Training {chosen}") as steps:
        file = read_file(table, sheet=sheet, encoding=encoding)
        data = read_table(
            file.table, label=label, positive=positive, allow_sensitive=allow_sensitive, keep=keep
        )
        threads = settings.max_threads
        review = review_table(data, threads=threads, seconds=seconds, progress=steps.say)
        model = train_table(data, seed=seed, threads=threads, seconds=seconds, progress=steps.say)
        steps.say("Registering in MLflow")
        registry.prepare_store(settings.resolved_mlflow_uri, settings.artifact_root)
        found = registry.register_table(settings.resolved_mlflow_uri, model, review, name=chosen)
    options.tell(terminal, options.malformed_rows(file), (*file.notes, *data.notes))
    report = _result(found)
    tell_model(terminal, report)
    terminal.result([report])


def own_name(kind: str, path: Path, name: str | None) -> str:
    """What a file's model is called: never what the business's own are.

    Raises:
        InvalidInput: the name asked for is one of those, or MLflow can't have it.
    """
    stem = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    chosen = name or f"{kind}-{re.sub(r'[^A-Za-z0-9_-]+', '-', stem).strip('-') or 'file'}"
    chosen = chosen if name else chosen[:LONGEST_NAME]
    if chosen in MODEL_NAMES:
        raise InvalidInput(
            f"{chosen!r} is the name of the business's own model: choose another with --name."
        )
    if not re.fullmatch(r"[\w.-][\w. -]{0,99}", chosen):
        raise InvalidInput(
            f"{chosen!r} can't be a model's name: up to {LONGEST_NAME} letters, digits, "
            "blanks and _-. only."
        )
    return chosen


def _result(registered: Registered) -> dict[str, Any]:
    """For machines, as `echelon train` gives it for the business's own models."""
    return {
        "name": registered.name,
        "version": registered.version,
        "run_id": registered.run_id,
        "promoted": registered.promoted,
        "why": registered.why,
        "metrics": registered.metrics,
    }
