"""What documents cost: how much each field weighs, how long each list may be, and the formula.

A value is a field of an object in the answer; a JSON document or a list of plain values is one.
A field costs 1 and its weight, and what is below it as often as it may be there: by its page size,
or by the length that `prices` declares, which no list exceeds. What was really
answered costs the same by the same formula, counted in the answer, so it never costs more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from api.graphql.errors import ListTooLong
from api.graphql.prices import CHANGE, LENGTHS, MOST_USER_ERRORS, WEIGHTS

BASE_POINTS = 2
"""What any request costs: about the time that it takes to read one and to answer nothing."""
VALUES_A_POINT = 250
"""A point is about a millisecond of one process."""
HEAVY_POINTS = 100
"""A document that costs more takes one of the few slots for heavy ones."""
INTROSPECTION = ("__schema", "__type")


def points(values: int) -> int:
    """What a request costs that comes to so many values."""
    return BASE_POINTS + values // VALUES_A_POINT


def weight_of(place: str) -> int:
    """What a field weighs beside the 1 that each costs; `place` is its type and name."""
    return WEIGHTS.get(place, CHANGE if place.startswith("Mutation.") else 0)


def longest_of(place: str) -> int | None:
    """How many entries a list without a page size may have."""
    return LENGTHS.get(place, MOST_USER_ERRORS if place.endswith(".userErrors") else None)


def length_of(place: str) -> int:
    """How often what is below a field without a page size may be there: once below most."""
    return longest_of(place) or 1


@dataclass
class Place:
    """One path of the answer: what a value there costs, and what may be below it."""

    cost: int = 1
    longest: int | None = None
    """How many entries a list there may have; none where a page size says it."""
    name: str = ""
    times: int = 0
    """How often the document asks for it."""
    below: dict[str, Place] = field(default_factory=dict)
    flat: bool = False
    """Whether what is below it costs nothing more."""
    known: dict[tuple[str, ...], tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    """By the names that an answer's object has: what they cost, and which have something below."""

    def costs(self, names: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
        found = self.known.get(names)
        if found is None:
            places = [self.below[name] for name in names]
            deeper = (name for name, p in zip(names, places, strict=True) if p.below and not p.flat)
            found = self.known[names] = sum(p.cost for p in places), tuple(deeper)
        return found

    def take(self, name: str) -> None:
        """Let a field, given by its type and name, be answered here."""
        self.cost = max(self.cost, 1 + weight_of(name))
        # Fields of two types may share a place; then no one length holds for it.
        self.longest = longest_of(name) if self.name in ("", name) else None
        self.name = name


def values_in(answer: Any, place: Place) -> int:
    """What an answer really came to, of a document with these places.

    Raises:
        ListTooLong: a list has more entries than its document was charged for.
    """
    if isinstance(answer, list):
        if place.longest is not None and len(answer) > place.longest:
            raise ListTooLong(
                f"{place.name} has {len(answer):,} entries; {place.longest:,} can be shown."
            )
        return sum(values_in(each, place) for each in answer)
    if not isinstance(answer, dict):
        return 0
    total, deeper = place.costs(tuple(answer))
    for name in deeper:
        if answer[name] is not None:
            total += values_in(answer[name], place.below[name])
    return total
