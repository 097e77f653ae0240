"""What there is room and money for: where it brings most, by deferred acceptance.

Everybody asks for the best of each conflict group. Each owner role keeps those that bring most,
as many as it has room for, and all together keep those that bring most while the budget lasts;
who is turned away asks for the next best of the group, until nobody is turned away any more
(Gale and Shapley 1962, "College Admissions and the Stability of Marriage"). As both sides go by
the same gains, the outcome does not depend on any order but theirs: without a budget it is what
taking pair by pair from the highest gain down gives.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Mask
from api.domain.strategy_choice import Candidates, Chosen
from api.domain.strategy_circumstances import Circumstances


def within_limits(candidates: Candidates, chosen: Chosen, circumstances: Circumstances) -> Chosen:
    """The pairs that capacities and budget leave, with next best ones for who is turned away."""
    plan = circumstances.resources
    roles = [each.owner_role for each in candidates.ordered]
    limited = {role: number for role, number in plan.capacities.items() if role in roles}
    if not limited and plan.budget_minor is None:
        return chosen
    numbers = circumstances.numbers
    if numbers is None:
        numbers = np.arange(candidates.size)
    while True:
        away = np.zeros(len(chosen.customers), dtype=bool)
        for role, capacity in limited.items():
            mine = np.array([each == role for each in roles])[chosen.strategies]
            away |= _beyond(chosen, mine, capacity, numbers)
        if plan.budget_minor is not None:
            away |= _unaffordable(candidates, chosen, ~away, plan.budget_minor, numbers)
        if not away.any():
            return chosen
        chosen = _next_best(candidates, chosen, away)


def _beyond(chosen: Chosen, mine: Mask, capacity: int, numbers: npt.NDArray[np.int64]) -> Mask:
    """Which of `mine` come after as many as there is room for."""
    away = np.zeros(len(mine), dtype=bool)
    rows = np.flatnonzero(mine)
    if len(rows) > capacity:
        away[rows[_by_gain(chosen, rows, numbers)][capacity:]] = True
    return away


def _unaffordable(
    candidates: Candidates,
    chosen: Chosen,
    kept: Mask,
    budget: int,
    numbers: npt.NDArray[np.int64],
) -> Mask:
    """Which of `kept` cost something and come after the budget is spent."""
    away = np.zeros(len(kept), dtype=bool)
    costs = np.array([each.cost_minor for each in candidates.ordered])[chosen.strategies]
    rows = np.flatnonzero(kept & (costs > 0))
    ordered = rows[_by_gain(chosen, rows, numbers)]
    # Sums in floats are exact up to 2^53, which no budget exceeds.
    away[ordered[np.cumsum(costs[ordered].astype(np.float64)) > budget]] = True
    return away


def _by_gain(
    chosen: Chosen, rows: npt.NDArray[np.intp], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """The order of these pairs: most gain first, then by strategy, then by customer."""
    order: npt.NDArray[np.intp] = np.lexsort(
        (numbers[chosen.customers[rows]], chosen.strategies[rows], ~chosen.gains[rows])
    )
    return order


def _next_best(candidates: Candidates, chosen: Chosen, away: Mask) -> Chosen:
    turned_away = chosen.where(away)
    for place in np.unique(turned_away.strategies):
        customers = turned_away.customers[turned_away.strategies == place]
        candidates.suits[place][customers] = False
    kept = chosen.where(~away)
    groups = candidates.group_of[turned_away.strategies]
    for group in np.unique(groups):
        customers = np.sort(turned_away.customers[groups == group])
        kept = kept.and_(candidates.best_of(int(group), customers))
    return kept
