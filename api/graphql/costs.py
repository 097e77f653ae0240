"""What documents cost: how much each field weighs, how long each list may be, and the formula.

A value is a field of an object in the answer; a JSON document or a list of plain values is one.
A field costs 1 and its weight, and what is below it as often as it may be there: by its page size,
or by the length declared here, which is the most that the resolver gives. What was really
answered costs the same by the same formula, counted in the answer, so it never costs more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

BASE_POINTS = 2
"""What any request costs: about the time that it takes to read one and to answer nothing."""
VALUES_A_POINT = 250
"""A point is about a millisecond of one process."""
HEAVY_POINTS = 100
"""A document that costs more takes one of the few slots for heavy ones."""
INTROSPECTION = ("__schema", "__type")
INTROSPECTION_WEIGHT = 25_000
"""Whatever is asked of the schema, which is not large: `limits` bounds that."""

LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "recommendedStrategies": 20,
        "withheldStrategies": 20,
        "all": 20,
        "strategyActions": 10,
        "lines": 10,
        "measures": 10,
        "history": 5,
        "segments": 5,
        "reasons": 3,
        "clvReasons": 3,
        "conditions": 2,
        "needs": 2,
    }
)
"""How long lists can be that are asked for without a page size."""
WEIGHTS: Mapping[str, int] = MappingProxyType(
    {
        "simulateTierPolicy": 200_000,
        "revenueBridge": 40_000,
        "retentionByTier": 40_000,
        "slaBreaches": 40_000,
        "resourceGuard": 40_000,
        "tierMigration": 20_000,
        "boundary": 20_000,
        "validateTierPolicy": 5_000,
        "policyDocument": 5_000,
        "whatIf": 2_500,
        "withheldStrategies": 500,
        "explainTier": 500,
        "tierDecision": 500,
    }
)
"""What takes as long as so many values: it looks at everybody, or decides again."""


def points(values: int) -> int:
    """What a request costs that comes to so many values."""
    return BASE_POINTS + values // VALUES_A_POINT


def weight_of(place: str) -> int:
    """What a field weighs beside the 1 that each costs; `place` is its type and name."""
    name = place.partition(".")[2]
    return INTROSPECTION_WEIGHT if name in INTROSPECTION else WEIGHTS.get(name, 0)


def length_of(place: str) -> int:
    """How often what is below a field without a page size may be there: once below most."""
    return LENGTHS.get(place.partition(".")[2], 1)


@dataclass
class Place:
    """One path of the answer: what a value there costs, and what may be below it."""

    cost: int = 1
    times: int = 0
    """How often the document asks for it."""
    below: dict[str, Place] = field(default_factory=dict)
    flat: bool = False
    """Whether what is below it costs nothing more."""


def values_in(answer: Any, place: Place) -> int:
    """What an answer really came to, of a document with these places."""
    if isinstance(answer, list):
        return sum(values_in(each, place) for each in answer)
    if not isinstance(answer, dict):
        return 0
    total = 0
    for name, value in answer.items():
        found = place.below[name]
        total += found.cost
        if found.below and not found.flat and value is not None:
            total += values_in(value, found)
    return total
