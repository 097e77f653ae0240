"""`echelon predict`: from a file to a file of predictions, without a database."""

from __future__ import annotations

import datetime as dt
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli import source_options as options
from api.cli.context import parse_day
from api.cli.source_options import LogOptions
from api.cli.sources import read_file, require_writable, write_file
from api.cli.terminal import JsonOption, Terminal

OF_LOGS = "--customer --time --amount --attributes --as-of --horizon-days --time-format"
OF_TABLES = "--label --positive --score --keep"


@dataclass(frozen=True)
class Common:
    """What both kinds of predictions are told."""

    out: Path
    allow_sensitive: bool
    seed: int
    minutes: float | None
    sheet: str | None
    encoding: str | None
    terminal: Terminal


def predict(
    out: Annotated[Path, typer.Option(help="Where the predictions go: .parquet or .csv.")],
    log: options.Log = None,
    customer: options.CustomerColumn = None,
    time: options.TimeColumn = None,
    amount: options.AmountColumn = None,
    attributes: options.Attributes = None,
    as_of: Annotated[
        str | None, typer.Option(help="Learn from the log up to and including this day.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=1825, help="Days after it to predict.")
    ] = None,
    time_format: options.TimeFormat = None,
    time_zone: options.TimeZone = "UTC",
    drop_duplicates: options.DropDuplicates = False,
    table: options.Table = None,
    label: options.Label = None,
    positive: options.Positive = None,
    score: Annotated[
        Path | None, typer.Option(help="The rows to predict, with the table's columns.")
    ] = None,
    keep: options.Keep = None,
    allow_sensitive: options.AllowSensitive = False,
    seed: Annotated[int, typer.Option(help="The same seed on the same file: the same out.")] = 0,
    minutes: options.Minutes = None,
    sheet: options.Sheet = None,
    encoding: options.Encoding = None,
    json: JsonOption = False,
) -> None:
    """Learn from a purchase log or a labelled table, and predict; no database is needed.

    With --log, for every customer seen by --as-of: customer_id, churn_probability (no purchase in
    the --horizon-days after it), expected_purchases, expected_spend, spend_low and spend_high (10 %
    and 90 %), extrapolated, reasons. With --table, for every row of --score: row (1 is the first),
    churn_probability, reasons.
    """
    given = {
        "--customer": customer, "--time": time, "--amount": amount, "--attributes": attributes,
        "--as-of": as_of, "--horizon-days": horizon_days, "--time-format": time_format,
        "--label": label, "--positive": positive, "--score": score, "--keep": keep,
    }  # fmt: skip
    common = Common(out, allow_sensitive, seed, minutes, sheet, encoding, Terminal(as_json=json))
    if (log is None) == (table is None):
        raise typer.BadParameter("Name one file to learn from: either --log or --table.")
    if log is not None:
        options.refuse(given, OF_TABLES, why="--log")
        options.require(given, "--customer --time --as-of --horizon-days", why="--log")
        zone = options.require_zone(time_zone)
        columns = (customer or "", time or "", amount, time_format, zone, drop_duplicates)
        day = parse_day(as_of, "--as-of") or dt.date.min
        _from_log(
            LogOptions(log, *columns, sheet, encoding), attributes, day, horizon_days or 0, common
        )
    elif table is not None and score is not None and label is not None:
        options.refuse(given, OF_LOGS, why="--table")
        _from_table(table, score, label, positive, tuple(keep or ()), common)
    else:
        options.require(given, "--label --score", why="--table")


def _from_log(
    source: LogOptions, attributes: Path | None, as_of: dt.date, horizon_days: int, common: Common
) -> None:
    from ml.logs.forecast import forecast_log

    require_writable(common.out, inputs=(source.path, attributes))
    started = clock.monotonic()
    with common.terminal.progress(f"Reading {source.path.name}") as steps:
        read = options.read_log(source)
        known = read_file(attributes, encoding=common.encoding) if attributes else None
        found = forecast_log(
            read.log,
            as_of=as_of,
            horizon_days=horizon_days,
            seed=common.seed,
            threads=options.threads(),
            progress=steps.say,
            attributes=known.table if known else None,
            attribute_customer=source.customer,
            allow_sensitive=common.allow_sensitive,
            seconds=common.minutes and common.minutes * 60,
        )
        write_file(found.table, common.out)
    notes = (*read.notes, *(known.notes if known else ()), *found.notes)
    summary = {
        "asOf": as_of,
        "horizonDays": horizon_days,
        "rowsRead": read.rows_read,
        "seconds": round(clock.monotonic() - started, 1),
    }
    _report(common, found.table.num_rows, "customers", read.dropped, notes, summary)


def _from_table(
    table: Path,
    score: Path,
    label: str,
    positive: str | None,
    keep: tuple[str, ...],
    common: Common,
) -> None:
    import pyarrow as pa

    from ml.logs.reason_texts import sentences
    from ml.tables import predict_table

    require_writable(common.out, inputs=(table, score))
    started = clock.monotonic()
    with common.terminal.progress(f"Reading {table.name}") as steps:
        taught = read_file(table, sheet=common.sheet, encoding=common.encoding)
        asked = read_file(score, sheet=common.sheet, encoding=common.encoding)
        found, notes = predict_table(
            taught.table,
            asked.table,
            label=label,
            positive=positive,
            allow_sensitive=common.allow_sensitive,
            keep=keep,
            seed=common.seed,
            threads=options.threads(),
            seconds=common.minutes and common.minutes * 60,
            progress=steps.say,
        )
        reasons = [sentences(each) for each in found["reasons"].to_pylist()]
        columns = {
            "row": asked.row_numbers,
            "churn_probability": found["churn_probability"],
            "reasons": reasons,
        }
        write_file(pa.table(columns), common.out)
    dropped = [*options.malformed_rows(taught), *options.malformed_rows(asked)]
    rows_read = taught.table.num_rows + len(taught.malformed)
    summary = {"rowsRead": rows_read, "seconds": round(clock.monotonic() - started, 1)}
    _report(common, found.num_rows, "rows", dropped, (*taught.notes, *asked.notes, *notes), summary)


def _report(
    common: Common,
    count: int,
    what: str,
    dropped: list[dict[str, Any]],
    notes: tuple[str, ...],
    summary: Mapping[str, Any],
) -> None:
    options.tell(common.terminal, dropped, notes)
    common.terminal.say(
        f"Predicted {count:,} {what} in {summary['seconds']:.0f} s from {summary['rowsRead']:,} "
        f"rows: {common.out}"
    )
    common.terminal.result(
        {"out": str(common.out), what: count, **summary, "dropped": dropped, "notes": list(notes)}
    )
