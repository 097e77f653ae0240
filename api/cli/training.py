"""`echelon train`: teach a model, judge it, register it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from api.cli import source_options as options
from api.cli.context import now, open_installation, parse_day
from api.cli.source_options import LogOptions
from api.cli.terminal import JsonOption, Terminal
from api.db.champions import MODEL_NAMES, ModelName
from api.errors import InvalidInput


def train(
    name: Annotated[str, typer.Argument(help="churn, clv, or all for both.")] = "all",
    as_of: Annotated[
        str | None, typer.Option(help="Train on facts up to and including this day.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=1825, help="Days to look ahead; default: as installed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed on the same facts: the same model.")] = 0,
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
    named: Annotated[
        str | None,
        typer.Option("--name", help="Of a file's model in MLflow. Default: churn-FILE, clv-FILE."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train models, back-test them and register them in MLflow.

    Learns from the business's own facts; or with --log from a purchase log, with --table from a
    labelled table. Those need no database, and their models get names of their own.
    """
    from api.cli.file_training import train_on_log, train_on_table

    chosen = tuple(each for each in MODEL_NAMES if name in (each, "all"))
    if not chosen:
        raise InvalidInput(f"There is no model {name!r}. Choose churn, clv or all.")
    given: dict[str, object] = {
        "--customer": customer, "--time": time, "--amount": amount, "--attributes": attributes,
        "--as-of": as_of, "--horizon-days": horizon_days, "--time-format": time_format,
        "--drop-duplicates": drop_duplicates, "--label": label, "--positive": positive,
        "--keep": keep, "--name": named, "--allow-sensitive": allow_sensitive, "--sheet": sheet,
        "--encoding": encoding,
    }  # fmt: skip
    terminal = Terminal(as_json=json)
    day = parse_day(as_of, "--as-of")
    what = options.what_to_learn_from(given, log, table, name)
    if log is not None and what == "log":
        zone = options.require_zone(time_zone)
        columns = (customer or "", time or "", amount, time_format, zone, drop_duplicates)
        train_on_log(
            terminal, LogOptions(log, *columns, sheet, encoding), chosen, attributes=attributes,
            as_of=day, horizon_days=horizon_days, seed=seed, name=named,
            allow_sensitive=allow_sensitive, minutes=minutes,
        )  # fmt: skip
    elif table is not None:
        train_on_table(
            terminal, table, label=label or "", positive=positive, keep=tuple(keep or ()),
            allow_sensitive=allow_sensitive, seed=seed, minutes=minutes, name=named, sheet=sheet,
            encoding=encoding,
        )  # fmt: skip
    else:
        options.refuse(given, "--name", why="the business's own facts")
        _on_facts(terminal, chosen, day, horizon_days, seed, minutes)


def _on_facts(
    terminal: Terminal,
    chosen: tuple[ModelName, ...],
    as_of: dt.date | None,
    horizon_days: int | None,
    seed: int,
    minutes: float | None,
) -> None:
    from api.champions import train_model

    place = open_installation()
    reports = []
    for each in chosen:
        with terminal.progress(f"Training {each}") as steps:
            report = train_model(
                place.engine,
                place.settings,
                each,
                as_of=as_of,
                horizon_days=horizon_days,
                seed=seed,
                seconds=minutes and minutes * 60 / len(chosen),
                clock=now,
                progress=steps.say,
            )
        reports.append(asdict(report))
        tell_model(terminal, reports[-1])
    terminal.result(reports)


def tell_model(terminal: Terminal, report: Mapping[str, Any]) -> None:
    """A registered model and its numbers, for people."""
    state = "champion" if report["promoted"] else "challenger"
    terminal.say(f"{report['name']}/{report['version']} is {state}: {report['why']}")
    numbers = [[key, f"{value:.4f}"] for key, value in sorted(report["metrics"].items())]
    terminal.table(["metric", "holdout"], numbers)
