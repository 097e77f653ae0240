"""The steps of `echelon demo`; each does nothing where an earlier run has done it."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api import demo as state
from api.champions import load_champions, train_model
from api.cli.context import Installation, now
from api.cli.importing import import_table
from api.cli.serve import require_free_port, run_server
from api.cli.terminal import Terminal
from api.cli.trail import CommandTrail
from api.db.engine import make_engine
from api.db.installation import pin_today
from api.db.schema import upgrade
from api.documents import install_shipped_documents
from api.errors import NotReady
from api.findings import publish_mine
from api.intake.sample import sample_rows, sample_tables
from api.mining import open_mine
from api.refresh import refresh
from api.settings import load_settings
from api.web.build import build_graphiql
from ml.mining.hints import THRESHOLD


def run(terminal: Terminal, *, serve: bool) -> None:
    """Do what is missing, then serve.

    Raises:
        EchelonError: a step could not be done; the next run goes on from there.
    """
    started = time.monotonic()
    settings = state.demo_settings(load_settings())
    if serve:
        require_free_port(settings.host, settings.port)
    url = settings.resolved_database_url
    engine = make_engine(url)
    place = Installation(settings, engine, url, CommandTrail(engine, settings, now))
    upgrade(place.engine, settings)
    place.trail.follow()
    state.require_demo_database(place.engine)
    pin_today(place.engine, state.AS_OF)
    with ThreadPoolExecutor(1) as beside:
        # npm mostly waits for the network and the disk, so the page is built beside the import.
        page = beside.submit(build_graphiql)
        _import(place, terminal)
        _train(place, terminal)
        _publish(place, terminal)
        _mine(place, terminal)
        with terminal.timed("Building the GraphiQL page"):
            page.result()
    key = state.demo_key(place.engine, settings, now)
    address = f"http://{settings.host}:{settings.port}"
    seconds = time.monotonic() - started
    _introduce(terminal, address, key, seconds, serve)
    terminal.result({"url": address, "key": key, "seconds": round(seconds, 1)})
    if serve:
        run_server(settings, settings.host, settings.port)


def _import(place: Installation, terminal: Terminal) -> None:
    expected = sample_rows()
    missing = {
        kind for kind, rows in expected.items() if state.imported_rows(place.engine, kind) < rows
    }
    if not missing:
        return
    store = _prepare_mlflow(place)
    for kind, tables in sample_tables():
        if kind in missing:
            _import_kind(place, terminal, kind, tables, expected[kind])
    store.join()
    if store.exitcode != 0:
        raise NotReady("MLflow's store could not be created; see its messages above.")


def _import_kind(
    place: Installation, terminal: Terminal, kind: str, tables: Any, expected_rows: int
) -> None:
    report = import_table(
        place, terminal, kind, tables, origin=state.ORIGIN, expected_rows=expected_rows
    )
    terminal.note(f"  {report.rows_read:,} rows, {report.rejected:,} rejected")


def _prepare_mlflow(place: Installation) -> multiprocessing.process.BaseProcess:
    """MLflow takes its time to create its tables: another process does it while the import runs."""
    settings = place.settings
    process = multiprocessing.get_context("spawn").Process(
        target=_prepare_store, args=(settings.resolved_mlflow_uri, settings.artifact_root)
    )
    process.start()
    return process


def _prepare_store(uri: str, artifacts: Any) -> None:
    from ml.registry import prepare_store

    prepare_store(uri, artifacts)


def _train(place: Installation, terminal: Terminal) -> None:
    for name in state.missing_champions(place.engine):
        with terminal.timed(f"Training {name}") as steps:
            report = train_model(
                place.engine,
                place.settings,
                name,
                as_of=state.AS_OF,
                horizon_days=None,
                seed=0,
                clock=now,
                progress=steps.say,
            )
        terminal.note(f"  {name}/{report.version}: {report.why}")


def _publish(place: Installation, terminal: Terminal) -> None:
    if state.is_published(place.engine):
        return
    install_shipped_documents(place.engine, now())
    with terminal.timed("Scoring, deciding and publishing") as steps:
        report = refresh(
            place.engine,
            place.url,
            place.settings.fact_store,
            load_champions(place.engine, place.settings),
            as_of=state.AS_OF,
            clock=now,
            progress=steps.say,
        )
    terminal.note(f"  {report.customers:,} customers, {report.scored:,} scored")


def _mine(place: Installation, terminal: Terminal) -> None:
    if state.is_mined(place.engine):
        return
    with terminal.timed("Mining") as steps:
        mine = open_mine(
            place.engine,
            place.settings,
            as_of=state.AS_OF,
            customer=None,
            language="en",
            clock=now,
        )
        report = publish_mine(mine, threshold=THRESHOLD, clock=now, progress=steps.say)
    for reason in report.lacking:
        terminal.note(f"  {reason}")
    terminal.note(
        f"  products for {report.products:,} customers, channels for {report.channels:,}, hints "
        f"for {report.hints:,}; {report.groups:,} are in groups"
    )


def _introduce(terminal: Terminal, address: str, key: str, seconds: float, serving: bool) -> None:
    verb = "serving" if serving else "start it with `echelon serve`"
    terminal.say(f"\nReady in {seconds:.0f} s, as of {state.AS_OF} — {verb}")
    terminal.say(f"  GraphiQL   {address}/graphql")
    terminal.say(f"  Demo key   {key}")
    terminal.say("\nThree queries to try:")
    for title, query in state.QUERIES:
        terminal.say(f"\n  # {title}\n  {query}")
    if serving:
        terminal.say("\nCtrl-C stops the server.")
