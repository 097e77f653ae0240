"""Every day has exactly one policy in force, whatever is activated, scheduled and withdrawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.terms import Term, Today, place_term, scheduled, term_on, withdraw_term
from api.errors import Conflict, InvalidInput

DAY = dt.date(2026, 3, 31)
TODAY = Today(decided_on=DAY, day=DAY + dt.timedelta(days=3))
FIRST = Term(1, "default version 1", None, None)


def day(offset: int) -> dt.date:
    return DAY + dt.timedelta(days=offset)


def merged(terms: Sequence[Term], changed: Sequence[Term]) -> list[Term]:
    by_row = {term.row: term for term in terms} | {term.row: term for term in changed}
    return list(by_row.values())


def placed(
    terms: Sequence[Term], start: int | None, end: int | None = None, today: Today = TODAY
) -> list[Term]:
    row = len(terms) + 1
    new = Term(
        row,
        f"x version {row}",
        None if start is None else day(start),
        None if end is None else day(end),
    )
    return merged(terms, place_term(terms, new, today))


def test_a_later_policy_ends_the_one_before() -> None:
    terms = placed([FIRST], 10)
    assert [(term.start, term.end) for term in terms] == [(None, day(10)), (day(10), None)]
    assert [term.row for term in terms if term.holds(day(9))] == [1]
    assert [term.row for term in terms if term.holds(day(10))] == [2]


def test_at_once_means_from_the_latest_refresh_on_which_may_be_repeated() -> None:
    terms = placed(placed([FIRST], None), None)
    assert [(term.start, term.end) for term in terms] == [
        (None, DAY),
        (DAY, DAY),
        (DAY, None),
    ]
    assert terms[1].empty


def test_before_the_first_refresh_it_means_since_ever() -> None:
    terms = placed([FIRST], None, today=Today(None, DAY))
    assert [term.row for term in terms if term.holds(dt.date(2001, 1, 1))] == [2]
    assert [term.row for term in terms if term.holds(day(900))] == [2]


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (-1, None, "effectiveFrom: 2026-03-30 is decided already"),
        (10, None, "x version 3 overlaps with x version 2, which is to begin on 2026-04-10"),
        (5, None, "x version 3 overlaps with x version 2, which begins on 2026-04-10"),
        (None, None, "overlaps with x version 2"),
        (5, 11, "overlaps with x version 2"),
        (5, 9, "from 2026-04-09 on no policy would be in force, until x version 2"),
        (5, 5, "is not after the first day"),
        (11, 12, "from 2026-04-12 on no policy would be in force"),
    ],
)
def test_days_that_overlap_or_are_left_out_are_refused(
    start: int | None, end: int | None, words: str
) -> None:
    terms = placed([FIRST], 10)
    with pytest.raises(InvalidInput) as refused:
        placed(terms, start, end)
    assert words in str(refused.value)


def test_what_has_not_begun_can_be_withdrawn() -> None:
    terms = placed(placed([FIRST], 10), 5, 10)
    kept = [term for term in terms if term.row != 2]
    assert merged(kept, withdraw_term(terms, 2, TODAY)) == [
        replace(FIRST, end=day(5)),
        Term(3, "x version 3", day(5), None),
    ]
    with pytest.raises(Conflict, match="Roll back"):
        withdraw_term(terms, 1, TODAY)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.none() | st.integers(0, 12), st.none() | st.integers(0, 14)),
        st.tuples(st.just("withdraw"), st.integers(1, 12), st.none()),
        st.tuples(st.just("refresh"), st.integers(0, 4), st.none()),
    ),
    max_size=12,
)


@given(STEPS, st.booleans())
def test_each_day_has_exactly_one_and_the_decided_past_stays(
    steps: list[tuple[str, int | None, int | None]], decided: bool
) -> None:
    today = TODAY if decided else Today(None, DAY)
    terms = [FIRST]
    for number, (step, first, second) in enumerate(steps, start=2):
        before = {day(offset): term_on(terms, day(offset)) for offset in range(-3, 30)}
        if step == "refresh":
            today = Today(day(((today.decided_on or DAY) - DAY).days + (first or 0)), today.day)
            continue
        try:
            if step == "withdraw":
                kept = [term for term in terms if term.row != first]
                terms = merged(kept, withdraw_term(terms, first or 0, today))
            else:
                start = None if first is None else day(first)
                end = None if second is None else day(second)
                new = Term(number, f"x version {number}", start, end)
                terms = merged(terms, place_term(terms, new, today))
        except (InvalidInput, Conflict):
            continue
        for offset in range(-3, 30):
            holding = [term for term in terms if term.holds(day(offset))]
            assert len(holding) == 1
            if today.decided_on is not None and day(offset) < today.decided_on:
                old = before[day(offset)]
                assert old is not None
                assert holding[0].row == old.row
        assert all(term.start and term.start > today.first for term in scheduled(terms, today))
