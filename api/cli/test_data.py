"""The database that test keys see: made once, by the same steps that make a live one."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from api.cli.context import Installation, now, open_installation
from api.cli.importing import import_table
from api.cli.terminal import Terminal
from api.cli.trail import CommandTrail
from api.db.databases import create_database, has_schema
from api.db.engine import make_engine
from api.db.installation import InstallationFacts, pin_today, read_installation
from api.db.models import RefreshRun
from api.db.schema import require_current, upgrade
from api.domain.money import exponent_of
from api.errors import NotFound
from api.settings import Settings

MOST_CHURN_DAYS, MOST_CLV_DAYS = 90, 180
"""Longer horizons would leave too little of the two invented years to learn from."""
ORIGIN = "invented"
TRAINING_SECONDS = 20.0


def test_installation(live: Installation) -> Installation:
    """The test realm as a place to work in.

    Raises:
        NotFound: it was not made yet.
        NotReady: its schema is of another version.
    """
    place = _place(live.settings.of_test_realm())
    if not has_schema(place.engine):
        raise NotFound(
            "There is no test database yet. It is made with the first test key: "
            "echelon keys create --test"
        )
    require_current(place.engine)
    place.trail.follow()
    return place


def installations() -> list[Installation]:
    """The live realm, and the test realm where there is one."""
    live = open_installation()
    test = _place(live.settings.of_test_realm())
    return [live, test_installation(live)] if has_schema(test.engine) else [live]


def make_test_data(live: Installation, terminal: Terminal) -> Installation:
    """The test realm, with everything in it; what an earlier run has done is not done again.

    Raises:
        NotReady: the database can't be created.
    """
    like = read_installation(live.engine)
    place = _place(_settings_like(live.settings.of_test_realm(), like))
    create_database(place.url)
    upgrade(place.engine, place.settings)
    place.trail.follow()
    if not _published(place.engine):
        terminal.note("Making the test data set; this happens once.")
        _fill(place, terminal)
    return place


def _place(settings: Settings) -> Installation:
    url = settings.resolved_database_url
    engine = make_engine(url)
    return Installation(settings, engine, url, CommandTrail(engine, settings, now))


def _settings_like(test: Settings, live: InstallationFacts) -> Settings:
    return test.model_copy(
        update={
            "base_currency": live.base_currency,
            "time_zone": live.time_zone,
            "score_validity_days": live.score_validity_days,
            "churn_horizon_days": min(live.churn_horizon_days, MOST_CHURN_DAYS),
            "clv_horizon_days": min(live.clv_horizon_days, MOST_CLV_DAYS),
            "replay_months": 0,
        }
    )


def _published(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.scalar(select(func.count()).select_from(RefreshRun)))


def _fill(place: Installation, terminal: Terminal) -> None:
    """The steps of a live installation: import, train, refresh. Each may be done twice."""
    from api.champions import load_champions, train_model
    from api.db.champions import MODEL_NAMES, list_known
    from api.documents import install_shipped_documents
    from api.intake.invented import AS_OF, SEED
    from api.refresh import refresh

    place.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    pin_today(place.engine, AS_OF)
    _import(place, terminal)
    trained = {model.name for model in list_known(place.engine) if model.champion}
    for name in MODEL_NAMES:
        if name not in trained:
            with terminal.timed(f"Training {name}") as steps:
                train_model(
                    place.engine,
                    place.settings,
                    name,
                    as_of=AS_OF,
                    horizon_days=None,
                    seed=SEED,
                    clock=now,
                    progress=steps.say,
                    seconds=TRAINING_SECONDS,
                )
    install_shipped_documents(place.engine, now())
    with terminal.timed("Scoring, deciding and publishing") as steps:
        champions = load_champions(place.engine, place.settings)
        store = place.settings.fact_store
        refresh(
            place.engine, place.url, store, champions, as_of=AS_OF, clock=now, progress=steps.say
        )


def _import(place: Installation, terminal: Terminal) -> None:
    from api.intake.invented import invented_tables

    exponent = exponent_of(place.settings.base_currency)
    for kind, table in invented_tables(exponent):
        report = import_table(
            place, terminal, kind, table, origin=ORIGIN, expected_rows=table.num_rows
        )
        if report.rejected:
            raise RuntimeError(f"{report.rejected} invented {kind} were rejected")
