"""Retrain now, soon, or no need to: the rules, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml.contracts import DAY
from ml.drift.realised import Realised, Urgency
from ml.drift.windows import SLIGHT, STRONG, Windows

SOME_IMPORTANCE, MUCH_IMPORTANCE = 0.15, 0.40
BASE_MOVED, BASE_MOVED_FAR = 0.05, 0.10
_ORDER: tuple[Urgency, ...] = ("no need", "soon", "now")
_NAMED = 3


@dataclass(frozen=True)
class Reason:
    urgency: Urgency
    text: str


@dataclass(frozen=True)
class Advice:
    """The most urgent of the reasons decides."""

    retrain: Urgency
    reasons: tuple[Reason, ...]


def advise(windows: Sequence[Windows], realised: Sequence[Realised], cutoff: int) -> Advice:
    """`cutoff` is the first second after the day that is looked at."""
    reasons = [
        reason
        for each in windows
        for reason in (*_scores(each), *_features(each), *_base(each), *_labels(each, cutoff))
    ]
    reasons += [
        Reason(each.urgency, f"{each.text}.") for each in realised if each.urgency != "no need"
    ]
    reasons.sort(key=lambda reason: -_ORDER.index(reason.urgency))
    return Advice(reasons[0].urgency if reasons else "no need", tuple(reasons))


def _scores(each: Windows) -> Iterator[Reason]:
    moved = each.score.strength
    if moved < SLIGHT:
        return
    # Scores that move because customers did are what a model is for: alone no alarm.
    urgent = moved >= STRONG and each.drifted_importance >= MUCH_IMPORTANCE
    yield Reason(
        "now" if urgent else "soon",
        f"The {each.name} scores moved from {each.score.mean_before:,.4g} to "
        f"{each.score.mean_now:,.4g} on average (PSI {moved:.2f}).",
    )


def _features(each: Windows) -> Iterator[Reason]:
    share = each.drifted_importance
    if share < SOME_IMPORTANCE:
        return
    drifted = sorted(
        (one for one in each.features if one.strength >= STRONG), key=lambda one: -one.importance
    )
    named = ", ".join(f"{one.label} (PSI {one.strength:.2f})" for one in drifted[:_NAMED])
    more = f" and {len(drifted) - _NAMED} more" if len(drifted) > _NAMED else ""
    yield Reason(
        "soon",
        f"{share:.0%} of what moves {each.name} predictions comes from features that drifted: "
        f"{named}{more}.",
    )


def _base(each: Windows) -> Iterator[Reason]:
    base = each.base
    if base is None or base.low <= 0 <= base.high:
        return
    moved = abs(base.now - base.before)
    if moved >= BASE_MOVED:
        what = "left" if each.name == "churn" else "bought"
        yield Reason(
            "now" if moved >= BASE_MOVED_FAR else "soon",
            f"{base.now:.1%} {what} in the last closed window, {base.before:.1%} in the last one "
            "before training.",
        )


def _labels(each: Windows, cutoff: int) -> Iterator[Reason]:
    horizons = (cutoff - each.cutoff) / (each.horizon_days * DAY)
    if horizons >= 1:
        yield Reason(
            "soon",
            f"{horizons:.1f} horizons of {each.horizon_days} days have passed since the "
            f"{each.name} champion was trained: outcomes it has never seen have arrived.",
        )
