"""`echelon secrets`: another root secret, and personal data moved to it."""

from __future__ import annotations

import typer
from sqlalchemy import Engine

from api.cli.context import now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.cli.trail import CommandTrail
from api.db.engine import make_engine
from api.db.personal_data import left_to_seal
from api.db.resealing import reseal
from api.rotation import cipher_of, renew_secret, settle_secret
from api.settings import Settings

app = typer.Typer(
    help="Change the root secret, which encrypts personal data and signs cursors.",
    no_args_is_help=True,
)


@app.command()
def new(json: JsonOption = False) -> None:
    """Make a new root secret and keep the present one for what it encrypted."""
    terminal = Terminal(as_json=json)
    place = open_installation()
    kept = renew_secret(place.engine, place.settings)
    settle_secret(place.engine, place.settings, now())
    terminal.say(f"A new secret is in {place.settings.secret_file}; the old one is kept in {kept}.")
    terminal.note(
        "Restart what serves, which refuses changes until then, and run: echelon secrets rotate"
    )
    terminal.result({"secret": str(place.settings.secret_file), "previous": str(kept)})


@app.command()
def rotate(json: JsonOption = False) -> None:
    """Encrypt personal data anew under the present secret. May be stopped and run again."""
    from api.realms import test_database_exists

    terminal = Terminal(as_json=json)
    place = open_installation()
    done = {"live": _rotate(place.engine, place.settings, terminal, "")}
    settings = place.settings.of_test_realm()
    engine = make_engine(settings.resolved_database_url)
    if test_database_exists(engine):
        CommandTrail(engine, settings, now).follow()
        done["test"] = _rotate(engine, settings, terminal, " of the test database")
    terminal.say(f"{done['live']:,} rows encrypted anew; all are under the present secret.")
    terminal.note(
        "Personal data no longer needs the previous secret. Drop secret.key.previous or "
        "ECHELON_PREVIOUS_SECRET_KEYS once everything that serves has run for a day since the "
        "change, no partner holds an older cursor, and the audit log need not be checked from "
        "before it."
    )
    terminal.result({"rows": done})


def _rotate(engine: Engine, settings: Settings, terminal: Terminal, of: str) -> int:
    settle_secret(engine, settings, now())
    cipher = cipher_of(settings)
    whole = left_to_seal(engine, cipher)
    with terminal.progress(f"Encrypting anew{of}") as steps:
        return reseal(
            engine, cipher, lambda rows: steps.say(f"{rows:,} rows", rows / max(whole, 1))
        )
