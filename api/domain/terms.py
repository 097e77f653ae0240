"""On which days which version of a policy is in force: every day exactly one.

A term begins on a day, or has been there since ever, and lasts until the day another takes over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from api.errors import Conflict, InvalidInput


@dataclass(frozen=True)
class Term:
    """In force from `start` (None: since ever) up to, not including, `end` (None: open)."""

    row: int
    label: str
    """For messages: `default version 3`."""
    start: dt.date | None
    end: dt.date | None

    @property
    def empty(self) -> bool:
        """It was replaced before it decided anything."""
        return self.start is not None and self.start == self.end

    def holds(self, day: dt.date) -> bool:
        begun = self.start is None or self.start <= day
        return begun and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Today:
    """What has been decided already: history is not rewritten.

    `decided_on` is the day of the latest refresh (None: there was none), which may be repeated;
    `day` is the one the next refresh looks at.
    """

    decided_on: dt.date | None
    day: dt.date

    @property
    def first(self) -> dt.date:
        """The first day that can still be decided otherwise."""
        return self.decided_on or self.day


def term_on(terms: Iterable[Term], day: dt.date) -> Term | None:
    return next((term for term in terms if term.holds(day)), None)


def scheduled(terms: Iterable[Term], today: Today) -> list[Term]:
    """The terms that have not begun, first to begin first."""
    later = [
        (term.start, term)
        for term in terms
        if term.start is not None and term.start > today.first and not term.empty
    ]
    return [term for _, term in sorted(later, key=lambda pair: pair[0])]


def place_term(terms: Sequence[Term], new: Term, today: Today) -> list[Term]:
    """The terms that change when `new` comes among them, `new` as the last of them.

    A `new.start` of None means at once: from the next refresh on.

    Raises:
        InvalidInput: it begins in the past, overlaps with a term that has not begun, or would
            leave days without any.
    """
    at_once = new.start is None
    start = new.start or today.first
    if start < today.first:
        raise InvalidInput(
            f"effectiveFrom: {start} is decided already, and history is not rewritten; "
            f"give {today.first} or a later day."
        )
    waiting = scheduled(terms, today)
    for term in waiting:
        if term.start == start:
            raise InvalidInput(
                f"effectiveFrom: {new.label} overlaps with {term.label}, which is to begin on "
                f"{start} too. Withdraw that one, or choose another day."
            )
    after = next((term for term in waiting if term.start and term.start > start), None)
    _check_end(new, start, after)
    before = term_on(terms, start)
    placed = replace(new, start=start)
    if before is None:
        return [replace(placed, start=None)]
    if at_once and today.decided_on is None and before.start is None:
        # Nothing has been decided by the one before, so this one is there since ever.
        return [replace(before, start=start, end=start), replace(placed, start=None)]
    return [replace(before, end=start), placed]


def _check_end(new: Term, start: dt.date, after: Term | None) -> None:
    if after is None:
        if new.end is not None:
            raise InvalidInput(
                f"effectiveTo: from {new.end} on no policy would be in force. Leave it out: "
                f"{new.label} then lasts until another takes over."
            )
        return
    if new.end is None or (after.start is not None and new.end > after.start):
        raise InvalidInput(
            f"effectiveTo: {new.label} overlaps with {after.label}, which begins on "
            f"{after.start}. Give effectiveTo {after.start}, or withdraw that one."
        )
    if new.end <= start:
        raise InvalidInput(f"effectiveTo: {new.end} is not after the first day, {start}.")
    if new.end != after.start:
        raise InvalidInput(
            f"effectiveTo: from {new.end} on no policy would be in force, until {after.label} "
            f"begins on {after.start}. Give effectiveTo {after.start}."
        )


def withdraw_term(terms: Sequence[Term], row: int, today: Today) -> list[Term]:
    """The terms that change when one that has not begun is taken back.

    Raises:
        Conflict: it has begun, or has no term.
    """
    term = next((each for each in scheduled(terms, today) if each.row == row), None)
    if term is None:
        raise Conflict(
            "version: only what has not begun can be withdrawn. Roll back to an earlier version."
        )
    before = next(each for each in terms if each.end == term.start and not each.empty)
    return [replace(before, end=term.end)]
