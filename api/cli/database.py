"""`echelon db`: create the database, migrate it, take a migration back."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.context import open_installation
from api.cli.terminal import JsonOption, Terminal
from api.db.databases import has_schema
from api.db.engine import make_engine
from api.db.schema import LATEST_REVISION
from api.db.schema import downgrade as downgrade_schema
from api.db.schema import upgrade as upgrade_schema

app = typer.Typer(help="Create and migrate the database.", no_args_is_help=True)


@app.command()
def upgrade(json: JsonOption = False) -> None:
    """Create the database, or bring it to this version's schema; the one of test keys too."""
    terminal = Terminal(as_json=json)
    place = open_installation(migrated=False)
    upgrade_schema(place.engine, place.settings)
    place.trail.say("db upgrade", {"schema": LATEST_REVISION})
    test = place.settings.of_test_realm()
    beside = make_engine(test.resolved_database_url)
    if has_schema(beside):
        upgrade_schema(beside, test)
    shown = place.engine.url.render_as_string(hide_password=True)
    terminal.say(f"The database {shown} is at schema {LATEST_REVISION}.")
    terminal.result({"database": shown, "schema": LATEST_REVISION})


@app.command()
def downgrade(
    revision: Annotated[
        str, typer.Argument(help="The revision to go back to; `base` removes all.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: tables and their rows go.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Take migrations back. What their tables held is lost: back up first."""
    terminal = Terminal(as_json=json)
    place = open_installation(migrated=False)
    if not yes:
        typer.confirm("This removes tables with everything in them. Go on?", abort=True, err=True)
    downgrade_schema(place.engine, revision)
    terminal.say(f"The database is at schema {revision}.")
    terminal.result({"schema": revision})
