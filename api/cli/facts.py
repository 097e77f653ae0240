"""`echelon import`: facts from CSV, Parquet or JSON lines into the database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import JsonOption, Terminal

KINDS = (
    "customers, identifiers, attributes, referrals, consents, products, orders, order_lines, "
    "interactions, feedback, purchase_intents, invoices, service_costs, account_balances, "
    "exchange_rates"
)
"""As `api.intake` declares them; spelled out so that help needs none of it."""


def import_(
    kind: Annotated[str, typer.Argument(help=f"What the rows are: {KINDS}.")],
    file: Annotated[Path, typer.Argument(help="CSV (also .gz), Parquet or JSON lines.")],
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
    json: JsonOption = False,
) -> None:
    """Import facts. Good rows go in, bad rows go to a file with row number and reason.

    Importing a file again is harmless: what is there already stays as it is.
    """
    from api.cli.context import now, open_installation, parse_pairs
    from api.intake import import_facts

    terminal = Terminal(as_json=json)
    pairs = parse_pairs(mapping or [], "--map")
    place = open_installation()
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
        )
    terminal.say(
        f"{report.rows_read:,} rows read in {report.seconds:.1f} s: {report.added:,} added, "
        f"{report.changed:,} changed, {report.unchanged:,} known already, "
        f"{report.rejected:,} rejected."
    )
    if report.quarantine_path is not None:
        terminal.say(f"Rejected rows, each with its reason: {report.quarantine_path}")
    terminal.result(
        {
            "kind": kind,
            "rowsRead": report.rows_read,
            "added": report.added,
            "changed": report.changed,
            "unchanged": report.unchanged,
            "rejected": report.rejected,
            "quarantine": str(report.quarantine_path) if report.quarantine_path else None,
            "seconds": round(report.seconds, 3),
        }
    )
