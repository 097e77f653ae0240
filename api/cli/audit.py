"""`echelon audit`: what is on record, whether it is as it was written, and its signed end."""

from __future__ import annotations

import datetime as dt
import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal
from api.rotation import seals_of

app = typer.Typer(help="List and verify the audit log.", no_args_is_help=True)


@app.command("list")
def list_(
    since: Annotated[str | None, typer.Option(help="Only from this day (UTC) on.")] = None,
    actor: Annotated[
        str | None, typer.Option(help="Only of this key, person or login name.")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this, such as personal.read or setTierOverride.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 100,
    json: JsonOption = False,
) -> None:
    """Who changed what and who read personal data, newest first."""
    from api.db.audit_files import open_reads
    from api.db.audit_listing import Wanted, list_entries

    terminal = Terminal(as_json=json)
    place = open_installation()
    day = parse_day(since, "--since")
    start = None if day is None else dt.datetime.combine(day, dt.time(), dt.UTC)
    wanted = Wanted(actor=actor, action=action, since=start)
    found = list_entries([place.engine, open_reads(place.url)], wanted, limit)
    terminal.table(
        ["at", "who", "what", "about", "request"],
        [
            [
                f"{each.at:%Y-%m-%d %H:%M:%S}",
                each.actor,
                each.action,
                _about(json_format.loads(each.details)),
                each.request_id or "",
            ]
            for each in found
        ],
    )
    terminal.result(
        [
            {
                "place": each.place,
                "at": each.at,
                "actorKind": each.actor_kind,
                "actorId": each.actor_id,
                "actor": each.actor,
                "action": each.action,
                "requestId": each.request_id,
                "details": json_format.loads(each.details),
            }
            for each in found
        ]
    )


def _about(details: dict[str, Any]) -> str:
    if "fields" in details:
        return f"{', '.join(details['fields'])} of {details['customers']:,} customers"
    if "streams" in details:
        return f"{len(details['streams'])} chains of reads"
    return ", ".join(details.get("objects") or details.get("tables") or ())


@app.command()
def verify(
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint kept elsewhere; tells a cut-off end.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Check every entry. Exit code 1 if one was altered, removed, moved or forged; names it."""
    from api.db.audit_checks import check_audit
    from api.db.audit_files import open_reads
    from api.domain.checkpoints import parse_checkpoint

    terminal = Terminal(as_json=json)
    place = open_installation()
    seals = seals_of(place.settings)
    kept = None
    if checkpoint is not None:
        kept = parse_checkpoint(checkpoint.read_text(encoding="utf-8"), seals)
    found = check_audit(place.engine, open_reads(place.url), seals, kept)
    if found.problem is None:
        terminal.say(
            f"Intact: {found.changes:,} entries in the chain of changes, {found.reads:,} in chains "
            "of reads." + ("" if kept is None else f" The checkpoint of {kept.at} holds.")
        )
    else:
        terminal.say(found.problem)
    terminal.result(asdict(found) | {"intact": found.problem is None})
    if found.problem is not None:
        raise typer.Exit(1)


@app.command("checkpoint")
def checkpoint_(
    out: Annotated[Path, typer.Option(help="The file to write; keep it where nobody here writes.")],
    json: JsonOption = False,
) -> None:
    """Sign where the audit log ends now. What is cut off later, `audit verify` can then tell."""
    from api.db.audit_files import open_reads
    from api.db.audit_seals import take_checkpoint

    terminal = Terminal(as_json=json)
    place = open_installation()
    seals = seals_of(place.settings)
    made = take_checkpoint(place.engine, open_reads(place.url), seals, now())
    content = asdict(made)
    out.write_text(json_format.dumps(content, indent=2) + "\n", encoding="utf-8")
    terminal.say(f"Signed {made.entries:,} entries: {out}")
    terminal.result(content)
