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
from api.domain.strategies.choice import Candidates, Chosen, joined
from api.domain.strategies.circumstances import Circumstances


def within_limits(candidates: Candidates, chosen: Chosen, circumstances: Circumstances) -> Chosen:
    """The pairs that capacities and budget leave, with next best ones for who is turned away."""
    plan = circumstances.resources
    roles = [each.owner_role for each in candidates.ordered]
    limited = {role: number for role, number in plan.capacities.items() if role in roles}
    contested = np.array(
        [
            each.owner_role in limited or (plan.budget_minor is not None and each.cost_minor > 0)
            for each in candidates.ordered
        ]
    )
    numbers = circumstances.numbers
    if numbers is None:
        numbers = np.arange(candidates.size)
    settled = [chosen.where(~contested[chosen.strategies])]
    asking = chosen.where(contested[chosen.strategies])
    while True:
        away = np.zeros(len(asking.customers), dtype=bool)
        for role, capacity in limited.items():
            mine = np.array([each == role for each in roles])[asking.strategies]
            away |= _beyond(asking, mine, capacity, numbers)
        if plan.budget_minor is not None:
            away |= _unaffordable(candidates, asking, ~away, plan.budget_minor, numbers)
        if not away.any():
            return joined([*settled, asking])
        others = _next_best(candidates, asking.where(away))
        settled.append(others.where(~contested[others.strategies]))
        asking = joined([asking.where(~away), others.where(contested[others.strategies])])


def _beyond(chosen: Chosen, mine: Mask, capacity: int, numbers: npt.NDArray[np.int64]) -> Mask:
    """Which of `mine` come after as many as there is room for."""
    away = np.zeros(len(mine), dtype=bool)
    rows = np.flatnonzero(mine)
    if capacity == 0:
        away[rows] = True
    elif len(rows) > capacity:
        gains = chosen.gains[rows]
        lowest = np.partition(gains, len(rows) - capacity)[len(rows) - capacity]
        away[rows[gains < lowest]] = True
        equal = rows[gains == lowest]
        room = capacity - int((gains > lowest).sum())
        away[_in_order(chosen, equal, numbers)[room:]] = True
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
    # Sums in floats are exact up to 2^53, which no budget exceeds.
    costs = np.array([float(each.cost_minor) for each in candidates.ordered])[chosen.strategies]
    rows = np.flatnonzero(kept & (costs > 0))
    rows = rows[np.argsort(~chosen.gains[rows], kind="stable")]
    spent = np.cumsum(costs[rows])
    first = int(np.searchsorted(spent, budget, side="right"))
    if first == len(rows):
        return away
    gains = chosen.gains[rows]
    away[rows[gains < gains[first]]] = True
    equal = _in_order(chosen, rows[gains == gains[first]], numbers)
    before = costs[rows[gains > gains[first]]].sum()
    away[equal[before + np.cumsum(costs[equal]) > budget]] = True
    return away


def _in_order(
    chosen: Chosen, rows: npt.NDArray[np.intp], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """Pairs of equal gain by strategy, then by customer."""
    order = np.lexsort((numbers[chosen.customers[rows]], chosen.strategies[rows]))
    ordered: npt.NDArray[np.intp] = rows[order]
    return ordered


def _next_best(candidates: Candidates, turned_away: Chosen) -> Chosen:
    for place in np.unique(turned_away.strategies).tolist():
        customers = turned_away.customers[turned_away.strategies == place]
        candidates.suits[place][customers] = False
    groups = candidates.group_of[turned_away.strategies]
    return joined(
        [
            candidates.best_of(group, np.sort(turned_away.customers[groups == group]))
            for group in np.unique(groups).tolist()
        ]
    )
