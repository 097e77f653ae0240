"""`echelon export-schema`: the GraphQL schema as text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.terminal import JsonOption, Terminal


def export_schema(
    out: Annotated[Path | None, typer.Option(help="Write to this file, not to the screen.")] = None,
    json: JsonOption = False,
) -> None:
    """Print the GraphQL schema in its definition language."""
    from api.graphql.schema import sdl

    terminal = Terminal(as_json=json)
    text = sdl()
    if out is not None:
        out.write_text(text, encoding="utf-8")
        terminal.say(f"Wrote {out}.")
    elif not json:
        typer.echo(text, nl=False)
    terminal.result({"sdl": text, "file": str(out) if out else None})
