"""`echelon mine`: what to offer, by which channel, who is alike, what drives churn, what helps."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.context import now
from api.cli.mining_output import (
    AsOf,
    By,
    Customer,
    ExcludeDays,
    Language,
    Out,
    Top,
    open_facts,
    show,
)
from api.cli.terminal import JsonOption
from api.cli.trail import CommandTrail

app = typer.Typer(
    help="Products to offer, channels to use, groups, causes of churn, hints, who is due.",
    no_args_is_help=True,
)


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
    terminal, mine = open_facts(
        "Looking for products to offer", as_of, customer, language, out, json
    )
    if evaluate:
        judged = [asdict(each) for each in mine.judge_products(exclude_days=exclude_days)]
        show(terminal, judged, out)
        return
    show(terminal, mine.products(top=top, only_new=new, exclude_days=exclude_days), out)


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
    terminal, mine = open_facts("Looking for channels", as_of, customer, language, out, json)
    show(terminal, mine.channels(top=top), out)


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
    terminal, mine = open_facts("Looking for groups", as_of, customer, language, out, json)
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
        show(terminal, mine.group_rows(found), out)
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

    terminal, mine = open_facts("Looking for what drives churn", as_of, None, language, out, json)
    show(terminal, churn_drivers(mine, by, top=top), out)


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

    terminal, mine = open_facts("Comparing", as_of, None, "en", out, json)
    rows = group_differences(mine, by, ours, theirs, what=what, top=top)
    show(terminal, rows, out)


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

    terminal, mine = open_facts("Looking at orders", as_of, None, "en", out, json)
    show(terminal, bought_together(mine, by, ours, what=what, top=top), out)


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
    terminal, mine = open_facts("Trying what helps", as_of, customer, language, out, json)
    show(terminal, mine.hints(threshold=threshold), out)


@app.command()
def levers(
    as_of: AsOf = None, customer: Customer = None, out: Out = None, json: JsonOption = False
) -> None:
    """What each customer's value consists of, and what a tenth more of each part would add."""
    from api.outlook import value_levers

    terminal, mine = open_facts("Taking values apart", as_of, customer, "en", out, json)
    show(terminal, value_levers(mine), out)


@app.command()
def due(
    as_of: AsOf = None, customer: Customer = None, out: Out = None, json: JsonOption = False
) -> None:
    """When each customer is expected next, the overdue first."""
    from api.outlook import due_customers

    terminal, mine = open_facts("Looking for who is due", as_of, customer, "en", out, json)
    show(terminal, due_customers(mine), out)


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

    terminal, mine = open_facts("Mining", as_of, None, "en", None, json)
    trail = CommandTrail(mine.engine, mine.settings, now)
    trail.say("mine publish", {"state": "begun"})
    with terminal.progress("Mining") as steps:
        report = publish_mine(mine, threshold=threshold, clock=now, progress=steps.say)
    trail.say("mine publish", {"state": "published", "changed": report.changed})
    for reason in report.lacking:
        terminal.note(reason)
    terminal.say(
        f"Published as of {report.as_of}: products for {report.products:,} customers, channels for "
        f"{report.channels:,}, hints for {report.hints:,}; {report.groups:,} are in groups. "
        f"{report.changed:,} changed."
    )
    terminal.result(asdict(report))
