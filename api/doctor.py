"""What is wrong with an installation and how to mend it; reads, never changes."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from api.db.champions import MODEL_NAMES, KnownModel, list_known
from api.db.failures import database_failure
from api.db.installation import read_installation
from api.db.models import Customer, Order, RefreshRun
from api.db.personal_data import left_to_seal, sealed_examples
from api.db.schema import require_current
from api.db.secret_in_use import secret_in_use
from api.doctor_callers import examine_callers
from api.doctor_findings import Finding
from api.errors import EchelonError
from api.rotation import cipher_of
from api.settings import Settings
from api.web.pages import GRAPHIQL_SHELL

FREE_SPACE_NEEDED = 1 << 30


def examine(engine: Engine, settings: Settings, now: dt.datetime) -> list[Finding]:
    """Every check in the order a newcomer meets its subject; later ones need the database."""
    findings = [*_disk(settings), *_secret(settings)]
    try:
        findings.extend(_database(engine, settings, now))
    except EchelonError as error:
        findings.append(Finding("database", "failure", str(error)))
    except DBAPIError as error:
        failure = database_failure(error, settings.resolved_database_url)
        if failure is None:
            raise
        findings.append(Finding("database", "failure", str(failure)))
    return [*findings, *examine_callers(settings), *_page()]


def _database(engine: Engine, settings: Settings, now: dt.datetime) -> Iterator[Finding]:
    require_current(engine)
    yield Finding("database", "ok", "reachable, at this version's schema")
    yield from _personal_data(engine, settings)
    yield from _facts(engine)
    yield from _settings(engine, settings)
    yield from _models(engine, settings)
    yield from _published(engine, now)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.resolve()
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            "disk",
            "failure",
            f"nothing can be written to {place}",
            "Make it a folder that this user may write to, or set ECHELON_DATA_DIR to another.",
        )
    elif free < FREE_SPACE_NEEDED:
        yield Finding(
            "disk", "warning", f"only {free >> 20} MB free in {place}", "Free some space."
        )
    else:
        yield Finding("disk", "ok", f"{free >> 30} GB free")


def _secret(settings: Settings) -> Iterator[Finding]:
    path = settings.secret_file
    if settings.secret_key.get_secret_value():
        yield Finding("secret", "ok", "from ECHELON_SECRET_KEY")
    elif not path.is_file():
        yield Finding("secret", "ok", "none yet; it is generated when it is first needed")
    elif stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("secret", "failure", f"others can read {path}", f"chmod 600 {path}")
    else:
        yield Finding("secret", "ok", f"{path}, readable by its owner only; back it up")


def _personal_data(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """Whether the secret is the one that the stored names and addresses were sealed under."""
    with engine.connect() as connection:
        examples, noted = sealed_examples(connection), secret_in_use(connection)
    if not examples:
        return
    given = settings.secret_key.get_secret_value() or settings.secret_file.is_file()
    cipher = given and cipher_of(settings)
    if (
        not cipher
        or (noted is not None and not cipher.knows(noted))
        or not all(cipher.opens(example) for example in examples)
    ):
        yield Finding(
            "personal data",
            "failure",
            "was encrypted under another secret" if given else "is there, but its secret is gone",
            "Restore the secret.key or ECHELON_SECRET_KEY that belongs to this database.",
        )
    elif cipher.rotating and (left := left_to_seal(engine, cipher)):
        yield Finding(
            "personal data",
            "warning",
            f"{left:,} rows are still encrypted under a previous secret",
            "echelon secrets rotate",
        )
    else:
        yield Finding("personal data", "ok", "opens with this secret")


def _facts(engine: Engine) -> Iterator[Finding]:
    with engine.connect() as connection:
        customers = connection.scalar(select(func.count()).select_from(Customer))
        orders = connection.scalar(select(func.count()).select_from(Order))
    if not orders:
        yield Finding(
            "facts", "warning", "no orders yet", "echelon import order_lines FILE, or make demo"
        )
    else:
        yield Finding("facts", "ok", f"{customers:,} customers, {orders:,} orders")


def _settings(engine: Engine, settings: Settings) -> Iterator[Finding]:
    """The environment may not contradict what the database was created with."""
    installation = read_installation(engine)
    for name in ("base_currency", "time_zone"):
        stored, wanted = getattr(installation, name), getattr(settings, name)
        if name in settings.model_fields_set and stored != wanted:
            yield Finding(
                "settings",
                "warning",
                f"ECHELON_{name.upper()} is {wanted}, the database was created with {stored}",
                "The database's value counts. Unset the variable, or start a new database.",
            )


def _models(engine: Engine, settings: Settings) -> Iterator[Finding]:
    champions = {model.name: model for model in list_known(engine) if model.champion}
    for name in MODEL_NAMES:
        model = champions.get(name)
        if model is None:
            yield Finding(name, "warning", "no champion yet", f"echelon train {name}")
        elif damaged := _damaged(settings.model_dir / name / str(model.version), model):
            yield Finding(
                name,
                "failure",
                f"{name}/{model.version}: {', '.join(damaged)} is not what training recorded",
                f"Remove {settings.model_dir / name / str(model.version)}: "
                "the next refresh fetches it from MLflow again.",
            )
        else:
            yield Finding(name, "ok", f"champion {name}/{model.version}, files as recorded")


def _damaged(folder: Path, model: KnownModel) -> list[str]:
    """Files that differ from the record; none where the folder is yet to be fetched."""
    if not folder.is_dir():
        return []
    return [
        file
        for file, sha256 in model.files.items()
        if not (folder / file).is_file()
        or hashlib.sha256((folder / file).read_bytes()).hexdigest() != sha256
    ]


def _published(engine: Engine, now: dt.datetime) -> Iterator[Finding]:
    installation = read_installation(engine)
    with engine.connect() as connection:
        as_of = connection.scalar(select(func.max(RefreshRun.as_of)))
    if as_of is None:
        yield Finding("scores", "warning", "nothing is published yet", "echelon refresh")
        return
    age = (installation.last_whole_day(now) - as_of).days
    if age > installation.score_validity_days:
        yield Finding("scores", "warning", f"{age} days old, past validity", "echelon refresh")
    else:
        yield Finding("scores", "ok", f"published as of {as_of}")


def _page() -> Iterator[Finding]:
    if GRAPHIQL_SHELL.is_file():
        yield Finding("GraphiQL", "ok", "built")
    else:
        yield Finding("GraphiQL", "warning", "not built", "python -m api.web.build")
