"""Facts to predictions to decisions to one publish: the use case behind `echelon refresh`."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from api.db.bulk import bulk_connection
from api.db.catalogue import Catalogue, document_sha256, take_up
from api.db.circumstances import circumstances_mark
from api.db.facts import sync_facts
from api.db.feed import TOMBSTONES_KEPT
from api.db.installation import InstallationFacts, read_installation
from api.db.locks import exclusive
from api.db.models import RefreshRun
from api.db.overrides import read_overrides
from api.db.population import read_population
from api.db.publish import Publication, Publisher, RunRecord
from api.deciding import Occasion, Scored, decide
from api.errors import InvalidInput
from api.looking_back import LookingBack, look_back
from api.monthly import Month, publish_month
from ml.contracts import cutoff_of

ROOT = Path(__file__).parents[1]
DECIDING_CODE = ("ml/**/*.py", "api/domain/**/*.py", "api/deciding/*.py", "api/columns.py")
"""What turns inputs into results: after a change of it a refresh runs again."""


@dataclass(frozen=True)
class Champion:
    """A registered model in use: its row, its label for people, its horizon and its files."""

    row_id: int
    label: str
    horizon_days: int
    files: dict[str, str]


@dataclass(frozen=True)
class Champions:
    """The models of a refresh and the function that scores a fact store below a cut-off."""

    churn: Champion
    clv: Champion
    score: Callable[[Path, int], Scored]
    past: LookingBack | None = None
    """How the past is scored for trying policies on it; None: it is left alone."""


@dataclass(frozen=True)
class RefreshReport:
    as_of: dt.date
    unchanged: bool
    customers: int = 0
    scored: int = 0
    counts: dict[str, int] = field(default_factory=dict)


Progress = Callable[[str], None]


def refresh(
    engine: Engine,
    url: str,
    store: Path,
    champions: Champions,
    *,
    as_of: dt.date | None,
    clock: Callable[[], dt.datetime],
    tombstones_kept: dt.timedelta = TOMBSTONES_KEPT,
    progress: Progress = lambda _step: None,
) -> RefreshReport:
    """Score everyone as of the end of a business day, decide, and publish in one transaction.

    Running it again on the same inputs changes nothing; killed anywhere, it leaves what was
    published before.

    Raises:
        Conflict: another refresh is running.
        InvalidInput: `as_of` lies in the future or before what is published.
    """
    with exclusive(engine, "refresh"):
        installation = read_installation(engine)
        day = installation.day_to_look_at(as_of, clock())
        last = _last_run(engine)
        if last is not None and day < last.as_of:
            raise InvalidInput(
                f"--as-of {day} lies before {last.as_of}, which is published already. "
                "History is not rewritten: choose that day or a later one."
            )
        progress("Bringing the fact store up to date")
        synced = sync_facts(engine, url, store)
        catalogue = take_up(engine, day)
        marks = [circumstances_mark(engine), read_overrides(engine, day).to_pylist()]
        fingerprint = _fingerprint(
            synced.fingerprint, day, champions, catalogue, installation, marks
        )
        if last is not None and last.fingerprint == fingerprint:
            return RefreshReport(day, unchanged=True)
        progress("Scoring every customer")
        scored = champions.score(store, cutoff_of(day, installation.time_zone))
        progress("Deciding classes, tiers, segments and strategies")
        population = read_population(url, engine, day)
        occasion = Occasion(
            day, clock(), installation, champions.churn.horizon_days, champions.clv.horizon_days
        )
        publication = decide(scored, population, catalogue, occasion)
        if champions.past is not None:
            progress("Looking back at past months")
            mark = _look(champions, catalogue, installation)
            look_back(engine, url, store, champions.past, population, catalogue, occasion, mark)
        progress("Publishing")
        run = _run(occasion, fingerprint, champions, catalogue, tombstones_kept)
        counts = _publish(engine, url, run, publication, scored, installation.time_zone)
        return RefreshReport(
            day, False, publication.profiles.num_rows, publication.predictions.num_rows, counts
        )


def _run(
    occasion: Occasion,
    fingerprint: str,
    champions: Champions,
    catalogue: Catalogue,
    tombstones_kept: dt.timedelta,
) -> RunRecord:
    return RunRecord(
        occasion.as_of,
        occasion.now,
        fingerprint,
        champions.churn.row_id,
        champions.clv.row_id,
        catalogue.policy_version_id,
        tombstones_kept,
    )


def _publish(
    engine: Engine,
    url: str,
    run: RunRecord,
    publication: Publication,
    scored: Scored,
    time_zone: str,
) -> dict[str, int]:
    """Everything in one transaction, the numbers of the month among it."""
    dialect, month = engine.dialect.name, Month(run.as_of, time_zone)
    with bulk_connection(url) as connection:
        counts = Publisher(connection, dialect, run).publish(publication)
        publish_month(connection, dialect, publication, scored.measures, month)
        connection.commit()
    return counts


@dataclass(frozen=True)
class _LastRun:
    as_of: dt.date
    fingerprint: str


def _last_run(engine: Engine) -> _LastRun | None:
    table = RefreshRun
    with engine.connect() as connection:
        row = connection.execute(
            select(table.as_of, table.fingerprint).order_by(table.id.desc()).limit(1)
        ).first()
    return None if row is None else _LastRun(row.as_of, row.fingerprint)


def _fingerprint(
    facts: str,
    day: dt.date,
    champions: Champions,
    catalogue: Catalogue,
    installation: InstallationFacts,
    circumstances: list[Any],
) -> str:
    inputs = {
        "code": code_sha256(ROOT),
        "facts": facts,
        "as_of": day.isoformat(),
        "models": [asdict(champions.churn), asdict(champions.clv)],
        "policy": [catalogue.policy_version_id, document_sha256(catalogue.policy)],
        "segments": [document_sha256(document) for _, document in catalogue.segments.values()],
        "strategies": [document_sha256(document) for _, document in catalogue.strategies.values()],
        "resources": document_sha256(catalogue.resources),
        "classes": [[each.row_id, document_sha256(each.document)] for each in catalogue.classes],
        "circumstances": circumstances,
        "installation": asdict(installation),
        "past": None if (past := champions.past) is None else [past.months, past.most_customers],
    }
    text = json.dumps(inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _look(champions: Champions, catalogue: Catalogue, installation: InstallationFacts) -> str:
    """What looks back at past months: when it changes, they are looked at anew."""
    looking = {
        "code": code_sha256(ROOT),
        "models": [asdict(champions.churn), asdict(champions.clv)],
        "classes": [document_sha256(each.document) for each in catalogue.classes],
        "time_zone": installation.time_zone,
    }
    return hashlib.sha256(json.dumps(looking, sort_keys=True).encode()).hexdigest()


def code_sha256(root: Path) -> str:
    """One number for the code that scores and decides."""
    paths = [path for pattern in DECIDING_CODE for path in sorted(root.glob(pattern))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()
