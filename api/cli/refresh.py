"""`echelon refresh`: facts to predictions to decisions to one publish."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal


def refresh_(
    as_of: Annotated[
        str | None,
        typer.Option(help="Decide on facts up to and including this day. Default: yesterday."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Score everyone with the champions, decide tiers, segments and strategies, publish once."""
    from api.champions import load_champions
    from api.cli.exports import prepare
    from api.documents import install_shipped_documents
    from api.refresh import refresh

    terminal = Terminal(as_json=json)
    day = parse_day(as_of, "--as-of")
    place = open_installation()
    install_shipped_documents(place.engine, now())
    place.trail.say("refresh", {"state": "begun"})
    with terminal.progress("Loading the champions") as steps:
        champions = load_champions(place.engine, place.settings)
        report = refresh(
            place.engine,
            place.url,
            place.settings.fact_store,
            champions,
            as_of=day,
            clock=now,
            tombstones_kept=dt.timedelta(days=place.settings.tombstone_days),
            progress=steps.say,
        )
    done = {"state": "unchanged" if report.unchanged else "published"}
    place.trail.say("refresh", done | {"as_of": report.as_of.isoformat(), "counts": report.counts})
    prepare(place, terminal)
    if report.unchanged:
        terminal.say(f"Nothing has changed since the refresh as of {report.as_of}.")
    else:
        written = ", ".join(f"{count:,} {name}" for name, count in report.counts.items())
        terminal.say(
            f"Published as of {report.as_of}: {report.customers:,} customers, "
            f"{report.scored:,} scored. Written: {written.replace('_', ' ')}."
        )
    terminal.result(asdict(report))
