"""`echelon export`: the score feed as a file, or as an address that opens it for some minutes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import Installation, now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.errors import InvalidInput

if TYPE_CHECKING:
    from api.domain.feed_cursors import FeedCursors
    from api.exports.asked import Asked
    from api.exports.job import Found
    from api.exports.planning import Reader

app = typer.Typer(help="Export scores as partners get them.", no_args_is_help=True)
PATH = "/exports/risk-scores."


@app.callback()
def _group() -> None:
    """So that `risk-scores` stays a name of its own while it is the only one."""


@app.command("risk-scores")
def risk_scores(
    out: Annotated[Path | None, typer.Option(help="The file: .ndjson, .arrow or .parquet.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Instead of a file, an address: ndjson, arrow or parquet.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Name of the key that the address is signed for.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Only what is new since this cursor.")] = None,
    risk_band: Annotated[str | None, typer.Option(help="LOW, MEDIUM or HIGH.")] = None,
    min_churn_probability: Annotated[float | None, typer.Option(help="From 0 to 1.")] = None,
    json: JsonOption = False,
) -> None:
    """Write all scores that may be shared with partners, or what is new since a cursor."""
    from api.exports.asked import parse_asked

    terminal = Terminal(as_json=json)
    given = {"after": after, "riskBand": risk_band, "minChurnProbability": min_churn_probability}
    asked = parse_asked([(name, str(each)) for name, each in given.items() if each is not None])
    place = open_installation()
    if url is not None and key is not None and out is None:
        address, expires = _sign(place, url, key, asked)
        terminal.say(address)
        terminal.note(f"It opens the export until {expires:%H:%M} UTC, while the key works.")
        terminal.result({"url": address, "expiresAt": expires})
        return
    if out is None or url is not None or key is not None:
        raise InvalidInput("Give --out FILE, or --url FORMAT with --key NAME.")
    found, cursor = _write(place, out, asked)
    terminal.say(f"{found.rows:,} scores are in {out}. Go on with --after {cursor}")
    facts = {"modelVersion": found.model_version, "asOf": found.as_of, "nextCursor": cursor}
    terminal.result({"rows": found.rows, "out": str(out), **facts})


def _reader(place: Installation, cursors: FeedCursors) -> Reader:
    from api.db.installation import read_installation
    from api.db.known_fields import read_known_fields
    from api.domain.money import exponent_of
    from api.exports.planning import Reader

    exponent = exponent_of(read_installation(place.engine).base_currency)
    fields = read_known_fields(place.engine)
    place.engine.dispose()
    return Reader(
        place.engine.dialect.name, fields, exponent, cursors, str(place.settings.export_parts)
    )


def _cursors(place: Installation) -> FeedCursors:
    from api.domain.feed_cursors import FeedCursors
    from api.domain.personal_data import derive_key

    secrets = place.settings.root_secret(), *place.settings.previous_secrets()
    return FeedCursors(*(derive_key(each, "cursors") for each in secrets))


def _write(place: Installation, out: Path, asked: Asked) -> tuple[Found, str]:
    """Write the file beside its place and move it there once it is whole."""
    from api.exports.planning import job_of
    from api.exports.running import run_job

    kind = _format(out.suffix.removeprefix("."), f"--out {out}")
    if out.is_dir() or not out.parent.is_dir():
        raise InvalidInput(f"--out {out}: name a file in a folder that is there.")
    cursors = _cursors(place)
    job = job_of(asked, kind, _reader(place, cursors))
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            found = run_job(place.url, job, cursors, lambda _found: file)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return found, cursors.encode(job.listing, found.last, found.last)


def prepare(place: Installation, terminal: Terminal) -> None:
    """Bring the parts that exports are answered from up to date."""
    from api.db.installation import read_installation
    from api.domain.money import exponent_of
    from api.exports.running import prepare_parts

    exponent = exponent_of(read_installation(place.engine).base_currency)
    place.engine.dispose()
    step = "Preparing the export of scores"
    with terminal.progress(step) as steps:
        prepare_parts(
            place.url,
            place.settings.export_parts,
            exponent,
            lambda done, rows: steps.say(step, done / rows),
        )


def _sign(place: Installation, kind: str, key: str, asked: Asked) -> tuple[str, dt.datetime]:
    from api.db.keys import working_key
    from api.exports.planning import job_of
    from api.exports.signing import LONGEST_SECONDS, signed_address

    path = f"{PATH}{_format(kind, '--url')}"
    job_of(asked, kind, _reader(place, _cursors(place)))
    expires = now() + dt.timedelta(seconds=LONGEST_SECONDS)
    key_id = working_key(place.engine, key, now())
    query = list(asked.query().items())
    return signed_address(place.settings.root_secret(), path, query, key_id, expires), expires


def _format(kind: str, option: str) -> str:
    from api.exports.formats import FORMATS

    if kind not in FORMATS:
        raise InvalidInput(f"{option}: scores are exported as {', '.join(FORMATS)}.")
    return kind
