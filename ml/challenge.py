"""Champion or challenger: both judged on the same customers, neither having seen their future.

A challenger takes over if all of these hold; docs/adr/0015 says why.

- It is not worse: its loss is at most the champion's, or the upper end of the paired interval of
  the difference costs at most `GIVE_AWAY` of what the champion saves against the base rate.
- It is calibrated, or at least as well calibrated as the champion.
- No segment falls below its floor, which the champion sets.

A first model has nobody to be compared with: it must not be shown to be worse than the base rate,
and the other findings are noted without deciding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ml.artefacts import BACKTEST, CHAMPION
from ml.churn import ChurnModel
from ml.clv import ClvModel
from ml.contracts import day_of
from ml.errors import BadModel
from ml.evaluation import DECISIVE, OURS, Holdout, Interval, judge_segments
from ml.evaluation.calibrated import Calibrated, calibration_of
from ml.evaluation.judgement import differences, metrics_of
from ml.evaluation.metrics import point
from ml.sample import Floats
from ml.training import TrainedModel

GIVE_AWAY = 0.05
"""The part of the champion's gain over the base rate that doubt may cost."""
BASE = {"churn": "base_rate", "clv": "mean"}
"""The baseline that knows nothing of a customer."""

Rule = Literal["comparable", "not_worse", "calibrated", "segment_floors"]
_CLASSES: Mapping[str, type[ChurnModel] | type[ClvModel]] = {"churn": ChurnModel, "clv": ClvModel}


@dataclass(frozen=True)
class Finding:
    """What one rule found; where it doesn't decide it is only noted."""

    rule: Rule
    passed: bool
    decides: bool
    text: str
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """Whether the challenger takes over, why, and against which version."""

    promote: bool
    findings: tuple[Finding, ...]
    against: int | None

    @property
    def why(self) -> str:
        """For people: what decided first, then what is noted."""
        failed = [finding.text for finding in self.findings if not finding.passed]
        passed = [finding.text for finding in self.findings if finding.passed]
        return " ".join([*failed, *passed] if not self.promote else [*passed, *failed])

    def to_document(self) -> dict[str, Any]:
        return {"promote": self.promote, "why": self.why, "against": self.against} | {
            "findings": [asdict(finding) for finding in self.findings]
        }


def unopposed(trained: TrainedModel) -> Verdict:
    """A first model: it must know more than the base rate, as far as the holdout can tell."""
    first = _against_base(trained)
    none = Finding("comparable", True, True, "There was no champion.", {})
    return Verdict(first.promote, (none, *first.findings), None)


def _against_base(trained: TrainedModel) -> Verdict:
    name, case = trained.name, trained.evaluation.case
    base = BASE[name]
    metric = DECISIVE[name]
    difference = differences(name, case, base, trained.exponent, seed=0)[metric]
    ours = trained.evaluation.metrics[metric]
    worse = difference.low > 0
    first = Finding(
        "not_worse",
        not worse,
        True,
        f"{metric} is {ours:.5f} against {ours - difference.value:.5f} of "
        f"the {_words(base)}{', which is worse' if worse else ''}.",
        {"ours": ours, "theirs": ours - difference.value} | _ends(difference),
    )
    findings = (
        first,
        _calibrated(calibration_of(name, case, OURS), None, decides=False),
        _floors(trained, case.methods[base], f"the {_words(base)}", decides=False),
    )
    return Verdict(not worse, findings, None)


def challenge(
    trained: TrainedModel, champion_version: int, folder: Path, files: Mapping[str, str]
) -> Verdict:
    """Judge the champion in `folder` on the challenger's holdout.

    The champion itself is judged if it was trained before the holdout began, else its back-test
    twin, which has seen less. The challenger is always judged by its twin.

    A champion that can't be read any more, or that predicts something else than is wanted now, is
    no opponent.
    """
    kind = _CLASSES[trained.name]
    held_from = int(trained.holdout.cutoff[0])
    window = holdout_days(trained)
    try:
        model = kind.load(folder, CHAMPION, files, threads=1)
        reason = _outdated(trained, champion_version, model)
        if model.cutoff > held_from or model.horizon_days != window:
            model = kind.load(folder, BACKTEST, files, threads=1)
    except BadModel as error:
        return unreadable(trained, champion_version, str(error))
    if not reason and model.horizon_days != window:
        reason = (
            f"Version {champion_version} knows no horizon of {window} days, the longest that could "
            "be held out."
        )
    if reason:
        return _without(trained, champion_version, reason)
    if model.cutoff > held_from:
        day = day_of(held_from - 1, trained.snapshot["time_zone"])
        text = (
            f"Version {champion_version} learned from facts after {day}, so that no fair "
            "comparison is left; promote this version by hand if it is wanted."
        )
        return Verdict(False, (Finding("comparable", False, True, text, {}),), champion_version)
    return _compare(trained, champion_version, model)


def holdout_days(trained: TrainedModel) -> int:
    """The days that the holdout looks ahead: fewer than the model's where history is short."""
    return int(trained.parameters.get("holdout_horizon_days", trained.horizon_days))


def unreadable(trained: TrainedModel, champion_version: int, why: str) -> Verdict:
    """The champion's files are gone or altered: it could not score either."""
    return _without(trained, champion_version, f"Version {champion_version} can't be read: {why}")


def _without(trained: TrainedModel, champion_version: int, reason: str) -> Verdict:
    first = _against_base(trained)
    other = Finding("comparable", True, True, reason, {})
    return Verdict(first.promote, (other, *first.findings), champion_version)


def _outdated(trained: TrainedModel, version: int, model: ChurnModel | ClvModel) -> str:
    """Why the champion predicts something else than is wanted now; empty where it doesn't."""
    if model.horizon_days != trained.horizon_days:
        return (
            f"Version {version} predicts {model.horizon_days} days ahead, "
            f"{trained.horizon_days} are wanted now."
        )
    if isinstance(model, ClvModel) and model.basis != trained.parameters["basis"]:
        return (
            f"Version {version} predicts {model.basis}, {trained.parameters['basis']} is known now."
        )
    return ""


def _compare(trained: TrainedModel, version: int, model: ChurnModel | ClvModel) -> Verdict:
    case, theirs = _beside(trained, version, model)
    champion = f"version {version}"
    findings = (
        _not_worse(trained, case, champion),
        _calibrated(
            calibration_of(trained.name, case, OURS),
            calibration_of(trained.name, theirs, OURS),
            decides=True,
        ),
        _floors(trained, case.methods[champion], champion, decides=True),
    )
    return Verdict(all(finding.passed for finding in findings), findings, version)


def _beside(
    trained: TrainedModel, version: int, model: ChurnModel | ClvModel
) -> tuple[Holdout, Holdout]:
    """The challenger's holdout with the champion among the methods, and the champion's own."""
    own = trained.evaluation.case
    holdout = model.habit.extend(trained.holdout, model.horizon_days)
    low: Floats | None = None
    high: Floats | None = None
    if isinstance(model, ChurnModel):
        predicted = model.predict(holdout)
    else:
        low, predicted, high = model.undiscounted(holdout)
    parts = (own.origin, own.customer_id, own.actual)
    ours = Holdout(
        *parts, {**own.methods, f"version {version}": predicted}, own.low, own.high, own.segments
    )
    return ours, Holdout(*parts, {OURS: predicted}, low, high, own.segments)


def _not_worse(trained: TrainedModel, case: Holdout, champion: str) -> Finding:
    name, metric = trained.name, DECISIVE[trained.name]
    base = point(metrics_of(name, case, BASE[name], trained.exponent), len(case.actual))[metric]
    ours = trained.evaluation.metrics[metric]
    difference = differences(name, case, champion, trained.exponent, seed=0)[metric]
    theirs = ours - difference.value
    margin = GIVE_AWAY * max(0.0, base - theirs)
    passed = difference.value <= 0 or difference.high <= margin
    return Finding(
        "not_worse",
        passed,
        True,
        f"{metric} is {ours:.5f} against {theirs:.5f} of {champion} on the same "
        f"{len(case.actual)} customers (difference {difference.value:+.5f}, 90 % interval "
        f"{difference.low:+.5f} to {difference.high:+.5f})"
        f"{'' if passed else ', which is worse'}.",
        {"ours": ours, "theirs": theirs, "margin": margin} | _ends(difference),
    )


def _calibrated(ours: Calibrated, theirs: Calibrated | None, *, decides: bool) -> Finding:
    relieved = theirs is not None and not ours.passed and ours.no_further_off(theirs)
    passed = ours.passed or relieved
    state = "Calibrated" if ours.passed else "Not calibrated"
    other = ", but no worse than the champion" if relieved else ""
    return Finding("calibrated", passed, decides, f"{state}{other}: {ours.text}.", ours.numbers)


def _floors(trained: TrainedModel, reference: Floats, whose: str, *, decides: bool) -> Finding:
    judged = judge_segments(
        trained.name, trained.evaluation.case, reference, exponent=trained.exponent
    )
    below = [segment.segment for segment in judged if not segment.held]
    metric = DECISIVE[trained.name]
    numbers = {each.segment: each.metrics[metric].value / each.floor for each in judged}
    text = (
        f"Below the floor that {whose} sets: {', '.join(below)}."
        if below
        else f"None of {len(judged)} segments is below the floor that {whose} sets."
    )
    return Finding("segment_floors", not below, decides, text, numbers)


def _ends(difference: Interval) -> dict[str, float]:
    return {
        "difference": difference.value,
        "difference_low": difference.low,
        "difference_high": difference.high,
    }


def _words(method: str) -> str:
    return method.replace("_", " ")
