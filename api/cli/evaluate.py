"""`echelon evaluate`: how good the models are at several past days, against every baseline."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import source_options as options
from api.cli.context import now, open_installation, parse_day
from api.cli.source_options import LogOptions
from api.cli.terminal import JsonOption, Terminal
from api.db.champions import MODEL_NAMES, ModelName
from api.errors import InvalidInput

if TYPE_CHECKING:
    from api.evaluations import EvaluationReport


def evaluate(
    name: Annotated[str, typer.Argument(help="churn or clv.")],
    as_of: Annotated[
        str | None, typer.Option(help="Use facts up to and including this day.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=1825, help="Days to look ahead; default: as installed.")
    ] = None,
    origins: Annotated[int, typer.Option(min=1, max=24, help="Past days to test at.")] = 3,
    seed: Annotated[
        int, typer.Option(help="The same seed on the same facts: the same report.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The HTML page to write; default: NAME-report.html here.")
    ] = None,
    log: options.Log = None,
    customer: options.CustomerColumn = None,
    time: options.TimeColumn = None,
    amount: options.AmountColumn = None,
    attributes: options.Attributes = None,
    time_format: options.TimeFormat = None,
    time_zone: options.TimeZone = "UTC",
    drop_duplicates: options.DropDuplicates = False,
    table: options.Table = None,
    label: options.Label = None,
    positive: options.Positive = None,
    keep: options.Keep = None,
    allow_sensitive: options.AllowSensitive = False,
    minutes: options.Minutes = None,
    sheet: options.Sheet = None,
    encoding: options.Encoding = None,
    json: JsonOption = False,
) -> None:
    """Back-test a model at several past origins; write one HTML page and an MLflow run.

    On the business's own facts; or with --log on a purchase log, with --table, by
    cross-validation, on a labelled table. Those need no database.
    """
    from api.cli.file_evaluation import evaluate_log, evaluate_table

    terminal = Terminal(as_json=json)
    chosen = next((each for each in MODEL_NAMES if each == name), None)
    if chosen is None:
        raise InvalidInput(f"There is no model {name!r}. Choose churn or clv.")
    given: dict[str, object] = {
        "--customer": customer, "--time": time, "--amount": amount, "--attributes": attributes,
        "--time-format": time_format, "--drop-duplicates": drop_duplicates, "--as-of": as_of,
        "--horizon-days": horizon_days, "--label": label, "--positive": positive, "--keep": keep,
        "--allow-sensitive": allow_sensitive, "--sheet": sheet,
        "--encoding": encoding,
    }  # fmt: skip
    what = options.what_to_learn_from(given, log, table, name)
    if minutes is not None and what != "table":
        terminal.note(options.NO_LIMIT)
    day, page = parse_day(as_of, "--as-of"), out or Path(f"{name}-report.html")
    if log is not None and what == "log":
        zone = options.require_zone(time_zone)
        columns = (customer or "", time or "", amount, time_format, zone, drop_duplicates)
        report = evaluate_log(
            terminal, LogOptions(log, *columns, sheet, encoding), chosen, attributes=attributes,
            as_of=day, horizon_days=horizon_days, origins=origins, seed=seed, page=page,
            allow_sensitive=allow_sensitive,
        )  # fmt: skip
    elif table is not None:
        report = evaluate_table(
            terminal, table, label=label or "", positive=positive, keep=tuple(keep or ()),
            allow_sensitive=allow_sensitive, page=page, minutes=minutes, sheet=sheet,
            encoding=encoding,
        )  # fmt: skip
    else:
        report = _on_facts(terminal, chosen, day, horizon_days, origins, seed, page)
    show(terminal, report.document)
    terminal.say(f"\n{report.summary}")
    terminal.say(f"Report: {report.page}   MLflow run: {report.run_id}")
    terminal.result(
        {"report": str(report.page), "run_id": report.run_id, "summary": report.summary}
        | report.document
    )


def _on_facts(
    terminal: Terminal,
    name: ModelName,
    day: dt.date | None,
    horizon_days: int | None,
    origins: int,
    seed: int,
    page: Path,
) -> EvaluationReport:
    from api.evaluations import evaluate_model

    place = open_installation()
    with terminal.progress(f"Evaluating {name}") as steps:
        return evaluate_model(
            place.engine,
            place.settings,
            name,
            as_of=day,
            horizon_days=horizon_days,
            origins=origins,
            seed=seed,
            page=page,
            clock=now,
            progress=steps.say,
        )


def show(terminal: Terminal, document: dict[str, Any]) -> None:
    """All methods on all origins together."""
    methods: dict[str, dict[str, dict[str, float]]] = document["pooled"]["methods"]
    metrics = list(next(iter(methods.values())))
    rows = [
        [method, *(_cell(found.get(metric)) for metric in metrics)]
        for method, found in methods.items()
    ]
    terminal.table(["method", *metrics], rows)


def _cell(found: dict[str, float] | None) -> str:
    if found is None:
        return ""
    return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
