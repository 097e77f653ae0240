"""`echelon policy`: check, activate, list, bring back and show tier policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.context import Installation, now, open_installation, parse_day
from api.cli.policy_decide import decide
from api.cli.policy_show import show
from api.cli.policy_simulate import simulate
from api.cli.terminal import JsonOption, Terminal
from api.cli.trail import author
from api.db.document_versions import Change
from api.db.installation import read_installation
from api.documents import (
    POLICIES,
    install_shipped_documents,
    read_document,
    read_policy_file,
)
from api.errors import InvalidInput, NotReady

if TYPE_CHECKING:
    from api.db.snapshots import Record
    from api.domain.fields import Field
    from api.domain.tiers import TierPolicy

app = typer.Typer(help="Check, try, activate and read tier policies.", no_args_is_help=True)
app.command()(decide)
app.command()(simulate)
app.command()(show)
PolicyFile = Annotated[
    str, typer.Argument(help="A policy document, or the name of a shipped one: bank-assets.")
]
ReasonOption = Annotated[
    str | None, typer.Option(help="Why; kept with the version and shown on the policy page.")
]


@app.command()
def check(file: PolicyFile, json: JsonOption = False) -> None:
    """Say whether a policy document is sound, and if not, where and why.

    With a database, the business's own attributes and classes are known; without one, those that
    ship with Echelon are.
    """
    terminal = Terminal(as_json=json)
    try:
        place: Installation | None = open_installation()
    except NotReady:
        place = None
    policy = _parsed(read_policy_file(file), place).document
    keys = [tier.key for tier in policy.tiers]
    terminal.say(f"{file} is a sound policy with the tiers {', '.join(keys)}.")
    terminal.result({"key": policy.key, "tiers": keys})


@app.command()
def activate(
    file: PolicyFile,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="The first day it decides. Default: the next refresh."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(help="The day another version takes over, where one is to begin later."),
    ] = None,
    reason: ReasonOption = None,
    json: JsonOption = False,
) -> None:
    """Make a policy the active one; the next refresh decides by it, or that of the day given."""
    from api.db.policies import put_in_force
    from api.db.writes import writing

    terminal = Terminal(as_json=json)
    start, end = parse_day(from_, "--from"), parse_day(to, "--to")
    place = open_installation()
    document = read_policy_file(file)
    install_shipped_documents(place.engine, now())
    _parsed(document, place)
    installation = read_installation(place.engine)
    place.trail.about(f"TierPolicy:{document['key']}")
    with _options_named(), writing(place.engine) as connection:
        row = put_in_force(connection, document, installation, _change(reason), start, end)
    when = "is active" if row.active else f"is to be active from {row.effective_from} on"
    terminal.say(f"{row.key} version {row.version} {when}. Decide by it: echelon refresh")
    terminal.result(_listed(row))


@app.command("list")
def list_(json: JsonOption = False) -> None:
    """List every version of every policy: in force, to come, over, or a draft."""
    from sqlalchemy import select

    from api.db.policies import TABLE

    terminal = Terminal(as_json=json)
    place = open_installation()
    with place.engine.connect() as connection:
        rows = connection.execute(select(TABLE).order_by(TABLE.c.key, TABLE.c.version.desc())).all()
    for row in rows:
        terminal.say(_line(row))
    terminal.result([_listed(row) for row in rows])


@app.command()
def rollback(
    key: Annotated[
        str | None, typer.Argument(help="Which policy. Default: the one in force before.")
    ] = None,
    version: Annotated[int | None, typer.Argument(help="Which version of it.")] = None,
    reason: ReasonOption = None,
    json: JsonOption = False,
) -> None:
    """Bring an earlier version back, as a new version; the next refresh decides by it."""
    from api.db.policies import find_policy, roll_back, version_before
    from api.db.writes import writing

    terminal = Terminal(as_json=json)
    place = open_installation()
    with writing(place.engine) as connection:
        found = version_before(connection) if key is None else find_policy(connection, key, version)
        place.trail.about(f"TierPolicy:{found.key}/{found.version}")
        _parsed(found.document, place)
        installation = read_installation(place.engine)
        row = roll_back(connection, found.key, found.version, installation, _change(reason))
    terminal.say(
        f"{row.key} version {row.version} is active: it says what version {found.version} says. "
        "Decide by it: echelon refresh"
    )
    terminal.result(_listed(row))


@app.command()
def withdraw(
    key: Annotated[str, typer.Argument(help="Which policy.")],
    version: Annotated[int, typer.Argument(help="Which version of it.")],
    reason: ReasonOption = None,
    json: JsonOption = False,
) -> None:
    """Make a version that has not begun yet a draft again."""
    from api.db import policies
    from api.db.writes import writing

    terminal = Terminal(as_json=json)
    place = open_installation()
    installation = read_installation(place.engine)
    place.trail.about(f"TierPolicy:{key}/{version}")
    with writing(place.engine) as connection:
        row = policies.withdraw(connection, key, version, installation, _change(reason))
    terminal.say(f"{row.key} version {row.version} is a draft again.")
    terminal.result(_listed(row))


@contextmanager
def _options_named() -> Iterator[None]:
    """Failures name the options of this command, not the entries of the API."""
    try:
        yield
    except InvalidInput as error:
        words = str(error).replace("effectiveFrom", "--from").replace("effectiveTo", "--to")
        raise InvalidInput(words) from None


def _change(reason: str | None) -> Change:
    return Change(author(), now(), reason)


def _parsed(document: Any, place: Installation | None) -> TierPolicy:
    from api.domain.money import exponent_of
    from api.domain.tiers import parse_policy

    if place is None:
        return parse_policy(document, 2, _known_fields(None))
    exponent = exponent_of(read_installation(place.engine).base_currency)
    return parse_policy(document, exponent, _known_fields(place))


def _known_fields(place: Installation | None) -> Mapping[str, Field]:
    """Those of the installation, and those of shipped classes that it does not have yet."""
    from api.db.known_fields import fields_with, read_known_fields

    shipped = fields_with((), read_document(POLICIES / "classes.yaml"), 2)
    return shipped if place is None else {**shipped, **read_known_fields(place.engine)}


def _line(row: Record) -> str:
    days = ""
    if row.state == "activated":
        start = row.effective_from or "the beginning"
        days = f" from {start}" + (f" until {row.effective_to}" if row.effective_to else "")
        days = " without having decided" if start == row.effective_to else days
    state = "active" if row.active else "draft" if row.state == "draft" else "not active"
    who = f", by {row.activated_by or row.author}" if row.activated_by or row.author else ""
    why = f": {row.reason}" if row.reason else ""
    return f"{row.key} version {row.version}  {state}{days}{who}{why}"


def _listed(row: Record) -> dict[str, Any]:
    days = ("effective_from", "effective_to", "activated_at")
    shown = ("key", "version", "state", "active", "author", "activated_by", "reason")
    dated = {name: row._mapping[name] and row._mapping[name].isoformat() for name in days}
    return {name: row._mapping[name] for name in shown} | dated
