"""`echelon evaluate`: how good the models are at several past days, against every baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.context import now, open_installation, parse_day
from api.cli.terminal import JsonOption, Terminal
from api.db.champions import MODEL_NAMES
from api.errors import InvalidInput


def evaluate(
    name: Annotated[str, typer.Argument(help="churn or clv.")],
    as_of: Annotated[
        str | None, typer.Option(help="Use facts up to and including this day.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=1825, help="Days to look ahead; default: as installed.")
    ] = None,
    origins: Annotated[int, typer.Option(min=1, max=24, help="Past days to test at.")] = 3,
    seed: Annotated[
        int, typer.Option(help="The same seed on the same facts: the same report.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option(help="The HTML page to write; default: NAME-report.html here.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Back-test a model at several past origins; write one HTML page and an MLflow run."""
    from api.evaluations import evaluate_model

    terminal = Terminal(as_json=json)
    chosen = next((each for each in MODEL_NAMES if each == name), None)
    if chosen is None:
        raise InvalidInput(f"There is no model {name!r}. Choose churn or clv.")
    day = parse_day(as_of, "--as-of")
    place = open_installation()
    with terminal.progress(f"Evaluating {name}") as steps:
        report = evaluate_model(
            place.engine,
            place.settings,
            chosen,
            as_of=day,
            horizon_days=horizon_days,
            origins=origins,
            seed=seed,
            page=out or Path(f"{name}-report.html"),
            clock=now,
            progress=steps.say,
        )
    show(terminal, report.document)
    terminal.say(f"\n{report.summary}")
    terminal.say(f"Report: {report.page}   MLflow run: {report.run_id}")
    terminal.result(
        {"report": str(report.page), "run_id": report.run_id, "summary": report.summary}
        | report.document
    )


def show(terminal: Terminal, document: dict[str, Any]) -> None:
    """All methods on all origins together."""
    methods: dict[str, dict[str, dict[str, float]]] = document["pooled"]["methods"]
    metrics = list(next(iter(methods.values())))
    rows = [
        [method, *(_cell(found.get(metric)) for metric in metrics)]
        for method, found in methods.items()
    ]
    terminal.table(["method", *metrics], rows)


def _cell(found: dict[str, float] | None) -> str:
    if found is None:
        return ""
    return f"{found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]"
