"""`echelon models`: what was trained, who reigns and why, and how to change that."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.context import now, open_installation
from api.cli.terminal import JsonOption, Terminal
from api.db.champions import KnownModel, Promotion, list_known, list_promotions
from api.errors import InvalidInput

app = typer.Typer(help="List models and choose the champion.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="churn or clv.")]
_DECISIVE = ("log_loss", "tweedie_loss")
_LATEST = 10


@app.command("list")
def list_models(json: JsonOption = False) -> None:
    """Every model trained here, newest first, its verdict, and who reigned when and why."""
    terminal = Terminal(as_json=json)
    engine = open_installation().engine
    known, history = list_known(engine), list_promotions(engine)
    if known:
        columns = ["model", "", "horizon", "trained as of", "decisive metric", "verdict"]
        terminal.table(columns, [_row(model) for model in known])
    else:
        terminal.say("No model yet. Train both: echelon train")
    if history:
        terminal.say("\nChanges of champion, latest first:")
        rows = [_change(each) for each in reversed(history[-_LATEST:])]
        terminal.table(["at", "model", "before", "by", "reason"], rows)
    terminal.result(
        [
            asdict(model)
            | {"history": [asdict(each) for each in history if _of(each) == _of(model)]}
            for model in known
        ]
    )


@app.command()
def promote(
    name: NameArgument,
    version: Annotated[int, typer.Argument(help="A version from `echelon models list`.")],
    force: Annotated[
        bool, typer.Option("--force", help="Let it reign against the verdict of its training.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why, with --force; it is recorded.")] = "",
    json: JsonOption = False,
) -> None:
    """Make a version the champion; `echelon refresh` uses it from then on."""
    from api.promotions import promote_model

    if force and not reason.strip():
        raise typer.BadParameter("--force needs it, and records it", param_hint="--reason")
    if reason and not force:
        raise typer.BadParameter("it goes with --force", param_hint="--reason")
    terminal = Terminal(as_json=json)
    place = open_installation()
    place.trail.about(f"Model:{name}/{version}")
    change = promote_model(
        place.engine,
        place.settings,
        name,
        version,
        force_reason=reason.strip() if force else None,
        clock=now,
    )
    terminal.say(f"{name}/{version} is the champion. Publish with it: echelon refresh")
    terminal.result(asdict(change))


@app.command()
def rollback(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why; it is recorded.")] = "",
    json: JsonOption = False,
) -> None:
    """Let the previous champion reign again, at once; `echelon refresh` publishes with it."""
    from api.promotions import rollback_model

    if name not in ("churn", "clv"):
        raise InvalidInput(f"There is no model {name!r}. Choose churn or clv.")
    terminal = Terminal(as_json=json)
    place = open_installation()
    place.trail.about(f"Model:{name}")
    change = rollback_model(place.engine, place.settings, name, reason=reason.strip(), clock=now)
    terminal.say(
        f"{name}/{change.version} is the champion again, {name}/{change.previous_version} is not. "
        "Publish with it: echelon refresh"
    )
    terminal.result(asdict(change))


def _row(model: KnownModel) -> list[str]:
    decisive = [f"{key} {model.metrics[key]:.4f}" for key in _DECISIVE if key in model.metrics]
    verdict = "none" if model.verdict is None else "fit" if model.verdict["promote"] else "not fit"
    return [
        f"{model.name}/{model.version}",
        "champion" if model.champion else "",
        f"{model.horizon_days} d",
        model.trained_as_of.isoformat(),
        ", ".join(decisive),
        verdict,
    ]


def _change(each: Promotion) -> list[str]:
    before = "" if each.previous_version is None else f"{each.name}/{each.previous_version}"
    moment = f"{each.at:%Y-%m-%d %H:%M}"
    return [moment, f"{each.name}/{each.version}", before, each.action, each.reason]


def _of(item: KnownModel | Promotion) -> tuple[str, int]:
    return item.name, item.version
