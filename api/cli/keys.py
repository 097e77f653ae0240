"""`echelon keys`: create, list, change and revoke API keys."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from api.cli.context import now, open_installation
from api.cli.keys_matrix import matrix_
from api.cli.terminal import JsonOption, Terminal
from api.cli.test_data import installations, make_test_data, test_installation
from api.db.keys import KeyListing, create_key, list_keys, revoke_keys, rotate_key
from api.domain.keys import PREFIXES, SHOWN_LENGTH, check_scopes, starts_a_key
from api.domain.roles import role_named
from api.errors import InvalidInput

TestOption = Annotated[
    bool, typer.Option("--test", help="A key to invented customers, in a database of their own.")
]
app = typer.Typer(help="Create, list, change and revoke API keys.", no_args_is_help=True)
app.command("matrix")(matrix_)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who uses the key.")],
    scopes: Annotated[str, typer.Option(help="Comma-separated, such as scores:read.")] = "",
    role: Annotated[
        str | None, typer.Option(help="The scopes of a role, such as sales; see `keys matrix`.")
    ] = None,
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="Days until the key stops working.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help="See the customers of this owner only. Default: all.")
    ] = None,
    documents: Annotated[
        str, typer.Option(help="Trusted documents: off, allow, or only (nothing else).")
    ] = "allow",
    test: TestOption = False,
    json: JsonOption = False,
) -> None:
    """Create a key. It is shown once and only its hash is kept."""
    terminal = Terminal(as_json=json)
    listed = _scopes(scopes, role, owner)
    check_scopes(listed)  # before a test data set is made for a key that can't be
    live = open_installation()
    place = make_test_data(live, terminal) if test else live
    expires = now() + dt.timedelta(days=expires_days) if expires_days else None
    place.trail.about(f"ApiKey:{name}")
    key = create_key(
        place.engine,
        name,
        listed,
        expires,
        now,
        owner=owner,
        documents=documents,
        realm="test" if test else "live",
    )
    terminal.say(key)
    terminal.note("Keep it now: it can't be shown again.")
    terminal.result(
        {
            "key": key,
            "name": name,
            "scopes": listed,
            "owner": owner,
            "documents": documents,
            "expiresAt": expires,
        }
    )


def _scopes(scopes: str, role: str | None, owner: str | None) -> list[str]:
    """The scopes given and those of the role; a key keeps them, whatever the role becomes.

    Raises:
        InvalidInput: there is no such role, or it needs an owner.
    """
    listed = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    if role is None:
        return listed
    found = role_named(role)
    if found.own_customers and owner is None:
        raise InvalidInput(f"The role {role} sees the customers of one owner: give --owner.")
    return [*listed, *(scope for scope in found.scopes if scope not in listed)]


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    old_expires_hours: Annotated[
        int, typer.Option(min=0, max=24 * 90, help="Hours that the present key still works.")
    ] = 24,
    test: TestOption = False,
    json: JsonOption = False,
) -> None:
    """Make a second key like the first, which goes on working for some hours beside it."""
    terminal = Terminal(as_json=json)
    overlap = dt.timedelta(hours=old_expires_hours)
    place = test_installation(open_installation()) if test else open_installation()
    place.trail.about(f"ApiKey:{name}")
    made = rotate_key(place.engine, name, overlap, now, realm="test" if test else "live")
    terminal.say(made.key)
    terminal.note("Keep it now: it can't be shown again.")
    terminal.note(f"The old key, {made.old_prefix}…, ends {_shown(made.old_ends_at, '')}.")
    terminal.result(
        {
            "key": made.key,
            "name": name,
            "expiresAt": made.expires_at,
            "old": {"prefix": made.old_prefix, "expiresAt": made.old_ends_at},
        }
    )


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """Every key by its first characters, with scopes, expiry and last use; test keys too."""
    terminal = Terminal(as_json=json)
    known = [key for place in installations() for key in list_keys(place.engine)]
    columns = ["name", "key", "scopes", "owner", "documents", "expires", "last used", "revoked"]
    terminal.table(columns, [_row(key) for key in known])
    terminal.result([_document(key) for key in known])


def _row(key: KeyListing) -> list[str]:
    return [
        key.name,
        f"{key.prefix}…",
        ", ".join(key.scopes),
        key.owner or "all",
        key.documents,
        _shown(key.expires_at, "never"),
        _shown(key.last_used_at, "never"),
        _shown(key.revoked_at, ""),
    ]


def _document(key: KeyListing) -> dict[str, object]:
    return {
        "name": key.name,
        "prefix": key.prefix,
        "scopes": list(key.scopes),
        "owner": key.owner,
        "documents": key.documents,
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "lastUsedAt": key.last_used_at,
        "revokedAt": key.revoked_at,
    }


def shown_key(which: str) -> str:
    """A name as it is; of a key only what it is recognised by."""
    return which[:SHOWN_LENGTH] if starts_a_key(which) else which


def _shown(moment: dt.datetime | None, otherwise: str) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else otherwise


@app.command()
def revoke(
    which: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A name, for all its keys, or how one key begins."),
    ],
    test: TestOption = False,
    json: JsonOption = False,
) -> None:
    """Stop a client's keys, or one of them, from working: at once and for good."""
    terminal = Terminal(as_json=json)
    test = test or which.startswith(PREFIXES["test"])
    place = test_installation(open_installation()) if test else open_installation()
    place.trail.about(f"ApiKey:{shown_key(which)}")
    revoked = revoke_keys(place.engine, which, now)
    for key in revoked:
        terminal.say(f"The key {key.prefix}… of {key.name} is revoked.")
    terminal.result(
        {
            "name": revoked[0].name,
            "revoked": True,
            "keys": [key.prefix for key in revoked],
        }
    )
