"""One policy over a threshold, RFM, ABC, weights and predictions, with a fallback for these."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from api.domain.tiers import parse_policy
from api.domain.tiers.decisions import STALE

TEXT = {"en": "text", "zh": "文字"}
MIXED: dict[str, Any] = {
    "key": "mixed",
    "kind": "rules",
    "name": TEXT,
    "description": TEXT,
    "scores": [
        {
            "key": "care",
            "name": TEXT,
            "criteria": [
                {"key": "frequency", "name": TEXT, "field": "order_count_365d", "weight": 0.5}
                | {"scale": {"worst": 0, "best": 10}},
                {"key": "risk", "name": TEXT, "field": "churn_probability", "weight": 0.5}
                | {"scale": {"worst": 1, "best": 0}},
            ],
        }
    ],
    "tiers": [
        {"key": "top", "rank": 1, "name": TEXT, "description": TEXT}
        | {"when": {"net_spend_365d": {"gte": 500}, "abc_class": "A", "score.care": {"gte": 60}}},
        {"key": "good", "rank": 2, "name": TEXT, "description": TEXT}
        | {"when": {"any": [{"rfm_group": "champions"}, {"clv": {"gte": 100}}]}},
        {"key": "rest", "rank": 3, "name": TEXT, "description": TEXT, "otherwise": True},
    ],
    "fallback": [
        {"tier": "good", "when": {"abc_class": "A"}},
        {"tier": "rest", "otherwise": True},
    ],
}


def columns(**changed: Any) -> dict[str, np.ndarray[Any, Any]]:
    """One customer who reaches the best tier exactly: 60 points, 500.00 spent."""
    values: dict[str, Any] = {
        "net_spend_365d": 50_000.0,
        "abc_class": "A",
        "rfm_group": "lost",
        "order_count_365d": 4.0,
        "churn_probability": 0.2,
        "clv": 1.0,
        STALE: False,
    }
    return {
        name: np.array([value], dtype=object if isinstance(value, str) else None)
        for name, value in (values | changed).items()
    }


def tier_of(**changed: Any) -> str | None:
    policy = parse_policy(MIXED, 2)
    decided = policy.decide(columns(**changed))
    assert policy.replay(json.loads(decided.inputs_json()[0])) == decided.tiers[0]
    tier: str | None = decided.tiers[0]
    return tier


def test_each_kind_of_measure_counts() -> None:
    assert tier_of() == "top"
    assert tier_of(net_spend_365d=49_999.0) == "rest"
    assert tier_of(abc_class="B") == "rest"
    assert tier_of(order_count_365d=3.0) == "rest"
    assert tier_of(churn_probability=0.21) == "rest"
    assert tier_of(abc_class="B", rfm_group="champions") == "good"
    assert tier_of(abc_class="B", clv=10_000.0) == "good"


def test_a_stale_or_missing_prediction_leaves_it_to_the_fallback() -> None:
    stale: dict[str, Any] = {STALE: True}
    assert tier_of(**stale) == "good"
    assert tier_of(churn_probability=float("nan")) == "good"
    assert tier_of(**stale, abc_class="B", rfm_group="champions") == "rest"
