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
from api.domain.strategy_choice import Candidates, Chosen, joined
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


def _next_best(candidates: Candidates, chosen: Chosen, away: Mask) -> Chosen:
    turned_away = chosen.where(away)
    for place in np.unique(turned_away.strategies).tolist():
        customers = turned_away.customers[turned_away.strategies == place]
        candidates.suits[place][customers] = False
    groups = candidates.group_of[turned_away.strategies]
    found = [chosen.where(~away)]
    for group in np.unique(groups).tolist():
        customers = np.sort(turned_away.customers[groups == group])
        found.append(candidates.best_of(group, customers))
    return joined(found)
