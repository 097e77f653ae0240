"""What is said of the time left, with a clock turned by hand."""

from __future__ import annotations

import pytest

from api.cli.terminal import Pace, spoken


class HandClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_follows_from_the_share_done_and_counts_down() -> None:
    clock = HandClock()
    pace = Pace(clock)
    pace.tell("Fitting", 0.0)
    assert pace.seconds_left() is None
    clock.now += 10
    pace.tell("Fitting", 0.25)
    assert pace.seconds_left() == pytest.approx(30.0)
    clock.now += 12
    assert pace.seconds_left() == pytest.approx(18.0)
    clock.now += 100
    assert pace.seconds_left() == 0.0


def test_another_step_is_measured_afresh() -> None:
    clock = HandClock()
    pace = Pace(clock)
    pace.tell("Features", 0.5)
    clock.now += 10
    pace.tell("Features", 1.0)
    assert pace.seconds_left() == 0.0
    pace.tell("Fitting", None)
    assert pace.seconds_left() is None
    clock.now += 4
    pace.tell("Fitting", 0.5)
    assert pace.seconds_left() == pytest.approx(4.0)
    pace.tell("Fitting", 0.1)
    assert pace.seconds_left() is None


def test_durations_are_said_in_minutes_where_they_are_long() -> None:
    assert (spoken(0.2), spoken(59.4), spoken(61), spoken(3600)) == (
        "0 s",
        "59 s",
        "1 min 01 s",
        "60 min 00 s",
    )
