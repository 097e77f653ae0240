"""`echelon models`: compare, promote."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.context import open_installation
from api.cli.terminal import JsonOption, Terminal
from api.db.champions import list_known

app = typer.Typer(help="List models and choose the champion.", no_args_is_help=True)


@app.command("list")
def list_models(json: JsonOption = False) -> None:
    """Every model trained here, newest first; the champion is marked."""
    terminal = Terminal(as_json=json)
    known = list_known(open_installation().engine)
    rows = [
        [
            f"{model.name}/{model.version}",
            "champion" if model.champion else "",
            f"{model.horizon_days} d",
            model.trained_as_of.isoformat(),
        ]
        for model in known
    ]
    if rows:
        terminal.table(["model", "", "horizon", "trained as of"], rows)
    else:
        terminal.say("No model yet. Train both: echelon train")
    terminal.result([asdict(model) for model in known])


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="churn or clv.")],
    version: Annotated[int, typer.Argument(help="A version from `echelon models list`.")],
    json: JsonOption = False,
) -> None:
    """Make a version the champion; `echelon refresh` uses it from then on."""
    from api.champions import promote_model

    terminal = Terminal(as_json=json)
    place = open_installation()
    promote_model(place.engine, place.settings, name, version)
    terminal.say(f"{name}/{version} is the champion. Publish with it: echelon refresh")
    terminal.result({"name": name, "version": version})
