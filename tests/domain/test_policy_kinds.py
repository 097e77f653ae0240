"""The five kinds of tier policies, chosen by who the customer is, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from api.documents import POLICIES
from api.domain.fields import attribute_field, known_fields
from api.domain.tiers import TierDecisions, parse_policy
from api.errors import InvalidInput

TEXT = {"en": "text", "zh": "文字"}
HEAD = {"key": "test", "name": TEXT, "description": TEXT}
LOWEST = 5_000_000
"""50,000.00 CNY in minor units."""


def tier(key: str, rank: int, **condition: Any) -> dict[str, Any]:
    return {"key": key, "rank": rank, "name": TEXT, "description": TEXT, **condition}


def shipped(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((POLICIES / f"{name}.yaml").read_text("utf-8"))
    return document


def decide(policy: dict[str, Any], exponent: int = 2, **columns: list[Any]) -> TierDecisions:
    arrays = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else float)
        for name, values in columns.items()
    }
    return parse_policy(policy, exponent).decide(arrays)


QUANTILES = {
    **HEAD,
    "kind": "quantiles",
    "measure": "net_spend_365d",
    "among": {"order_count": {"gte": 1}},
    "tiers": [
        tier("top", 1, top_share=0.2),
        tier("middle", 2, top_share=0.5),
        tier("rest", 3, otherwise=True),
    ],
}
MATRIX = {
    **HEAD,
    "kind": "matrix",
    "rows": {
        "measure": "clv",
        "bands": [
            {"key": "high", "at_least": 1000},
            {"key": "middle", "at_least": 200, "below": 1000},
            {"key": "low"},
        ],
    },
    "columns": {
        "measure": "churn_probability",
        "bands": [{"key": "leaving", "at_least": 0.5}, {"key": "staying"}],
    },
    "cells": {
        "high": {"leaving": "rescue", "staying": "best"},
        "middle": {"leaving": "rescue", "staying": "good"},
        "low": {"leaving": "basic", "staying": "basic"},
    },
    "tiers": [tier("best", 1), tier("rescue", 2), tier("good", 3), tier("basic", 4)],
    "fallback": [{"tier": "basic", "otherwise": True}],
}


def test_the_bank_scheme_is_exact_at_its_borders() -> None:
    decided = decide(
        shipped("bank-assets"),
        avg_daily_balance_month=[
            LOWEST - 1,
            LOWEST,
            LOWEST + 1,
            LOWEST - 1 / 31,
            29_999_999,
            30_000_000,
            99_999_999,
            100_000_000,
            799_999_999,
            800_000_000,
            0,
            -1,
            float("nan"),
        ],
    )
    assert decided.tiers.tolist() == [
        None,
        "xinran",
        "xinran",
        None,
        "xinran",
        "youran",
        "youran",
        "zhuoran",
        "zhuoran",
        "siyin",
        None,
        None,
        None,
    ]


@given(
    daily=st.lists(st.integers(0, 10_000_000), min_size=28, max_size=31),
    short=st.integers(1, 3),
)
def test_an_average_below_a_threshold_never_reaches_it(daily: list[int], short: int) -> None:
    """A month's balances that sum to the threshold, and to a few minor units less."""
    days = len(daily)
    daily[-1] = max(LOWEST * days - sum(daily[:-1]), 0)
    for total in (sum(daily), sum(daily) - short):
        found = decide(shipped("bank-assets"), avg_daily_balance_month=[total / days]).tiers[0]
        reached = Decimal(total) / days >= LOWEST
        assert (found is not None) == reached


def test_shares_count_from_the_top_and_ties_stand_together() -> None:
    spend = [100.0, 90, 90, 80, 70, 60, 50, 40, 30, 20, 500]
    orders = [1.0] * 10 + [0.0]
    decided = decide(QUANTILES, net_spend_365d=spend, order_count=orders)
    assert decided.tiers.tolist() == ["top"] * 3 + ["middle"] * 2 + ["rest"] * 6
    assert decided.cuts == {"all": {"top": 90, "middle": 70}}


def test_shares_of_a_measure_give_a_to_who_begins_below_the_share() -> None:
    policy = QUANTILES | {
        "share_of": "measure",
        "tiers": [
            tier("a", 1, top_share=0.8),
            tier("b", 2, top_share=0.95),
            tier("c", 3, otherwise=True),
        ],
    }
    decided = decide(policy, net_spend_365d=[900.0, 60, 30, 10, 0, -5], order_count=[1.0] * 6)
    assert decided.tiers.tolist() == ["a", "b", "c", "c", "c", "c"]


def test_a_share_is_replayed_with_the_cut_it_was_drawn_with() -> None:
    policy = parse_policy(QUANTILES, 2)
    columns = {"net_spend_365d": np.arange(10.0), "order_count": np.ones(10)}
    decided = policy.decide(columns)
    replayed = [policy.replay(json.loads(each)) for each in decided.inputs_json()]
    assert replayed == decided.tiers.tolist()


def test_nobody_to_draw_from_leaves_everyone_in_the_last_tier() -> None:
    decided = decide(QUANTILES, net_spend_365d=[float("nan")], order_count=[0.0])
    assert decided.tiers.tolist() == ["rest"]


def test_a_matrix_gives_every_cell_its_tier() -> None:
    nan = float("nan")
    decided = decide(
        MATRIX,
        clv=[100_000, 100_000, 99_999, 20_000, 19_999, 19_999, nan],
        churn_probability=[0.49, 0.5, 0.49, 0.5, 0.5, 0.49, 0.1],
    )
    assert decided.tiers.tolist() == ["best", "rescue", "good", "rescue", "basic", "basic", "basic"]


def test_a_weighted_policy_shows_what_each_criterion_brings() -> None:
    decided = decide(
        shipped("weighted-abc"),
        profit_365d=[50_000, 0],
        order_count_365d=[24, 0],
        net_spend_365d=[300_000, 0],
        tenure_days=[1095, 0],
        satisfaction=[float("nan"), 0.9],
    )
    assert decided.tiers.tolist() == ["a", "c"]
    parts = [each["params"] for each in decided.reasons(0) if each["code"] == "tier.contribution"]
    points = {each["field"]: each["points"] for each in parts}
    assert points == {
        "profit_365d": 16.67,
        "order_count_365d": 22.22,
        "net_spend_365d": 27.78,
        "tenure_days": 16.67,
        "satisfaction": 0.0,
    }, "the unknown satisfaction leaves its weight to the others"
    shown = decided.reasons(0)[0]["params"]
    assert shown["field"] == "score.total"
    assert abs(sum(points.values()) - shown["value"]) < 0.05


def test_the_ladder_is_chosen_by_who_the_customer_is() -> None:
    nan = float("nan")
    decided = decide(
        shipped("b2b-credit"),
        kind=["b2b", "b2b", "b2c", "b2c", "internal"],
        profit_365d=[5_000_000, 5_000_000, 0, 0, 0],
        order_count_365d=[24, 24, 0, 0, 0],
        late_payment_share=[0, 0, nan, nan, nan],
        satisfaction=[0.9, 0.9, nan, nan, nan],
        overdue_days=[nan, 60, nan, nan, nan],
        net_spend_365d=[1, 1, 2_000_000, 1_999_999, 0],
    )
    assert decided.tiers.tolist() == ["strategic", "restricted", "key", "standard", "restricted"]
    assert decided.reasons(0)[0]["code"] == "tier.chosen_by"


def test_a_sensitive_attribute_decides_only_where_the_business_says_why() -> None:
    age = attribute_field("age", "number", "Age", "年龄", sensitive=True)
    fields = known_fields([age])
    policy = {
        **HEAD,
        "kind": "rules",
        "tiers": [
            tier("senior", 1, when={"attribute.age": {"gte": 65}}),
            tier("others", 2, otherwise=True),
        ],
    }
    with pytest.raises(InvalidInput, match=r"attribute\.age may not decide a tier"):
        parse_policy(policy, 2, fields)
    reason = {"en": "A senior card, by law.", "zh": "依法提供的敬老卡。"}
    allowed = policy | {"allow_sensitive": [{"field": "attribute.age", "reason": reason}]}
    parsed = parse_policy(allowed, 2, fields)
    assert parsed.decide({"attribute.age": np.array([65.0, 64.0])}).tiers.tolist() == [
        "senior",
        "others",
    ]
    with pytest.raises(InvalidInput, match=r"clv is no sensitive attribute"):
        parse_policy(policy | {"allow_sensitive": [{"field": "clv", "reason": reason}]}, 2, fields)


MEASURES = st.one_of(st.none(), st.floats(-1e6, 1e7, allow_nan=False), st.just(LOWEST * 1.0))


@given(
    rows=st.lists(
        st.tuples(MEASURES, MEASURES, MEASURES, st.none() | st.floats(0, 1), st.booleans()),
        min_size=1,
        max_size=30,
    ),
    name=st.sampled_from(["bank-assets", "retail-rfm", "weighted-abc", "b2b-credit"]),
    turned=st.booleans(),
)
def test_any_policy_decides_alike_alone_together_and_in_any_order(
    rows: list[tuple[Any, ...]], name: str, turned: bool
) -> None:
    policy = parse_policy(shipped(name), 2)
    order = list(reversed(rows)) if turned else rows
    columns = {}
    for place, (field_name, field) in enumerate(policy.document.fields.items()):
        values = [row[place % 4] for row in order]
        if field.type == "choice":
            columns[field_name] = np.array(
                ["b2b" if row[4] else None for row in order], dtype=object
            )
        else:
            columns[field_name] = np.array([np.nan if each is None else each for each in values])
    decided = policy.decide(columns)
    replayed = [policy.replay(json.loads(each)) for each in decided.inputs_json()]
    assert replayed == decided.tiers.tolist() == decided.naive.tolist()
    for row in range(len(order)):
        alone = policy.decide({key: column[row : row + 1] for key, column in columns.items()})
        assert alone.tiers[0] == decided.tiers[row]
        assert alone.reasons(0) == decided.reasons(row)
