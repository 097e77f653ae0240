"""`echelon drift`: has the world moved away from what the models learned?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal

if TYPE_CHECKING:
    from api.drift import DriftReport
    from ml.drift import Shift

_MOST_FEATURES = 8
_ADVICE = {
    "now": "Retrain now: echelon train",
    "soon": "Retrain soon: echelon train",
    "no need": "No need to retrain.",
}


def drift(
    as_of: Annotated[
        str | None, typer.Option(help="Look at facts up to and including this day.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare today with the champions' training, and past predictions with what happened."""
    from api.drift import examine_drift

    terminal = Terminal(as_json=json)
    day = parse_day(as_of, "--as-of")
    place = open_installation()
    with terminal.progress("Looking for drift") as steps:
        report = examine_drift(
            place.engine, place.settings, as_of=day, clock=now, progress=steps.say
        )
    _show(terminal, report)
    terminal.result(_document(report))


def _show(terminal: Terminal, report: DriftReport) -> None:
    for each in report.windows:
        terminal.say(
            f"{each.name}: {each.customers_before:,} customers at training, "
            f"{each.customers_now:,} on {report.as_of}"
        )
        shown = [each.score, *each.features[:_MOST_FEATURES]]
        columns = ["", "PSI", "by chance", "usual", "KS", "before", "now", "importance", "drift"]
        terminal.table(columns, [_row(one) for one in shown])
        terminal.say("")
    for arrival in report.labels:
        coming = f", the next on {arrival.next_closes_on}" if arrival.next_closes_on else ""
        terminal.say(
            f"{arrival.name}: {arrival.closed} of {arrival.published} published days can be judged "
            f"by what happened{coming}"
        )
    for past in report.realised:
        terminal.say(f"  {past.text}")
    terminal.say(f"\n{_ADVICE[report.advice.retrain]}")
    for reason in report.advice.reasons:
        terminal.say(f"  {reason.urgency}: {reason.text}")


def _row(one: Shift) -> list[str]:
    grade = "strong" if one.strength >= 0.25 else "slight" if one.strength >= 0.1 else ""
    return [
        one.label,
        f"{one.psi.value:.3f}",
        f"{one.psi.by_chance:.3f}",
        f"{one.usual:.3f}",
        f"{one.ks.statistic:.3f}",
        f"{one.mean_before:,.4g}",
        f"{one.mean_now:,.4g}",
        f"{one.importance:.0%}",
        grade,
    ]


def _document(report: DriftReport) -> dict[str, object]:
    """Everything found; a mean of nothing is null, as JSON knows no such number."""
    found = asdict(report)
    for window in found["windows"]:
        for one in (window["score"], *window["features"]):
            for key in ("mean_before", "mean_now"):
                one[key] = None if one[key] != one[key] else one[key]
    return {"retrain": report.advice.retrain} | found
