"""The resource guard: what each tier is worth against what is spent on it.

Two faults are looked for: equal shares (every tier gets about the same service although their
value differs widely) and inversion (a less valuable tier gets more than a more valuable one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

AlertKind = Literal["inversion", "equal_shares"]
Measure = Literal["service_cost", "contact_hours"]
EQUAL_WITHIN = 0.1
"""Shares per customer that differ by less, of the largest, count as equal."""
VALUE_DIFFERS_FROM = 2.0
"""How many times the least valuable tier's value per customer the best one's is, at least."""


@dataclass(frozen=True)
class TierUse:
    """One tier's customers, their value and what serving them took in the last 365 days."""

    tier: str
    customers: int
    value_minor: int
    service_cost_minor: int
    contact_hours: float

    @property
    def value_each(self) -> float:
        return self.value_minor / self.customers

    def spent_each(self, measure: Measure) -> float:
        spent = self.service_cost_minor if measure == "service_cost" else self.contact_hours
        return spent / self.customers


@dataclass(frozen=True)
class Alert:
    """A fault in how service is spread, with the numbers that show it; amounts in minor units."""

    kind: AlertKind
    measure: Measure
    tier: str
    """The tier that gets too much: the less valuable one."""
    other: str
    """The tier it is compared with: the more valuable one."""
    value_each: float
    other_value_each: float
    spent_each: float
    other_spent_each: float


def guard(uses: Sequence[TierUse]) -> list[Alert]:
    """Faults, the worst pairs first; tiers without customers say nothing."""
    present = sorted(
        (each for each in uses if each.customers > 0),
        key=lambda each: (-each.value_each, each.tier),
    )
    alerts = []
    for measure in ("service_cost", "contact_hours"):
        alerts += _equal_shares(present, measure) or _inversions(present, measure)
    return alerts


def _inversions(present: Sequence[TierUse], measure: Measure) -> list[Alert]:
    found = [
        _alert("inversion", measure, worse, better)
        for better, worse in combinations(present, 2)
        if worse.value_each < better.value_each
        and worse.spent_each(measure) > better.spent_each(measure)
    ]
    return sorted(
        found, key=lambda each: (each.other_spent_each - each.spent_each, each.tier, each.other)
    )


def _equal_shares(present: Sequence[TierUse], measure: Measure) -> list[Alert]:
    if len(present) < 2:
        return []
    best, worst = present[0], present[-1]
    shares = [each.spent_each(measure) for each in present]
    even = max(shares) > 0 and max(shares) - min(shares) <= EQUAL_WITHIN * max(shares)
    differs = best.value_each > 0 and best.value_each >= VALUE_DIFFERS_FROM * worst.value_each
    return [_alert("equal_shares", measure, worst, best)] if even and differs else []


def _alert(kind: AlertKind, measure: Measure, worse: TierUse, better: TierUse) -> Alert:
    return Alert(
        kind,
        measure,
        worse.tier,
        better.tier,
        worse.value_each,
        better.value_each,
        worse.spent_each(measure),
        better.spent_each(measure),
    )


TEXTS: dict[tuple[AlertKind, Measure], tuple[str, str]] = {
    ("inversion", "service_cost"): (
        "{tier} customers cost {spent} each to serve, {other} customers {other_spent}, although "
        "they are worth {value} against {other_value} each",
        "{tier}客户每位服务成本为 {spent}，高于{other}客户的 {other_spent}，"
        "但其价值为每位 {value}，低于 {other_value}",
    ),
    ("inversion", "contact_hours"): (
        "{tier} customers take {spent} of contact each, {other} customers {other_spent}, although "
        "they are worth {value} against {other_value} each",
        "{tier}客户每位占用联系时间 {spent}，高于{other}客户的 {other_spent}，"
        "但其价值为每位 {value}，低于 {other_value}",
    ),
    ("equal_shares", "service_cost"): (
        "Every tier costs about the same to serve ({tier} {spent}, {other} {other_spent} each), "
        "although {other} customers are worth {other_value} against {value} each",
        "各等级每位客户的服务成本几乎相同（{tier} {spent}，{other} {other_spent}），"
        "但{other}客户每位价值 {other_value}，{tier}仅 {value}",
    ),
    ("equal_shares", "contact_hours"): (
        "Every tier gets about the same contact time ({tier} {spent}, {other} {other_spent} each), "
        "although {other} customers are worth {other_value} against {value} each",
        "各等级每位客户的联系时间几乎相同（{tier} {spent}，{other} {other_spent}），"
        "但{other}客户每位价值 {other_value}，{tier}仅 {value}",
    ),
}
"""By kind and measure: English, simplified Chinese."""
