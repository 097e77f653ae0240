"""`echelon keys`: create, list and revoke API keys."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from api.cli.context import now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.db.keys import create_key, list_keys, revoke_key

app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who uses the key.")],
    scopes: Annotated[str, typer.Option(help="Comma-separated, such as scores:read.")],
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days until the key stops working.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create a key. It is shown once and only its hash is kept."""
    terminal = Terminal(as_json=json)
    place = open_installation()
    expires = now() + dt.timedelta(days=expires_days) if expires_days else None
    listed = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    key = create_key(place.engine, name, listed, expires, now)
    terminal.say(key)
    terminal.note("Keep it now: it can't be shown again.")
    terminal.result({"key": key, "name": name, "scopes": listed, "expiresAt": expires})


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """Every key by its first characters, with scopes, expiry and last use."""
    terminal = Terminal(as_json=json)
    known = list_keys(open_installation().engine)
    terminal.table(
        ["name", "key", "scopes", "expires", "last used", "revoked"],
        [
            [
                key.name,
                f"{key.prefix}…",
                ", ".join(key.scopes),
                _shown(key.expires_at, "never"),
                _shown(key.last_used_at, "never"),
                _shown(key.revoked_at, ""),
            ]
            for key in known
        ],
    )
    terminal.result(
        [
            {
                "name": key.name,
                "prefix": key.prefix,
                "scopes": list(key.scopes),
                "createdAt": key.created_at,
                "expiresAt": key.expires_at,
                "lastUsedAt": key.last_used_at,
                "revokedAt": key.revoked_at,
            }
            for key in known
        ]
    )


def _shown(moment: dt.datetime | None, otherwise: str) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else otherwise


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name.")], json: JsonOption = False
) -> None:
    """Stop a key from working, at once and for good."""
    terminal = Terminal(as_json=json)
    revoke_key(open_installation().engine, name, now)
    terminal.say(f"The key {name} is revoked.")
    terminal.result({"name": name, "revoked": True})
