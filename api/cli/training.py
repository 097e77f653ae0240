"""`echelon train`: teach a model, judge it, register it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal
from api.db.champions import MODEL_NAMES
from api.errors import InvalidInput


def train(
    name: Annotated[str, typer.Argument(help="churn, clv, or all for both.")] = "all",
    as_of: Annotated[
        str | None, typer.Option(help="Train on facts up to and including this day.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=1825, help="Days to look ahead; default: as installed.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed on the same facts: the same model.")] = 0,
    json: JsonOption = False,
) -> None:
    """Train models on the business's own facts, back-test them and register them in MLflow."""
    from api.champions import train_model

    terminal = Terminal(as_json=json)
    chosen = [each for each in MODEL_NAMES if name in (each, "all")]
    if not chosen:
        raise InvalidInput(f"There is no model {name!r}. Choose churn, clv or all.")
    day = parse_day(as_of, "--as-of")
    place = open_installation()
    reports = []
    for each in chosen:
        with terminal.progress(f"Training {each}") as steps:
            report = train_model(
                place.engine,
                place.settings,
                each,
                as_of=day,
                horizon_days=horizon_days,
                seed=seed,
                clock=now,
                progress=steps.say,
            )
        reports.append(report)
        state = "champion" if report.promoted else "challenger"
        terminal.say(f"{each}/{report.version} is {state}: {report.why}")
        numbers = [[key, f"{value:.4f}"] for key, value in sorted(report.metrics.items())]
        terminal.table(["metric", "holdout"], numbers)
    terminal.result([asdict(report) for report in reports])
