"""The options that say which columns of a file mean what; shared by the commands that read one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from api.cli.sources import ReadFile, read_file
from api.cli.terminal import Terminal

if TYPE_CHECKING:
    from ml.logs.purchase_log import PurchaseLog

FORMS = "CSV (any usual separator, also .gz), Parquet, Excel or JSON lines"
EXAMPLES = 5
OF_LOGS = "--customer --time --amount --attributes --time-format --drop-duplicates"
OF_TABLES = "--label --positive --keep"
OF_FILES = "--allow-sensitive --sheet --encoding"
NO_LIMIT = "--minutes changes nothing here: a back-test on purchases takes what it needs."

Log = Annotated[
    Path | None, typer.Option(help=f"A purchase log, one purchase or line a row: {FORMS}.")
]
CustomerColumn = Annotated[str | None, typer.Option(help="The log's column of customers.")]
TimeColumn = Annotated[str | None, typer.Option(help="The log's column of days or moments.")]
AmountColumn = Annotated[
    str | None,
    typer.Option(help="The log's column of amounts; negative ones are returns. Default: none."),
]
Attributes = Annotated[
    Path | None,
    typer.Option(help="A row a customer, whose column is named as in the log: what else is known."),
]
TimeFormat = Annotated[
    str | None,
    typer.Option(
        help="How times are written, such as %d/%m/%Y, epoch-seconds or excel-days. Default: as "
        "the column itself tells."
    ),
]
TimeZone = Annotated[
    str, typer.Option(help="Where days begin and end, and where times without an offset are from.")
]
DropDuplicates = Annotated[
    bool, typer.Option("--drop-duplicates", help="Leave out rows that repeat another in full.")
]
Table = Annotated[Path | None, typer.Option(help=f"A labelled table, one customer a row: {FORMS}.")]
Label = Annotated[str | None, typer.Option(help="The table's column that says who left.")]
Positive = Annotated[
    str | None,
    typer.Option(help="The label's value that means left. Default: one of yes, true, 1, ..."),
]
Keep = Annotated[
    list[str] | None,
    typer.Option(help="A column to learn from though it looks like a leak; repeat it."),
]
AllowSensitive = Annotated[
    bool,
    typer.Option("--allow-sensitive", help="Learn from age, gender, origin and the like, too."),
]
Sheet = Annotated[str | None, typer.Option(help="Of a workbook. Default: the first that is shown.")]
Encoding = Annotated[
    str | None, typer.Option(help="Such as latin-1. Default: UTF-8 or GB18030, as it is found.")
]
Minutes = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        help="About how long learning may take; with little time less is searched for. Default: as "
        "long as it needs.",
    ),
]


@dataclass(frozen=True)
class LogOptions:
    path: Path
    customer: str
    time: str
    amount: str | None
    time_format: str | None
    time_zone: str
    drop_duplicates: bool
    sheet: str | None
    encoding: str | None


@dataclass(frozen=True)
class CleanLog:
    """A log that was read, and what was left out of it: for people and for machines."""

    log: PurchaseLog
    rows_read: int
    dropped: list[dict[str, Any]]
    notes: tuple[str, ...]


def threads() -> int:
    """The cores that this process may use: nothing is read from the environment here."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def require(given: Mapping[str, object], needed: str, *, why: str) -> None:
    """Exit code 2 unless all the options named are given.

    `given` holds options by their names, None where they aren't.
    """
    missing = [name for name in needed.split() if given[name] in (None, [])]
    if missing:
        raise typer.BadParameter(f"{why} also needs {', '.join(missing)}.")


def refuse(given: Mapping[str, object], unfit: str, *, why: str) -> None:
    """Exit code 2 if any of the options named is given."""
    wrong = [name for name in unfit.split() if given.get(name) not in (None, False, [])]
    if wrong:
        raise typer.BadParameter(f"{', '.join(wrong)} can't go with {why}.")


def what_to_learn_from(
    given: Mapping[str, object], log: Path | None, table: Path | None, name: str
) -> Literal["facts", "log", "table"]:
    """What a command that knows all three is to learn from; exit code 2 on options that don't fit.

    `given` holds every option that only some of them take.
    """
    if log is not None and table is not None:
        raise typer.BadParameter("Name one file to learn from: either --log or --table.")
    if log is not None:
        refuse(given, OF_TABLES, why="--log")
        require(given, "--customer --time", why="--log")
        return "log"
    if table is not None:
        refuse(given, f"{OF_LOGS} --as-of --horizon-days", why="--table")
        require(given, "--label", why="--table")
        if name == "clv":
            raise typer.BadParameter("A labelled table teaches churn only.")
        return "table"
    refuse(given, f"{OF_LOGS} {OF_TABLES} {OF_FILES}", why="the business's own facts")
    return "facts"


def require_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{name!r} is no time zone, such as Europe/Berlin"
        raise typer.BadParameter(message, param_hint="--time-zone") from None


def read_log(options: LogOptions) -> CleanLog:
    """Read and clean the log that the options name."""
    from ml.logs.purchase_log import clean_log

    file = read_file(options.path, sheet=options.sheet, encoding=options.encoding)
    log = clean_log(
        file.table,
        customer=options.customer,
        time=options.time,
        amount=options.amount,
        time_zone=options.time_zone,
        time_format=options.time_format,
        row_numbers=file.row_numbers,
        drop_duplicates=options.drop_duplicates,
    )
    dropped = [*malformed_rows(file)] + [
        {"reason": each.reason, "rows": each.rows, "examples": list(each.examples)}
        for each in log.dropped
    ]
    rows_read = file.table.num_rows + len(file.malformed)
    return CleanLog(log, rows_read, dropped, file.notes)


def malformed_rows(file: ReadFile) -> list[dict[str, Any]]:
    """Rows that are no rows, by reason, as `dropped` lists the others."""
    found: dict[str, list[int]] = {}
    for number, reason in file.malformed:
        found.setdefault(reason, []).append(number)
    return [
        {"reason": reason, "rows": len(rows), "examples": rows[:EXAMPLES]}
        for reason, rows in found.items()
    ]


def tell(terminal: Terminal, dropped: list[dict[str, Any]], notes: tuple[str, ...]) -> None:
    """Say what was left out and what was assumed."""
    for each in dropped:
        shown = ", ".join(map(str, each["examples"]))
        more = ", ..." if each["rows"] > len(each["examples"]) else ""
        terminal.note(f"Left out {each['rows']:,} rows: {each['reason']} (rows {shown}{more})")
    for note in notes:
        terminal.note(note)
