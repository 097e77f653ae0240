"""What would better a tier: found by deciding again, and verified to be the least."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.tiers import parse_policy
from api.domain.tiers.decisions import STALE
from api.domain.tiers.what_if import ACTIONABLE, Situation, single_changes

DAY = dt.date(2026, 3, 31)


def named(key: str, **more: Any) -> dict[str, Any]:
    text = {"en": key, "zh": key}
    return {"key": key, "name": text, "description": text, **more}


def situation(policy: dict[str, Any], **values: Any) -> Situation:
    """A customer decided about for the first time, as it would be stored."""
    parsed = parse_policy(policy, 2)
    columns = {
        name: np.array([values[name]], dtype=object if isinstance(values[name], str) else float)
        for name in parsed.document.fields
    } | {STALE: np.array([False])}
    decisions = parsed.decide(columns)
    inputs = json.loads(decisions.inputs_json()[0])
    return Situation(parsed, inputs, decisions.tiers[0], DAY - dt.timedelta(days=90), DAY)


def by_rules(**stability: Any) -> dict[str, Any]:
    rule = {"all": [{"net_spend_365d": {"gte": 1000}}, {"order_count": {"gt": 5}}]}
    tiers = [named("gold", rank=1, when=rule), named("rest", rank=2, otherwise=True)]
    return named("p", kind="rules", tiers=tiers, stability=stability)


def changes(found: Situation) -> dict[str, tuple[float, str]]:
    return {each.field.name: (each.needed, each.tier) for each in single_changes(found)}


def test_only_what_suffices_by_itself_is_named() -> None:
    assert changes(situation(by_rules(), net_spend_365d=90_000, order_count=8)) == {
        "net_spend_365d": (100_000, "gold")
    }
    assert changes(situation(by_rules(), net_spend_365d=100_000, order_count=5)) == {
        "order_count": (6, "gold")
    }
    assert changes(situation(by_rules(), net_spend_365d=90_000, order_count=5)) == {}
    assert changes(situation(by_rules(), net_spend_365d=100_000, order_count=6)) == {}


def test_moving_up_takes_the_enter_margin() -> None:
    found = situation(by_rules(enter_margin=0.05), net_spend_365d=90_000, order_count=8)
    assert changes(found) == {"net_spend_365d": (105_000, "gold")}


def test_nobody_can_act_on_an_age_or_a_region() -> None:
    assert {"tenure_days", "region", "kind", "clv", "churn_probability"}.isdisjoint(ACTIONABLE)


def weighted() -> dict[str, Any]:
    criteria = [
        {"key": key, "name": {"en": key, "zh": key}, "field": field, "weight": weight}
        | {"scale": {"worst": worst, "best": best}}
        for key, field, weight, worst, best in (
            ("spend", "net_spend_365d", 0.5, 0, 1000),
            ("silence", "recency_days", 0.5, 100, 0),
        )
    ]
    tiers = [
        named("gold", rank=1, at_least=75),
        named("silver", rank=2, at_least=50),
        named("rest", rank=3, otherwise=True),
    ]
    return named("w", kind="weighted", criteria=criteria, tiers=tiers)


def test_points_on_a_scale_are_found_to_the_last_unit() -> None:
    """25 points of spend and 20 of silence: 5 more are 100.00 of spend, or 10 days."""
    found = changes(situation(weighted(), net_spend_365d=50_000, recency_days=60.0))
    assert found["net_spend_365d"] == (60_000, "silver")
    needed, tier = found["recency_days"]
    assert tier == "silver"
    assert abs(needed - 50) < 1e-4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 120_000), st.integers(0, 120))
def test_each_change_betters_the_tier_and_a_little_less_does_not(spend: int, days: int) -> None:
    found = situation(weighted(), net_spend_365d=spend, recency_days=float(days))
    ranks = found.ranks
    now = ranks[found.tier]
    for change in single_changes(found):
        name = change.field.name
        less = change.needed - 1 if name == "net_spend_365d" else change.needed + 0.01
        with_it, short_of_it = found.decide([{name: change.needed}, {name: less}])
        assert ranks[with_it] < now
        assert with_it == change.tier
        assert ranks[short_of_it] >= now
