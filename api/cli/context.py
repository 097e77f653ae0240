"""What every command starts from: settings, an engine, a clock."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import typer
from sqlalchemy import Engine

from api.cli.trail import CommandTrail
from api.db.engine import make_engine
from api.db.schema import require_current
from api.errors import InvalidInput
from api.rotation import require_known_secret
from api.settings import Settings, load_settings


def now() -> dt.datetime:
    """The real clock; everything below the command line takes it as an argument."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True)
class Installation:
    settings: Settings
    engine: Engine
    url: str
    trail: CommandTrail
    """What the command leaves in the audit log."""


def open_installation(*, migrated: bool = True) -> Installation:
    """Read the environment and open the database.

    Raises:
        NotReady: the database is missing or of another version (`migrated` says to check).
    """
    settings = load_settings()
    url = settings.resolved_database_url
    engine = make_engine(url)
    trail = CommandTrail(engine, settings, now)
    if migrated:
        require_current(engine)
        require_known_secret(engine, settings, now())
        trail.follow()
    return Installation(settings, engine, url, trail)


def parse_day(text: str | None, option: str) -> dt.date | None:
    if text is None:
        return None
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is not a day, such as 2017-12-31"
        raise typer.BadParameter(message, param_hint=option) from None
    if not 1900 <= day.year < 2200:  # the end of the last day there is cannot be told
        message = f"{text!r} is no day from 1900 to 2199, such as 2017-12-31"
        raise typer.BadParameter(message, param_hint=option)
    return day


def parse_pairs(pairs: list[str], option: str) -> dict[str, str]:
    """`their=ours` pairs; an empty right side drops the column."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        theirs, separator, ours = pair.partition("=")
        if not separator or not theirs:
            raise InvalidInput(f"{option} {pair!r} is not of the form their=ours.")
        mapping[theirs] = ours
    return mapping
