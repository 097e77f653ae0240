"""What every `echelon mine` command shares: its options, the facts it opens, how it shows rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.sources import require_writable, write_file
from api.cli.terminal import Terminal
from api.errors import InvalidInput

if TYPE_CHECKING:
    from api.mining import Mine

AsOf = Annotated[
    str | None,
    typer.Option(help="Look at facts up to and including this day. Default: the last refresh's."),
]
Customer = Annotated[
    str | None, typer.Option(help="One customer only, by the id of your own systems.")
]
Out = Annotated[Path | None, typer.Option(help="Write all rows to a file: .csv or .parquet.")]
Language = Annotated[str, typer.Option(help="Of the texts: en or zh.")]
Top = Annotated[int, typer.Option(min=1, max=100, help="So many for each.")]
By = Annotated[str, typer.Option(help="What divides customers: group, tier, segment, lifecycle.")]
ExcludeDays = Annotated[
    float,
    typer.Option(
        min=0, help="Don't offer what was bought so recently, or half a cycle ago if that's sooner."
    ),
]
SHOWN = 30


def open_facts(
    step: str, as_of: str | None, customer: str | None, language: str, out: Path | None, json: bool
) -> tuple[Terminal, Mine]:
    from api.mining import open_mine

    terminal = Terminal(as_json=json)
    day = parse_day(as_of, "--as-of")
    if language not in ("en", "zh"):
        raise InvalidInput(f"--language is en or zh, not {language!r}.")
    if out is not None:
        require_writable(out, inputs=())
    place = open_installation()
    terminal.note(step)
    mine = open_mine(
        place.engine,
        place.settings,
        as_of=day,
        customer=customer,
        language="zh" if language == "zh" else "en",
        clock=now,
    )
    return terminal, mine


def show(terminal: Terminal, rows: list[dict[str, Any]], out: Path | None) -> None:
    """To the file that was asked for, else the first rows to people and all of them to machines."""
    if out is not None:
        import pyarrow as pa

        flat = [
            {
                name: " + ".join(cell) if isinstance(cell, list) else cell
                for name, cell in row.items()
            }
            for row in rows
        ]
        write_file(pa.Table.from_pylist(flat), out)
        terminal.say(f"{len(rows):,} rows are in {out}.")
        terminal.result({"rows": len(rows), "out": str(out)})
        return
    if rows:
        names = [name for name in rows[0] if name != "actions"]
        shown = [[_cell(row[name]) for name in names] for row in rows[:SHOWN]]
        terminal.table([name.replace("_", " ") for name in names], shown)
        if len(rows) > SHOWN:
            terminal.say(f"... and {len(rows) - SHOWN:,} more: --out FILE.csv writes them all.")
    else:
        terminal.say("Nothing found.")
    terminal.result(rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
