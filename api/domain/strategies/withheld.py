"""Why what is meant for a customer is not recommended: told by deciding again for a few."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from api.domain.conditions import Columns
from api.domain.rules import EVERYONE
from api.domain.strategies.choice import Candidates
from api.domain.strategies.circumstances import Circumstances
from api.domain.strategies.documents import Strategy


@dataclass(frozen=True)
class Withheld:
    """A strategy whose rule holds for the customer, and the code of why it is not recommended."""

    strategy: str
    code: str
    params: dict[str, Any]


def withheld(
    catalogue: Sequence[Strategy],
    columns: Columns,
    circumstances: Circumstances,
    recommended: Sequence[Collection[str]],
) -> list[list[Withheld]]:
    """For each row, what is withheld and why, in the catalogue's order.

    `recommended` holds by row the keys that the last refresh has recommended. What nothing of the
    customer's own speaks against was turned away for lack of room or money, or stands too far down.
    """
    ordered = tuple(sorted(catalogue, key=lambda each: (each.rule == EVERYONE, each.key)))
    if not ordered:
        return [[] for _ in recommended]
    decision = _Decision(ordered, Candidates(ordered, columns, circumstances), circumstances)
    return [
        [
            Withheld(ordered[place].key, *decision.why(place, row, keys))
            for place in range(len(ordered))
            if decision.candidates.meant[place][row] and ordered[place].key not in keys
        ]
        for row, keys in enumerate(recommended)
    ]


@dataclass(frozen=True)
class _Decision:
    ordered: Sequence[Strategy]
    candidates: Candidates
    circumstances: Circumstances

    def why(self, place: int, row: int, recommended: Collection[str]) -> tuple[str, dict[str, Any]]:
        return (
            self._ruled_out(place, row)
            or self._not_now(place, row)
            or self._outdone(place, recommended)
            or self._no_room(place)
        )

    def _ruled_out(self, place: int, row: int) -> tuple[str, dict[str, Any]] | None:
        meant = self.candidates.meant
        for code, pairs in (
            ("withheld.suppressed", self.candidates.suppressions()),
            ("withheld.too_dear", self.candidates.caps()),
        ):
            for by, other in pairs:
                if other == place and meant[by][row]:
                    return code, {"by": self.ordered[by].key}
        return None

    def _not_now(self, place: int, row: int) -> tuple[str, dict[str, Any]] | None:
        strategy = self.ordered[place]
        allowed = self.circumstances.allows(strategy, self.candidates.size)
        if allowed is not None and not allowed[row]:
            channel = strategy.channel or "any"
            return "withheld.no_consent", {"purpose": strategy.consent_purpose, "channel": channel}
        last = self.circumstances.done.get(strategy.key)
        if last is not None and row in self.circumstances.resting(strategy):
            ago = int(last.days_ago[last.rows == row].min())
            return "withheld.cooling_down", {
                "days_ago": ago,
                "days_left": strategy.cooldown_days - ago,
            }
        gain = int(self.candidates.gain(place, np.array([row]))[0])
        if gain < strategy.min_gain_minor:
            return "withheld.costs_more_than_it_brings", {"amount": gain}
        return None

    def _outdone(
        self, place: int, recommended: Collection[str]
    ) -> tuple[str, dict[str, Any]] | None:
        groups = self.candidates.group_of
        for other, strategy in enumerate(self.ordered):
            if groups[other] == groups[place] and strategy.key in recommended:
                return "withheld.something_better", {"by": strategy.key}
        return None

    def _no_room(self, place: int) -> tuple[str, dict[str, Any]]:
        strategy, plan = self.ordered[place], self.circumstances.resources
        if strategy.owner_role in plan.capacities:
            return "withheld.no_capacity", {"role": strategy.owner_role}
        if plan.budget_minor is not None and strategy.cost_minor > 0:
            return "withheld.over_budget", {}
        return "withheld.further_down", {}
