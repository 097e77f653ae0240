"""Where customers stand and what becomes of it: who moves, who is watched, who stays for now."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Mask
from api.domain.policies import Stability

Days = npt.NDArray[np.datetime64]
Places = npt.NDArray[np.int64]
NOWHERE = np.datetime64("NaT", "D")
FREE, WATCHED, MINIMUM_STAY, NOT_EVALUATED = "free", "watch", "minimum_stay", "not_evaluated"


@dataclass(frozen=True)
class Standing:
    """What was decided before, in the order of rows; days are `datetime64[D]`."""

    tier: npt.NDArray[np.object_]
    """Tier keys, None for below the lowest."""
    known: Mask
    """Where anything was decided before; elsewhere the rest is of no meaning."""
    since: Days
    watch_since: Days
    """Since when the conditions of the tier have not been met; NaT: they are."""
    evaluated_on: Days

    @classmethod
    def of(cls, size: int) -> Standing:
        """Nobody stands anywhere yet."""
        days = np.full(size, NOWHERE)
        return cls(np.full(size, None, dtype=object), np.zeros(size, bool), days, days, days)


@dataclass(frozen=True)
class Wishes:
    """Places on the ladder, 0 the best, its length for below the lowest, by what each rule asks."""

    plain: Places
    """Where the policy alone puts the customer."""
    up: Places
    """Where those come who must exceed the thresholds by the enter margin."""
    kept: Places
    """The best place whose conditions are met within the exit margin."""


@dataclass(frozen=True)
class Moves:
    place: Places
    since: Days
    watch_since: Days
    evaluated_on: Days
    state: npt.NDArray[np.object_]
    """`free` unless something other than the measures holds the tier: see the constants."""
    until: Days
    """The first day on which a watched tier, or one within its minimum stay, may be lost."""
    dated: Mask
    """Where the outcome depends on the day: it holds the tier, or has just ended a grace."""


def move(
    wishes: Wishes,
    standing: Standing,
    current: Places,
    stability: Stability,
    grace_months: npt.NDArray[np.int64],
    as_of: dt.date,
) -> Moves:
    """What becomes of each customer on the day `as_of`.

    `current` is the place of the tier that each stands in; `grace_months` is by place. Customers
    who stand nowhere get the place the policy gives them.
    """
    today = np.datetime64(as_of, "D")
    settle = stability.settle_months
    moves_up = wishes.up < current
    evaluated = _evaluated(standing, stability, today)
    if stability.upgrades == "at_once":
        evaluated = evaluated | moves_up
    differs = standing.known & (wishes.plain != current)
    falls = differs & (wishes.plain > current) & (wishes.kept > current) & ~moves_up
    drifts = falls if settle is None else differs & ~moves_up
    began = np.where(np.isnat(standing.watch_since), today, standing.watch_since)
    settled = drifts & (today >= add_months(began, settle or 0)) & (settle is not None)
    stay_ends = np.where(
        np.isnat(standing.since), today, standing.since + stability.minimum_stay_days
    )
    grace_ends = add_months(began, np.where(falls, grace_months[current], settle or 0))
    downwards = wishes.plain > current
    falling = evaluated & downwards & (falls | settled)
    stays = falling & (today < np.maximum(grace_ends, stay_ends))
    lower = np.minimum(wishes.plain, current + 1)
    lower = lower if stability.downgrade == "one_level" else wishes.plain
    place = np.select(
        [
            ~standing.known,
            evaluated & moves_up,
            evaluated & settled & ~downwards,
            falling & ~stays,
        ],
        [wishes.plain, wishes.up, wishes.plain, lower],
        current,
    )
    waits = _Waits(falls, drifts, downwards, stays, began, grace_ends, stay_ends, evaluated)
    return _moves(place, current, standing, stability, waits, today, falling & ~stays)


@dataclass(frozen=True)
class _Waits:
    """What a change waits for: until when, and since when it has been wanted."""

    falls: Mask
    drifts: Mask
    downwards: Mask
    stays: Mask
    began: Days
    grace_ends: Days
    stay_ends: Days
    evaluated: Mask


def _moves(
    place: Places,
    current: Places,
    standing: Standing,
    stability: Stability,
    waits: _Waits,
    today: np.datetime64,
    fell: Mask,
) -> Moves:
    same = standing.known & (place == current)
    not_evaluated = standing.known & ~waits.evaluated
    watch_since = np.where(waits.drifts & same, waits.began, NOWHERE)
    watch_since[not_evaluated] = standing.watch_since[not_evaluated]
    state = np.full(len(place), FREE, dtype=object)
    state[not_evaluated] = NOT_EVALUATED
    state[waits.stays & (today < waits.stay_ends)] = MINIMUM_STAY
    state[waits.stays & (today < waits.grace_ends) & waits.falls] = WATCHED
    state[not_evaluated & waits.falls & ~np.isnat(standing.watch_since)] = WATCHED
    falls_or_drifts = waits.drifts | np.isin(state, (WATCHED, MINIMUM_STAY))
    may_fall = same & waits.downwards & falls_or_drifts
    # Where every day is a day of evaluation, keeping the last one would change every row.
    evaluated_on = today if stability.evaluate != "daily" else NOWHERE
    return Moves(
        place,
        np.where(same, standing.since, today),
        watch_since,
        np.where(not_evaluated, standing.evaluated_on, evaluated_on),
        state,
        np.where(may_fall, np.maximum(waits.grace_ends, waits.stay_ends), NOWHERE),
        (state != FREE) | fell | (waits.drifts & (stability.settle_months is not None)),
    )


def _evaluated(standing: Standing, stability: Stability, today: np.datetime64) -> Mask:
    """Whose turn it is: everyone's, or a month's or a year's first time."""
    last = standing.evaluated_on
    never = np.isnat(last)
    if stability.evaluate == "monthly":
        earlier = last.astype("datetime64[M]") < today.astype("datetime64[M]")
        return np.asarray(never | earlier, dtype=bool)
    if stability.evaluate == "anniversary":
        return np.asarray(never | (_last_anniversary(standing.since, today) > last), dtype=bool)
    return np.ones(len(last), dtype=bool)


def _last_anniversary(since: Days, today: np.datetime64) -> Days:
    """The latest day, not after today, that lies whole years after `since`."""
    months = today.astype("datetime64[M]") - since.astype("datetime64[M]")
    years = np.where(np.isnat(months), 0, months.astype(np.int64)) // 12
    anniversary = add_months(since, years * 12)
    return np.where(anniversary > today, add_months(since, (years - 1) * 12), anniversary)


def add_months(days: Days, months: Any) -> Days:
    """The same day so many calendar months later, or the last one of a shorter month."""
    first = days.astype("datetime64[M]")
    then = first + np.asarray(months)
    last = (then + 1).astype("datetime64[D]") - 1
    moved: Days = np.minimum(then.astype("datetime64[D]") + (days - first), last)
    return moved
