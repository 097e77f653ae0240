"""`echelon import`: facts from files into the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.failures import INTERRUPTED, interrupted
from api.cli.terminal import JsonOption, Terminal

if TYPE_CHECKING:
    from api.intake import ImportReport

KINDS = (
    "customers, identifiers, attributes, referrals, consents, products, orders, order_lines, "
    "interactions, feedback, purchase_intents, invoices, service_costs, account_balances, "
    "exchange_rates"
)
"""As `api.intake` declares them; spelled out so that help needs none of it."""


def import_(
    kind: Annotated[str, typer.Argument(help=f"What the rows are: {KINDS}.")],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV (also .gz), Parquet, Excel or JSON lines. Without a file: the kind's columns."
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="THEIRS=OURS",
            help="A column's name in the file and here; repeat it. `attributes.NAME` makes a "
            "custom attribute, an empty right side leaves the column out.",
        ),
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Where bad rows go. Default: a new file in the data folder.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The system the facts come from. Default: the file's name.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Such as latin-1. Default: UTF-8 or GB18030, as it is found.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(help="Of a workbook. Default: the first that is shown.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Import facts. Good rows go in, bad rows go to a file with row number and reason.

    Importing a file again is harmless: what is there already stays as it is. Exit code 1 if no
    row could be used.
    """
    from api.cli.context import now, open_installation, parse_pairs
    from api.cli.exports import prepare
    from api.intake import import_facts

    terminal = Terminal(as_json=json)
    if file is None:
        _explain(terminal, kind)
        return
    pairs = parse_pairs(mapping or [], "--map")
    place = open_installation()
    place.trail.say("import", {"kind": kind, "state": "begun"})
    try:
        with terminal.progress(f"Importing {file.name}") as steps:
            report = import_facts(
                place.engine,
                place.url,
                place.settings,
                kind=kind,
                source=file,
                mapping=pairs,
                quarantine=quarantine,
                origin=source or file.name,
                clock=now,
                progress=steps.say,
                encoding=encoding,
                sheet=sheet,
            )
    except BaseException as error:
        if not interrupted(error):
            raise
        terminal.note("Stopped. What was imported stays; import the file again to go on.")
        raise typer.Exit(INTERRUPTED) from None
    counts = {"added": report.added, "changed": report.changed, "rejected": report.rejected}
    place.trail.say("import", {"kind": kind, "state": "done", **counts})
    if kind == "consents":
        # Whoever took theirs back is not to stay in files until the next refresh.
        prepare(place, terminal)
    _tell(terminal, kind, report)
    if report.rejected and report.rejected == report.rows_read:
        raise typer.Exit(1)


def _explain(terminal: Terminal, kind: str) -> None:
    """What a kind's file may hold."""
    from api.intake import kind_named

    declared = kind_named(kind)
    terminal.say(f"{declared.label}. A row is known again by {', '.join(declared.key)}.\n")
    terminal.table(
        ["column", "", "type", "what it is"],
        [
            [
                field.name,
                "required" if field.required else "",
                " | ".join(field.allowed) or field.type,
                field.label,
            ]
            for field in declared.fields
        ],
    )
    if declared.takes_attributes:
        terminal.say("\nOther columns become custom attributes: --map THEIRS=attributes.NAME")
    terminal.result(
        {
            "kind": declared.name,
            "key": list(declared.key),
            "fields": [
                {
                    "name": field.name,
                    "type": field.type,
                    "required": field.required,
                    "allowed": list(field.allowed),
                    "description": field.label,
                }
                for field in declared.fields
            ],
        }
    )


def _tell(terminal: Terminal, kind: str, report: ImportReport) -> None:
    terminal.say(
        f"{report.rows_read:,} rows read in {report.seconds:.1f} s: {report.added:,} added, "
        f"{report.changed:,} changed, {report.unchanged:,} known already, "
        f"{report.rejected:,} rejected."
    )
    if report.encoding not in ("", "utf-8"):
        terminal.say(f"Read as {report.encoding}; if that is wrong, name another with --encoding.")
    for row, reason in report.first_reasons:
        terminal.say(f"  row {row}: {reason}")
    if report.quarantine_path is not None:
        terminal.say(f"Rejected rows, each with its reason: {report.quarantine_path}")
    terminal.result(
        {
            "kind": kind,
            "encoding": report.encoding or None,
            "rowsRead": report.rows_read,
            "added": report.added,
            "changed": report.changed,
            "unchanged": report.unchanged,
            "rejected": report.rejected,
            "firstReasons": [
                {"row": row, "reason": reason} for row, reason in report.first_reasons
            ],
            "quarantine": str(report.quarantine_path) if report.quarantine_path else None,
            "seconds": round(report.seconds, 3),
        }
    )
