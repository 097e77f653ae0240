"""What would move a customer to a better tier: changes of single measures, found by deciding again.

Only measures that a business or its customer can act on; nobody can act on an age. A change is the
smallest one of that measure alone, all others as they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from api.domain.conditions import Condition
from api.domain.fields import Field
from api.domain.policies import PolicyDocument
from api.domain.rules import Rule
from api.domain.scores import Scale, Score, Steps
from api.domain.tiers import TierPolicy
from api.domain.tiers.standings import NOWHERE, Standing

UP, DOWN = 1, -1
_DIRECTIONS: Mapping[str, int] = {
    "net_spend": UP,
    "order_count": UP,
    "mean_basket": UP,
    "margin": UP,
    "profit": UP,
    "department_count": UP,
    "interaction_count": UP,
    "satisfaction": UP,
    "last_satisfaction": UP,
    "referral_count": UP,
    "referred_net_spend": UP,
    "balance": UP,
    "avg_daily_balance_month": UP,
    "service_cost": DOWN,
    "recency_days": DOWN,
    "mean_gap_days": DOWN,
    "last_interaction_days": DOWN,
    "response_hours": DOWN,
    "overdue_amount": DOWN,
    "overdue_days": DOWN,
    "late_payment_share": DOWN,
    "return_share": DOWN,
}
ACTIONABLE: Mapping[str, int] = MappingProxyType(_DIRECTIONS)
"""Measures that can be worked on, whatever their window, and in which direction."""
HALVINGS = 60


@dataclass(frozen=True)
class Change:
    """The least that one measure must become for the next better tier; money in minor units."""

    field: Field
    current: float | None
    needed: float
    tier: str


@dataclass(frozen=True)
class Situation:
    """One customer's decision, to be taken again with something changed.

    `since` is when the present tier began; `inputs` are the stored ones.
    """

    policy: TierPolicy
    inputs: Mapping[str, Any]
    tier: str | None
    since: dt.date
    as_of: dt.date

    def decide(self, changes: Sequence[Mapping[str, float]]) -> list[str | None]:
        """The tier after each of several changes of inputs, as if it were time to evaluate.

        Nothing set by hand counts: the question is what the policy says.
        """
        columns = {
            name: np.repeat(column, len(changes))
            for name, column in self.policy.columns_of(self.inputs).items()
        }
        for row, change in enumerate(changes):
            for name, value in change.items():
                columns[name] = columns[name].astype(np.float64)
                columns[name][row] = value
        decisions = self.policy.decide(
            columns, self._standing(len(changes)), self.as_of, cuts=self.inputs.get("_cuts")
        )
        tiers: list[str | None] = decisions.tiers.tolist()
        return tiers

    def _standing(self, size: int) -> Standing:
        """In the tier that the policy gave, its turn come."""
        tier: npt.NDArray[np.object_] = np.full(size, self.tier, dtype=object)
        override = self.inputs.get("_override")
        days = np.full(size, NOWHERE)
        since = np.full(size, np.datetime64(self.since, "D"))
        return Standing(tier, np.full(size, override is None), since, days, days)

    @property
    def ranks(self) -> dict[str | None, int]:
        tiers = self.policy.document.tiers
        return {**{tier.key: tier.rank for tier in tiers}, None: len(tiers) + 1}


def single_changes(situation: Situation) -> tuple[Change, ...]:
    """For each measure that can be acted on, the smallest change that betters the tier by itself.

    Each is verified by deciding again: with it the tier is better, and just short of it not.
    """
    tried = list(_candidates(situation))
    if not tried:
        return ()
    ranks = situation.ranks
    now = ranks.get(situation.decide([{}])[0], len(ranks))
    flat = [{field.name: value} for field, values in tried for value in values]
    reached = iter(situation.decide(flat))
    found: list[Change] = []
    for field, values in tried:
        tiers = [next(reached) for _ in values]
        better = [place for place, tier in enumerate(tiers) if ranks[tier] < now]
        if not better:
            continue
        place = better[0]
        before = values[place - 1] if place else _current(situation, field)
        change = _halved(situation, field, before, values[place], now)
        found.append(change)
    return tuple(found)


def _halved(
    situation: Situation, field: Field, short: float | None, enough: float, now: int
) -> Change:
    """Between a value that is not enough and one that is, the first that is; in whole units."""
    ranks = situation.ranks

    def tier_at(value: float) -> str | None:
        return situation.decide([{field.name: value}])[0]

    if short is not None and _in_scale(situation.policy.document, field):
        for _ in range(HALVINGS):
            middle = (short + enough) / 2
            middle = float(np.floor(middle)) if field.whole else middle
            if middle in (short, enough):
                break
            if ranks[tier_at(middle)] < now:
                enough = middle
            else:
                short = middle
    return Change(field, _current(situation, field), enough, str(tier_at(enough)))


def _current(situation: Situation, field: Field) -> float | None:
    value = situation.inputs[field.name]
    return None if value is None else float(value)


def _candidates(situation: Situation) -> Iterator[tuple[Field, list[float]]]:
    """By measure, the values at which something may happen, from the present one away."""
    for field in situation.policy.document.fields.values():
        direction = direction_of(field)
        if direction is None or field.type not in ("number", "money"):
            continue
        current = _current(situation, field)
        if current is None and direction == DOWN:
            continue
        values: set[float] = set()
        for threshold in _thresholds(situation, field):
            values |= {threshold, _beyond(threshold, field, direction)}
        least = field.lowest if field.lowest is not None else -np.inf
        ahead = [
            value
            for value in values
            if value >= least and (current is None or (value - current) * direction > 0)
        ]
        if ahead:
            yield field, sorted(ahead, reverse=direction == DOWN)


def direction_of(field: Field) -> int | None:
    """In which direction a field can be worked on, if at all."""
    return ACTIONABLE.get(field.measure or field.name) or ACTIONABLE.get(_stem(field.name))


def _stem(name: str) -> str:
    """A measure's name without its window."""
    stem, _, window = name.rpartition("_")
    return stem if window.endswith("d") and window[:-1].isdigit() else name


def _beyond(threshold: float, field: Field, direction: int) -> float:
    """The next value past a threshold that must be exceeded."""
    if field.whole:
        return threshold + direction
    return float(np.nextafter(threshold, np.inf * direction))


def _thresholds(situation: Situation, field: Field) -> Iterator[float]:
    for branch in situation.policy.document.branches:
        cuts = (situation.inputs.get("_cuts") or {}).get(branch.key, {})
        drawn = branch.ladder(cuts) if branch.quantiles is None or cuts else ()
        for rung in (*drawn, *branch.fallback):
            for rule in (rung.rule, rung.enter):
                yield from _of_rule(rule, field)
        for score in branch.scores:
            yield from _of_score(score, field)


def _of_rule(rule: Rule, field: Field) -> Iterator[float]:
    for each in rule.conditions():
        if each.field == field:
            yield from _numbers(each)


def _numbers(condition: Condition) -> Iterator[float]:
    for value in condition.values:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield float(value)


def _of_score(score: Score, field: Field) -> Iterator[float]:
    for criterion in score.criteria:
        if criterion.field == field and isinstance(criterion.points, Scale):
            yield from (criterion.points.worst, criterion.points.best)
        elif criterion.field == field and isinstance(criterion.points, Steps):
            yield from criterion.points.thresholds


def _in_scale(document: PolicyDocument, field: Field) -> bool:
    return any(
        criterion.field == field and isinstance(criterion.points, Scale)
        for branch in document.branches
        for score in branch.scores
        for criterion in score.criteria
    )
