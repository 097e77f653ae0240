"""`echelon policy`: check a tier policy, and make it the active one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.context import now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.db.catalogue import activate_policy
from api.db.installation import read_installation
from api.documents import read_document

app = typer.Typer(help="Check and activate tier policies.", no_args_is_help=True)
PolicyFile = Annotated[Path, typer.Argument(help="A policy document in YAML or JSON.")]


@app.command()
def check(file: PolicyFile, json: JsonOption = False) -> None:
    """Say whether a policy document is sound, and if not, where and why."""
    from api.domain.tiers import parse_policy

    terminal = Terminal(as_json=json)
    document = read_document(file)
    policy = parse_policy(document, exponent=2).document
    keys = [tier.key for tier in policy.tiers]
    terminal.say(f"{file.name} is a sound policy with the tiers {', '.join(keys)}.")
    terminal.result({"key": policy.key, "tiers": keys})


@app.command()
def activate(file: PolicyFile, json: JsonOption = False) -> None:
    """Make a policy the active one; the next refresh decides by it."""
    from api.db.population import read_attribute_fields
    from api.domain.fields import known_fields
    from api.domain.money import exponent_of
    from api.domain.tiers import parse_policy

    terminal = Terminal(as_json=json)
    place = open_installation()
    document = read_document(file)
    exponent = exponent_of(read_installation(place.engine).base_currency)
    fields = known_fields(read_attribute_fields(place.engine))
    policy = parse_policy(document, exponent, fields).document
    version = activate_policy(place.engine, document, now())
    terminal.say(f"{policy.key} version {version} is active. Decide by it: echelon refresh")
    terminal.result({"key": policy.key, "version": version})
