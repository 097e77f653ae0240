"""`echelon policy decide`: tiers for a table of customers and measures, without a database."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from api.cli.sources import read_file, require_writable, write_file
from api.cli.terminal import JsonOption, Terminal
from api.documents import read_policy_file
from api.errors import InvalidInput

if TYPE_CHECKING:
    import pyarrow as pa

    from api.domain.texts import Language
    from api.domain.tiers import TierDecisions, TierPolicy
    from api.intake.measures import Column

LANGUAGES: dict[str, Language] = {"en": "en", "zh": "zh-Hans"}


def decide(
    policy: Annotated[
        str, typer.Option(help="A policy document, or the name of a shipped one: bank-assets.")
    ],
    table: Annotated[
        Path, typer.Option(help="customer_id and measures named as in the catalogue, in a file.")
    ],
    as_of: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The day decided for.")],
    out: Annotated[Path, typer.Option(help="Where to write: .csv or .parquet.")],
    previous: Annotated[
        Path | None, typer.Option(help="What the last decision wrote, for bands and grace.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the reasons: en or zh.")] = "en",
    currency: Annotated[
        str | None, typer.Option(help="Of the amounts, unless the policy says: CNY.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Decide tiers for a table of customers and measures; amounts are in major units.

    Writes customer_id, tier (empty below the lowest) and reasons, and since, watch_since and
    evaluated_on, which --previous of the next decision reads.
    """
    from api.domain.fields import known_fields
    from api.domain.money import exponent_of
    from api.domain.policies.reader import CURRENCY
    from api.domain.tiers import parse_policy
    from api.intake.measures import customer_ids, named_fields

    terminal = Terminal(as_json=json)
    if language not in LANGUAGES:
        raise InvalidInput(f"--language takes en or zh, not {language!r}.")
    if currency is not None and not CURRENCY.fullmatch(currency):
        raise InvalidInput(f"--currency takes a currency such as CNY, not {currency!r}.")
    require_writable(out, inputs=(table, previous))
    document = read_policy_file(policy)
    rows = _whole(table)
    money = currency or _currency(document) or "USD"
    exponent = exponent_of(money)
    fields = known_fields(named_fields(rows).values())
    parsed = parse_policy(document, exponent, fields)
    ids = customer_ids(rows, table.name)
    columns, notes = _columns(parsed, rows, exponent)
    standing = _standing(previous, ids, parsed, as_of.date())
    decisions = parsed.decide(columns, standing, as_of.date())
    words = _words(document, language, money, fields)
    between = "; " if language == "en" else "；"
    write_file(_written(ids, decisions, _sentences(decisions, words, between)), out)
    for note in notes:
        terminal.note(note)
    _report(terminal, decisions, out, len(ids))


def _whole(path: Path) -> pa.Table:
    """A file of which every row can be read: a decision that passes over customers is none."""
    found = read_file(path)
    if found.malformed:
        row, reason = found.malformed[0]
        raise InvalidInput(f"{path.name}, row {row}: {reason}. Nothing was decided.")
    return found.table


def _currency(document: Any) -> str | None:
    return document.get("currency") if isinstance(document, dict) else None


def _columns(
    policy: TierPolicy, rows: pa.Table, exponent: int
) -> tuple[dict[str, Column], list[str]]:
    """The policy's columns; what only its fallback or a remark reads may be absent."""
    from api.domain.fields import nearest
    from api.intake.measures import measure_columns, missing_column

    fields = policy.document.fields
    columns = measure_columns(rows, fields, exponent, ZoneInfo("UTC"))
    needed = {name for branch in policy.document.branches for name in branch.decided_by}
    notes = []
    for name, field in fields.items():
        if name in columns:
            continue
        if name in needed:
            hint = nearest(name, rows.column_names)
            raise InvalidInput(
                f"The policy reads {name!r}, and the table has no such column{hint}."
            )
        columns[name] = missing_column(field, rows.num_rows)
        notes.append(f"The table has no column {name!r}: it counts as unknown for everyone.")
    return columns, notes


def _standing(previous: Path | None, ids: pa.Array, policy: TierPolicy, as_of: dt.date) -> Any:
    import numpy as np

    from api.domain.tiers.standings import Standing
    from api.intake.measures import previous_standing

    if previous is None:
        return Standing.of(len(ids))
    tiers = [tier.key for tier in policy.document.tiers]
    standing = previous_standing(_whole(previous), ids, ZoneInfo("UTC"), tiers)
    for name in ("since", "watch_since", "evaluated_on"):
        if (getattr(standing, name) > np.datetime64(as_of)).any():
            raise InvalidInput(
                f"--previous {previous.name}: it was decided later than {as_of} ({name}); take "
                "the file of an earlier day."
            )
    return standing


def _written(
    ids: pa.Array,
    decisions: TierDecisions,
    reasons: list[str],
) -> pa.Table:
    import pyarrow as pa

    moves = decisions.moves
    return pa.table(
        {
            "customer_id": ids,
            "tier": pa.array(decisions.tiers, pa.string()),
            "reasons": pa.array(reasons, pa.string()),
            "since": pa.array(moves.since, pa.date32()),
            "watch_since": pa.array(moves.watch_since, pa.date32()),
            "evaluated_on": pa.array(moves.evaluated_on, pa.date32()),
        }
    )


def _words(document: Any, language: str, currency: str, fields: Any) -> Callable[[Any], str]:
    """Renders one reason of this policy."""
    from api.domain.money import exponent_of
    from api.domain.texts import render
    from api.domain.texts.policy_names import policy_names

    names = policy_names(document)
    known = {**fields, **names.fields}
    spoken, exponent = LANGUAGES[language], exponent_of(currency)
    return lambda each: render(each, spoken, currency, exponent, known, names.tiers)


def _sentences(decisions: TierDecisions, words: Callable[[Any], str], between: str) -> list[str]:
    """Reasons for people; many customers share theirs word by word, so each is rendered once."""
    known: dict[str, str] = {}
    sentences = []
    for text in decisions.reasons_json():
        if text not in known:
            known[text] = between.join(map(words, json.loads(text)))
        sentences.append(known[text])
    return sentences


def _report(terminal: Terminal, decisions: TierDecisions, out: Path, size: int) -> None:
    counts = Counter(decisions.tiers.tolist())
    keys = [*(tier.key for tier in decisions.policy.tiers), None]
    listed = ", ".join(f"{key or 'no tier'} {counts[key]:,}" for key in keys if counts[key])
    terminal.say(f"Decided {size:,} customers: {listed}. Written to {out}")
    terminal.result(
        {
            "out": str(out),
            "customers": size,
            "tiers": [{"tier": key, "customers": counts[key]} for key in keys],
        }
    )
