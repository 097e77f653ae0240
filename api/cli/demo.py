"""`echelon demo`: a year of real grocery purchases, from import to a running server."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.terminal import JsonOption, Terminal


def demo(
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve when everything is ready.")
    ] = True,
    json: JsonOption = False,
) -> None:
    """Set up a whole installation on a year of real grocery purchases, and serve it.

    Interrupted anywhere, the next run goes on from there; a run that finds everything done
    changes nothing and serves at once.
    """
    from api.cli.demo_steps import run

    run(Terminal(as_json=json), serve=serve)
