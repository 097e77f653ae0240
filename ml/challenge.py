"""Champion or challenger: both judged on the same customers, neither having seen their future."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml.artefacts import BACKTEST, CHAMPION
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import day_of
from ml.evaluation import DECISIVE, churn_metrics, clv_metrics
from ml.training import TrainedModel

_CLASSES: Mapping[str, type[ChurnModel] | type[ClvModel]] = {"churn": ChurnModel, "clv": ClvModel}


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger takes over, and why, for people."""

    promote: bool
    why: str


def unopposed() -> Verdict:
    return Verdict(True, "There was no champion.")


def challenge(
    trained: TrainedModel, champion_version: int, folder: Path, files: Mapping[str, str]
) -> Verdict:
    """Judge the champion in `folder` on the challenger's holdout.

    The champion itself is judged if it was trained before the holdout began, else its back-test
    twin, which has seen less. The challenger is always judged by its twin.
    """
    kind = _CLASSES[trained.name]
    held_from = int(trained.holdout.cutoff[0])
    model = kind.load(folder, CHAMPION, files, threads=1)
    if model.horizon_days != trained.horizon_days:
        return Verdict(
            True,
            f"Version {champion_version} predicts {model.horizon_days} days ahead, "
            f"{trained.horizon_days} are wanted now.",
        )
    if isinstance(model, ClvModel) and model.basis != trained.parameters["basis"]:
        return Verdict(
            True,
            f"Version {champion_version} predicts {model.basis}, "
            f"{trained.parameters['basis']} is known now.",
        )
    if model.cutoff > held_from:
        model = kind.load(folder, BACKTEST, files, threads=1)
    if model.cutoff > held_from:
        return Verdict(
            False,
            f"Version {champion_version} learned from facts after "
            f"{day_of(held_from - 1, trained.snapshot['time_zone'])}, so that no fair comparison "
            "is left; promote this version by hand if it is wanted.",
        )
    return _compare(trained, champion_version, model)


def _compare(trained: TrainedModel, version: int, model: ChurnModel | ClvModel) -> Verdict:
    holdout = model.habit.extend(trained.holdout, model.horizon_days)
    if isinstance(model, ChurnModel):
        theirs = churn_metrics(model.predict(holdout), holdout.churned)
    else:
        expected = model.undiscounted(holdout).expected
        theirs = clv_metrics(expected, holdout.value, trained.exponent)
    metric = DECISIVE[trained.name]
    ours, old = trained.metrics[metric], theirs[metric]
    better = ours <= old
    return Verdict(
        better,
        f"{metric} is {ours:.5f} against {old:.5f} of version {version} on the same "
        f"{len(holdout)} customers{'' if better else ', which is worse'}.",
    )
