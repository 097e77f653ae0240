"""`echelon policy simulate`: what a policy would do to everybody's tier, before it counts."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal
from api.db.installation import read_installation
from api.documents import read_policy_file


def simulate(
    file: Annotated[
        str, typer.Argument(help="A policy document, or the name of a shipped one: bank-assets.")
    ],
    as_of: Annotated[
        str | None,
        typer.Option(help="Default: the last refresh's day. The end of a past month: on a sample."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the whole report to this JSON file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Try a policy on everybody: who moves, what that comes to, who is at the edges.

    Changes nothing.
    """
    from api.domain.money import exponent_of
    from api.simulation import simulate_policy
    from api.simulation_documents import simulation_document

    terminal = Terminal(as_json=json)
    day = parse_day(as_of, "--as-of")
    document = read_policy_file(file)
    place = open_installation()
    with terminal.progress("Trying the policy on everybody"):
        report = simulate_policy(place.engine, place.url, document, now=now(), as_of=day)
    found = simulation_document(report)
    if out is not None:
        out.write_text(json_module.dumps(found, ensure_ascii=False, indent=2), encoding="utf-8")
    currency = read_installation(place.engine).base_currency
    for line in _lines(found, currency, exponent_of(currency)):
        terminal.say(line)
    terminal.result(found)


def _lines(found: Mapping[str, Any], currency: str, exponent: int) -> Sequence[str]:
    from api.domain.texts import shown_money

    def money(sums: Mapping[str, Any], name: str) -> str:
        minor = sums[name]
        return "not known" if minor is None else shown_money(minor, currency, exponent)

    def told(sums: Mapping[str, Any]) -> str:
        if not sums["customers"]:
            return "nobody"
        return (
            f"{sums['customers']:,} customers, revenue {money(sums, 'revenueMinor')}, "
            f"margin {money(sums, 'marginMinor')}, lifetime value {money(sums, 'clvMinor')}, "
            f"service cost {money(sums, 'serviceCostMinor')}"
        )

    sample = ", on the sample kept of that day" if found["sampled"] else ""
    lines = [
        f"As of {found['asOf']}{sample}: {found['customers']:,} customers, against "
        f"{found['present']['key']} version {found['present']['version']}.",
        f"Moved: {told(found['moved'])}.",
        f"Up: {told(found['promoted'])}.",
        f"Down: {told(found['demoted'])}.",
        "",
    ]
    lines += [
        f"{move['fromTier'] or '-':>12} -> {move['toTier'] or '-':<12} {told(move)}"
        for move in found["moves"]
    ]
    return [*lines, *_edge_lines(found), *_flap_lines(found), *_disparity_lines(found)]


def _edge_lines(found: Mapping[str, Any]) -> list[str]:
    lines = []
    for edge in found["edges"]:
        for side, word in (("above", "hardly in"), ("below", "nearly in")):
            if edge[side]:
                named = ", ".join(f"{e['customer']} ({e['distance']:.1%})" for e in edge[side])
                lines.append(f"{word} {edge['tier']}: {named}")
    return ["", *lines] if lines else []


def _flap_lines(found: Mapping[str, Any]) -> list[str]:
    flapping = found["flapping"]
    if flapping is None:
        return ["", "No past month is kept yet, so nothing can be said of flapping."]
    rates = ", ".join(
        f"{word} {flapping[name]['flapRate']:.2%}"
        for name, word in (("new", "this policy"), ("naive", "without its bands"))
    )
    return [
        "",
        f"Tiers left and entered again within three months, of customer-months over "
        f"{flapping['months']} past months, replayed with today's models: {rates}, "
        f"present policy {flapping['present']['flapRate']:.2%}.",
    ]


def _disparity_lines(found: Mapping[str, Any]) -> list[str]:
    flagged = [
        f"{each['attribute']} {group['group']}: {group['shareAfter']:.1%} in "
        f"{', '.join(found['bestTiers'])}, {group['ratioAfter']:.2f} of the best-off group's share"
        for each in found["disparity"]
        for group in each["groups"]
        if group["flagged"]
    ]
    return ["", "Groups below four fifths:", *flagged] if flagged else []
