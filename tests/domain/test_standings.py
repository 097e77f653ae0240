"""What keeps tiers from flapping: bands, grace and watch, a minimum stay, evaluation days."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.fields import FIELDS
from api.domain.policies.stability import moved
from api.domain.rules import parse_rule
from api.domain.tiers import Overrides, TierPolicy, parse_policy
from api.domain.tiers.standings import Standing, add_months

TEXT = {"en": "text", "zh": "文字"}
MARCH = dt.date(2026, 3, 31)


def policy_of(*, grace_of_top: int | None = None, **stability: Any) -> TierPolicy:
    """Tiers at 1,000, 500 and 100 of net spend, and none below."""
    thresholds = {"top": 1000, "middle": 500, "low": 100}
    tiers = [
        {"key": key, "rank": rank, "name": TEXT, "description": TEXT, "at_least": amount}
        for rank, (key, amount) in enumerate(thresholds.items(), start=1)
    ]
    if grace_of_top is not None:
        tiers[0]["grace_months"] = grace_of_top
    return parse_policy(
        {
            "key": "test",
            "kind": "thresholds",
            "name": TEXT,
            "description": TEXT,
            "measure": "net_spend",
            "tiers": tiers,
            "below": "none",
            "stability": stability,
        },
        0,
    )


def months_of(policy: TierPolicy, spends: list[float], start: dt.date = MARCH) -> list[str | None]:
    """The tier at each month's end; what is decided is what the next month starts from."""
    standing, tiers = Standing.of(1), []
    for months, spend in enumerate(spends):
        day = add_months(np.array([start], "datetime64[D]"), months)[0].astype(dt.date)
        decided = policy.decide({"net_spend": np.array([spend])}, standing, day)
        inputs = json.loads(decided.inputs_json()[0])
        assert policy.replay(inputs) == decided.tiers[0]
        moves = decided.moves
        standing = Standing(
            decided.tiers, np.ones(1, bool), moves.since, moves.watch_since, moves.evaluated_on
        )
        tiers.append(decided.tiers[0])
    return tiers


def test_without_bands_the_measures_of_the_day_decide() -> None:
    assert months_of(policy_of(), [1000, 999, 1000, 99, 100]) == [
        "top",
        "middle",
        "top",
        None,
        "low",
    ]


def test_a_tier_is_kept_within_the_exit_margin_and_lost_below_it() -> None:
    policy = policy_of(exit_margin=0.1)
    assert months_of(policy, [1000, 900, 899.99, 1000]) == ["top", "top", "middle", "top"]


def test_moving_up_takes_the_enter_margin_but_a_new_customer_does_not_need_it() -> None:
    policy = policy_of(enter_margin=0.1)
    assert months_of(policy, [500, 1000, 1099, 1100]) == ["middle", "middle", "middle", "top"]
    assert months_of(policy, [1000]) == ["top"]


def test_what_lasts_is_followed_within_the_margins_too() -> None:
    policy = policy_of(exit_margin=0.1, enter_margin=0.1, settle_months=2)
    assert months_of(policy, [1000, 950, 950, 950]) == ["top", "top", "top", "middle"]
    assert months_of(policy, [1000, 950, 1000, 950, 950]) == ["top"] * 5, "it came back between"
    assert months_of(policy, [500, 1050, 1050, 1050]) == ["middle", "middle", "middle", "top"]


def test_a_tier_outlasts_its_conditions_by_the_grace_in_a_state_of_watch() -> None:
    policy = policy_of(grace_months=3)
    assert months_of(policy, [1000, 400, 400, 400, 400, 400]) == [
        "top",
        "top",
        "top",
        "top",
        "low",
        "low",
    ]
    assert months_of(policy, [1000, 400, 1000, 400, 400, 400]) == ["top"] * 6, "the watch ended"


def test_one_level_at_a_time_and_the_top_level_longer() -> None:
    policy = policy_of(grace_months=1, downgrade="one_level", grace_of_top=2)
    assert months_of(policy, [1000, 0, 0, 0, 0, 0, 0, 0]) == [
        "top",
        "top",
        "top",
        "middle",
        "middle",
        "low",
        "low",
        None,
    ]


def test_a_minimum_stay_holds_a_tier_but_no_promotion() -> None:
    policy = policy_of(minimum_stay_days=60)
    assert months_of(policy, [500, 100, 100]) == ["middle", "middle", "low"]
    assert months_of(policy, [500, 1000]) == ["middle", "top"]


def days_of(policy: TierPolicy, spends: dict[str, float]) -> list[str | None]:
    standing, tiers = Standing.of(1), []
    for day, spend in spends.items():
        columns = {"net_spend": np.array([spend])}
        decided = policy.decide(columns, standing, dt.date.fromisoformat(day))
        moves = decided.moves
        standing = Standing(
            decided.tiers, np.ones(1, bool), moves.since, moves.watch_since, moves.evaluated_on
        )
        tiers.append(decided.tiers[0])
    return tiers


def test_monthly_evaluation_looks_at_the_first_refresh_of_a_month() -> None:
    policy = policy_of(evaluate="monthly")
    spends = {"2026-01-31": 1000, "2026-02-01": 500, "2026-02-28": 100, "2026-03-02": 100}
    assert days_of(policy, spends) == ["top", "middle", "middle", "low"]


def test_anniversary_evaluation_looks_once_a_year_and_may_promote_at_once() -> None:
    spends = {
        "2024-02-29": 500,
        "2024-12-31": 1000,
        "2025-02-27": 1000,
        "2025-02-28": 1000,
        "2025-03-01": 100,
    }
    assert days_of(policy_of(evaluate="anniversary"), spends) == [
        "middle",
        "middle",
        "middle",
        "top",
        "top",
    ]
    at_once = policy_of(evaluate="anniversary", upgrades="at_once")
    assert days_of(at_once, spends) == ["middle", "top", "top", "top", "top"]


def test_a_tier_set_by_hand_stands_and_says_so() -> None:
    policy = policy_of()
    columns = {"net_spend": np.array([100.0, 100.0])}
    overrides = Overrides(
        np.array(["top", None], dtype=object),
        np.array([True, False]),
        np.array(["2026-12-31", "NaT"], "datetime64[D]"),
    )
    decided = policy.decide(columns, None, MARCH, overrides=overrides)
    assert decided.tiers.tolist() == ["top", "low"]
    assert decided.reasons(0) == [
        {"code": "tier.override", "params": {"until": "2026-12-31", "tier": "low"}}
    ]
    assert policy.replay(json.loads(decided.inputs_json()[0])) == "top"


def test_the_reasons_say_what_holds_the_tier() -> None:
    policy = policy_of(grace_months=3, exit_margin=0.1)
    standing = Standing(
        np.array(["top", "top", "middle"], dtype=object),
        np.ones(3, bool),
        *(np.full(3, np.datetime64(day, "D")) for day in ("2026-01-31", "NaT", "NaT")),
    )
    columns = {"net_spend": np.array([950.0, 100.0, 1000.0])}
    decided = policy.decide(columns, standing, MARCH)
    assert [[each["code"] for each in decided.reasons(row)] for row in range(3)] == [
        ["tier.kept_by_band"],
        ["tier.watch", "tier.missed"],
        ["tier.condition_met"],
    ]
    assert decided.reasons(1)[0]["params"] == {"since": "2026-03-31", "until": "2026-06-30"}
    margins = [margin and json.loads(margin) for margin in decided.margin_json()]
    assert margins[0] == {
        "tier": "middle",
        "conditions": [{"field": "net_spend", "op": "gte", "current": 950, "needed": 900}],
    }
    assert decided.gap_shares.tolist()[1:] == pytest.approx([float("nan")] * 2, nan_ok=True)


@given(
    value=st.floats(-1e6, 1e6, allow_nan=False),
    threshold=st.integers(-1000, 1000),
    margin=st.floats(0, 0.9),
    op=st.sampled_from(["gt", "gte", "lt", "lte"]),
    negated=st.booleans(),
)
def test_moving_a_threshold_out_never_loses_anyone_and_in_never_wins_anyone(
    value: float, threshold: int, margin: float, op: str, negated: bool
) -> None:
    condition: dict[str, Any] = {"field": "margin_365d", "op": op, "value": threshold}
    rule = parse_rule({"not": condition} if negated else condition, FIELDS, 0)
    columns = {"margin_365d": np.array([value])}
    plain = rule.mask(columns)[0]
    assert moved(rule, margin).mask(columns)[0] >= plain
    assert moved(rule, -margin).mask(columns)[0] <= plain
    assert moved(rule, 0) == rule


@given(
    spends=st.lists(st.sampled_from([0.0, 99, 100, 460, 500, 540, 950, 1000, 1090]), max_size=14),
    exit_margin=st.sampled_from([0.0, 0.1]),
    settle=st.sampled_from([None, 2]),
    grace=st.integers(0, 2),
    level=st.sampled_from(["one_level", "to_measure"]),
    stay=st.sampled_from([0, 45]),
)
def test_every_decision_replays_and_nobody_falls_below_what_the_measures_give(
    spends: list[float],
    exit_margin: float,
    settle: int | None,
    grace: int,
    level: str,
    stay: int,
) -> None:
    options = {} if settle is None else {"settle_months": settle}
    policy = policy_of(
        exit_margin=exit_margin,
        grace_months=grace,
        downgrade=level,
        minimum_stay_days=stay,
        **options,
    )
    rank = {"top": 1, "middle": 2, "low": 3, None: 4}
    held = months_of(policy, spends)
    for tier, spend in zip(held, spends, strict=True):
        plain = policy.decide({"net_spend": np.array([spend])}).tiers[0]
        assert rank[tier] <= rank[plain]


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-03-31", 6, "2026-09-30"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2026-11-15", 3, "2027-02-15"),
    ],
)
def test_months_are_calendar_months(day: str, months: int, then: str) -> None:
    assert add_months(np.array([day], "datetime64[D]"), months)[0] == np.datetime64(then)
