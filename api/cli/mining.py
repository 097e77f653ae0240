"""`echelon mine`: what to offer, by which channel, who is alike, what drives churn, what helps."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.sources import require_writable, write_file
from api.cli.terminal import JsonOption, Terminal
from api.errors import InvalidInput

if TYPE_CHECKING:
    from api.mining import Mine

app = typer.Typer(
    help="Products to offer, channels to use, groups of customers, causes of churn, hints.",
    no_args_is_help=True,
)
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


@app.command()
def products(
    as_of: AsOf = None,
    customer: Customer = None,
    top: Top = 10,
    new: Annotated[bool, typer.Option("--new", help="Only what they never bought.")] = False,
    exclude_days: ExcludeDays = 7,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Judge them on the last four weeks instead.")
    ] = False,
    language: Language = "en",
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """What to offer each customer next, and why."""
    terminal, mine = _open("Looking for products to offer", as_of, customer, language, out, json)
    if evaluate:
        judged = [asdict(each) for each in mine.judge_products(exclude_days=exclude_days)]
        _show(terminal, judged, out)
        return
    _show(terminal, mine.products(top=top, only_new=new, exclude_days=exclude_days), out)


@app.command()
def channels(
    as_of: AsOf = None,
    customer: Customer = None,
    top: Top = 3,
    language: Language = "en",
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """By which channel to reach each customer, and what says so."""
    terminal, mine = _open("Looking for channels", as_of, customer, language, out, json)
    _show(terminal, mine.channels(top=top), out)


@app.command()
def groups(
    as_of: AsOf = None,
    customer: Customer = None,
    count: Annotated[
        int | None, typer.Option(min=2, max=20, help="How many groups. Default: what is stable.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="The same seed on the same facts: the same groups.")
    ] = 0,
    language: Language = "en",
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """Customers alike in many aspects, in named groups that carry on from the last run's."""
    terminal, mine = _open("Looking for groups", as_of, customer, language, out, json)
    found = mine.groups(count=count, seed=seed)
    rows = [
        {
            "group": group.key,
            "name": group.name(mine.language),
            "customers": group.size,
            "sets_apart": {key: value for key, value in group.deviation.items() if value},
        }
        for group in found.groups
    ]
    if customer or out:
        _show(terminal, mine.group_rows(found), out)
        return
    table = [[each["group"], each["name"], f"{each['customers']:,}"] for each in rows]
    terminal.table(["group", "name", "customers"], [[str(cell) for cell in row] for row in table])
    if found.asleep:
        terminal.say(f"{found.asleep:,} bought nothing for a year and are in no group.")
    if found.moved is not None:
        terminal.say(f"{found.moved:.1%} are in another group than on the last run.")
    terminal.result({"groups": rows, "asleep": found.asleep, "moved": found.moved})


@app.command()
def drivers(
    by: By = "group",
    as_of: AsOf = None,
    top: Top = 5,
    language: Language = "en",
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """What drives churn in each part of the customers, compared with the others."""
    from api.causes import churn_drivers

    terminal, mine = _open("Looking for what drives churn", as_of, None, language, out, json)
    _show(terminal, churn_drivers(mine, by, top=top), out)  # type: ignore[arg-type]


@app.command()
def differences(
    ours: Annotated[str, typer.Argument(help="A group, tier, segment or stage, by its key.")],
    theirs: Annotated[
        str | None, typer.Argument(help="Another one. Default: everybody else.")
    ] = None,
    by: By = "group",
    what: Annotated[str, typer.Option(help="department, brand or product.")] = "department",
    as_of: AsOf = None,
    top: Top = 10,
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """What some customers buy more or less than others, surest first."""
    from api.causes import group_differences

    terminal, mine = _open("Comparing", as_of, None, "en", out, json)
    rows = group_differences(mine, by, ours, theirs, what=what, top=top)  # type: ignore[arg-type]
    _show(terminal, rows, out)


@app.command()
def together(
    ours: Annotated[str, typer.Argument(help="A group, tier, segment or stage, by its key.")],
    by: By = "group",
    what: Annotated[str, typer.Option(help="department, brand or product.")] = "department",
    as_of: AsOf = None,
    top: Top = 10,
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """What some customers buy in one order more often than chance."""
    from api.causes import bought_together

    terminal, mine = _open("Looking at orders", as_of, None, "en", out, json)
    _show(terminal, bought_together(mine, by, ours, what=what, top=top), out)  # type: ignore[arg-type]


@app.command()
def hints(
    as_of: AsOf = None,
    customer: Customer = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Only customers whose risk is at least this.")
    ] = 0.5,
    language: Language = "en",
    out: Out = None,
    json: JsonOption = False,
) -> None:
    """What would lower the churn risk of customers most, scored again by the model itself."""
    terminal, mine = _open("Trying what helps", as_of, customer, language, out, json)
    _show(terminal, mine.hints(threshold=threshold), out)


@app.command()
def publish(
    as_of: AsOf = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Hints for customers whose risk is at least this.")
    ] = 0.5,
    json: JsonOption = False,
) -> None:
    """Find products, channels, groups and hints of everybody, and serve them over GraphQL."""
    from api.findings import publish_mine

    terminal, mine = _open("Mining", as_of, None, "en", None, json)
    with terminal.progress("Mining") as steps:
        report = publish_mine(mine, threshold=threshold, clock=now, progress=steps.say)
    for reason in report.lacking:
        terminal.note(reason)
    terminal.say(
        f"Published as of {report.as_of}: products for {report.products:,} customers, channels for "
        f"{report.channels:,}, hints for {report.hints:,}; {report.groups:,} are in groups. "
        f"{report.changed:,} changed."
    )
    terminal.result(asdict(report))


def _open(
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
        language=language,  # type: ignore[arg-type]
        clock=now,
    )
    return terminal, mine


def _show(terminal: Terminal, rows: list[dict[str, Any]], out: Path | None) -> None:
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
