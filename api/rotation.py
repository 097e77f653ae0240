"""A new root secret, and everything that was encrypted under the one before moved to it."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path

from sqlalchemy import Engine

from api.db.personal_data import UNFINISHED, left_to_seal
from api.db.secret_in_use import secret_in_use, take_over
from api.db.writes import writing
from api.domain.audit import Seals
from api.domain.personal_data import PersonalDataCipher
from api.errors import Conflict, InvalidInput
from api.root_secrets import listed
from api.settings import Settings

IN_THE_ENVIRONMENT = (
    "The secret comes from ECHELON_SECRET_KEY. Move its value to ECHELON_PREVIOUS_SECRET_KEYS (as "
    "base64:... if it has commas or white space, at its ends too), set ECHELON_SECRET_KEY to "
    "another of at least 32 characters, restart what serves, and run: echelon secrets rotate"
)


def settle_secret(engine: Engine, settings: Settings, now: dt.datetime) -> None:
    """Have the database belong to the present secret, before anything is sealed under it.

    Raises:
        NotReady: what is stored belongs to a secret that is not known here.
    """
    cipher = cipher_of(settings)
    with engine.connect() as connection:
        if secret_in_use(connection) == cipher.key_id:
            return
    with writing(engine) as connection:
        take_over(connection, cipher, seals_of(settings), now)


def require_known_secret(engine: Engine, settings: Settings, now: dt.datetime) -> None:
    """The same for what may seal nothing: where no secret is noted yet, none is needed.

    Raises:
        NotReady: what is stored belongs to a secret that is not known here.
    """
    with engine.connect() as connection:
        found = secret_in_use(connection)
    if found is not None:
        settle_secret(engine, settings, now)


def seals_of(settings: Settings) -> Seals:
    return Seals(settings.root_secret(), settings.previous_secrets())


def cipher_of(settings: Settings) -> PersonalDataCipher:
    return PersonalDataCipher(settings.root_secret(), settings.previous_secrets())


def renew_secret(engine: Engine, settings: Settings) -> Path:
    """Write a new root secret into the data folder and keep the present one as a previous one.

    The file of previous ones is written first: killed in between, nothing has changed. Returns it.

    Raises:
        InvalidInput: the secret comes from the environment, which only its owner can change.
        Conflict: an earlier change is not finished.
    """
    if settings.secret_key.get_secret_value():
        raise InvalidInput(IN_THE_ENVIRONMENT)
    if settings.previous_secret_keys.get_secret_value():
        raise InvalidInput(
            "ECHELON_PREVIOUS_SECRET_KEYS hides the file of previous secrets; move its values to "
            f"{settings.previous_secret_file}, a line each, the newest last."
        )
    if left_to_seal(engine, cipher_of(settings)):
        raise Conflict(UNFINISHED)
    present, previous = settings.root_secret(), settings.previous_secret_file
    known, line = previous.read_bytes().split() if previous.is_file() else [], listed(present)
    lines = [*(each for each in known if each != line), line]
    _write(previous, b"\n".join(lines) + b"\n")
    _write(settings.secret_file, secrets.token_urlsafe(48).encode())
    return previous


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, for its owner only, and on the disk when this returns."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
