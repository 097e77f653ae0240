"""Tier decisions: borders, reasons, gaps, fallback, replay."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.fields import attribute_field, known_fields
from api.domain.tiers import TierDecisions, TierPolicy, parse_policy
from api.errors import InvalidInput

TEXT = {"en": "text", "zh": "文字"}
POLICY: dict[str, Any] = {
    "key": "test",
    "kind": "rules",
    "name": TEXT,
    "description": TEXT,
    "tiers": [
        {
            "key": "top",
            "rank": 1,
            "name": TEXT,
            "description": TEXT,
            "when": {
                "any": [
                    {"clv": {"gte": 1000}},
                    {"clv": {"gte": 900}, "churn_probability": {"lte": 0.1}},
                ]
            },
            "remarks": [{"key": "kept_despite_risk", "when": {"churn_probability": {"gte": 0.5}}}],
        },
        {
            "key": "middle",
            "rank": 2,
            "name": TEXT,
            "description": TEXT,
            "when": {"all": [{"clv": {"gte": 500}}, {"not": {"rfm_group": "lost"}}]},
        },
        {"key": "low", "rank": 3, "name": TEXT, "description": TEXT, "otherwise": True},
    ],
    "fallback": [
        {"tier": "middle", "when": {"abc_class": "A"}},
        {"tier": "low", "otherwise": True},
    ],
}


def customers(
    clv: list[float | None],
    risk: float | None = 0.2,
    group: str | None = "loyal",
    abc: str = "C",
) -> dict[str, np.ndarray[Any, Any]]:
    size = len(clv)
    return {
        "clv": np.array([np.nan if each is None else each for each in clv]),
        "churn_probability": np.array([np.nan if risk is None else risk] * size),
        "rfm_group": np.array([group] * size, dtype=object),
        "abc_class": np.array([abc] * size, dtype=object),
    }


def decide(policy: dict[str, Any] | None = None, **columns: Any) -> TierDecisions:
    return parse_policy(policy or POLICY, 2).decide(customers(**columns))


def test_borders_are_inclusive_to_the_minor_unit() -> None:
    decisions = decide(clv=[99_999, 100_000, 100_001, 49_999, 50_000, 50_001, 0, -5])
    assert decisions.tiers.tolist() == [
        "middle",
        "top",
        "top",
        "low",
        "middle",
        "middle",
        "low",
        "low",
    ]


def test_reasons_name_the_conditions_that_counted() -> None:
    decisions = decide(clv=[120_000], risk=0.6)
    assert decisions.reasons(0) == [
        {
            "code": "tier.condition_met",
            "params": {"field": "clv", "op": "gte", "threshold": 100_000, "value": 120_000},
        },
        {
            "code": "tier.kept_despite_risk",
            "params": {"field": "churn_probability", "op": "gte", "threshold": 0.5, "value": 0.6},
        },
    ]
    alternative = decide(clv=[95_000], risk=0.1).reasons(0)
    assert [each["params"]["threshold"] for each in alternative] == [90_000, 0.1]
    under_not = decide(clv=[60_000]).reasons(0)[1]["params"]
    assert under_not == {"field": "rfm_group", "op": "ne", "threshold": "lost", "value": "loyal"}
    assert decide(clv=[1]).reasons(0) == [{"code": "tier.otherwise", "params": {}}]


def test_the_gap_is_what_is_missing_to_the_next_better_tier() -> None:
    gaps = [gap and json.loads(gap) for gap in decide(clv=[120_000, 60_000, 1]).gap_json()]
    assert gaps == [
        None,
        {
            "tier": "top",
            "conditions": [{"field": "clv", "op": "gte", "current": 60_000, "needed": 100_000}],
        },
        {
            "tier": "middle",
            "conditions": [{"field": "clv", "op": "gte", "current": 1, "needed": 50_000}],
        },
    ]
    lost = json.loads(decide(clv=[60_000], group="lost").gap_json()[0])
    assert lost["conditions"] == [
        {"field": "rfm_group", "op": "ne", "current": "lost", "needed": "lost"}
    ]


@pytest.mark.parametrize(("abc", "tier"), [("A", "middle"), ("B", "low")])
def test_without_a_prediction_the_fallback_decides(abc: str, tier: str) -> None:
    decisions = decide(clv=[None], risk=None, abc=abc)
    assert decisions.tiers.tolist() == [tier]
    assert decisions.reasons(0)[0]["code"] == "tier.fallback_no_prediction"


def test_a_stale_prediction_does_not_count() -> None:
    columns = customers(clv=[200_000, 200_000], abc="A")
    columns["prediction_stale"] = np.array([True, False])
    decisions = parse_policy(POLICY, 2).decide(columns)
    assert decisions.tiers.tolist() == ["middle", "top"]
    assert decisions.reasons(0)[0]["code"] == "tier.fallback_stale_prediction"


def test_below_none_leaves_customers_without_a_tier() -> None:
    policy = deepcopy(POLICY)
    policy["tiers"].pop()
    policy["fallback"].pop()
    policy["below"] = "none"
    decisions = decide(policy, clv=[50_000, 49_999])
    assert decisions.tiers.tolist() == ["middle", None]
    assert decisions.reasons(1) == [{"code": "tier.below_lowest", "params": {}}]
    assert json.loads(decisions.gap_json()[1])["tier"] == "middle"


CLV = st.none() | st.integers(-10_000, 150_000) | st.sampled_from([50_000, 90_000, 100_000])
CUSTOMER = st.tuples(
    CLV,
    st.none() | st.floats(0, 1) | st.sampled_from([0.1, 0.5]),
    st.sampled_from([None, "lost", "loyal"]),
    st.sampled_from(["A", "B", "C"]),
    st.booleans(),
)


def as_columns(rows: list[tuple[Any, ...]]) -> dict[str, np.ndarray[Any, Any]]:
    clv, risk, group, abc, stale = zip(*rows, strict=True)
    return {
        "clv": np.array([np.nan if each is None else each for each in clv]),
        "churn_probability": np.array([np.nan if each is None else each for each in risk]),
        "rfm_group": np.array(group, dtype=object),
        "abc_class": np.array(abc, dtype=object),
        "prediction_stale": np.array(stale),
    }


@settings(deadline=None, database=None, max_examples=80)
@given(rows=st.lists(CUSTOMER, min_size=1, max_size=12), shuffle=st.randoms(use_true_random=False))
def test_stored_inputs_replay_and_the_order_of_rows_does_not_matter(
    rows: list[tuple[Any, ...]], shuffle: Any
) -> None:
    policy = parse_policy(POLICY, 2)
    decisions = policy.decide(as_columns(rows))
    for tier, inputs in zip(decisions.tiers, decisions.inputs_json(), strict=True):
        assert policy.replay(json.loads(inputs)) == tier
    order = list(range(len(rows)))
    shuffle.shuffle(order)
    mixed = policy.decide(as_columns([rows[place] for place in order]))
    for straight, other in (
        (decisions.tiers, mixed.tiers),
        (decisions.reasons_json(), mixed.reasons_json()),
        (decisions.gap_json(), mixed.gap_json()),
        (decisions.inputs_json(), mixed.inputs_json()),
    ):
        assert other.tolist() == straight[order].tolist()
    for reasons in decisions.reasons_json():
        assert json.loads(reasons)


@pytest.mark.parametrize("kind", ["number", "boolean", "date", "text"])
def test_decisions_on_custom_attributes_replay(kind: Any) -> None:
    values: dict[str, tuple[Any, np.ndarray[Any, Any]]] = {
        "number": (0.1 + 0.2, np.array([0.1 + 0.2, np.nan])),
        "boolean": (True, np.array([1.0, np.nan])),
        "date": ("2026-01-31", np.array(["2026-01-31", "NaT"], dtype="datetime64[D]")),
        "text": ('say "hi" 100%', np.array(['say "hi" 100%', None], dtype=object)),
    }
    wanted, column = values[kind]
    policy = deepcopy(POLICY)
    policy["tiers"][0] |= {"when": {"attribute.x": wanted}, "remarks": []}
    parsed = parse_policy(policy, 2, known_fields([attribute_field("x", kind, "X", "X")]))
    decisions = parsed.decide(customers(clv=[1, 1]) | {"attribute.x": column})
    assert decisions.tiers.tolist() == ["top", "low"]
    assert [parsed.replay(json.loads(each)) for each in decisions.inputs_json()] == ["top", "low"]
    assert decisions.reasons(0)[0]["params"]["threshold"] == wanted


def change(path: str, value: Any) -> dict[str, Any]:
    policy: Any = deepcopy(POLICY)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner = policy
    for step in steps:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return policy  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ([], "policy: takes a mapping"),
        (change("key", "No Good"), "policy.key: takes up to 40 small letters"),
        (change("kind", "magic"), "policy.kind: 'magic' is unknown (known: choice"),
        (change("tiers", []), "tiers: takes a list of 1 to 20 tiers"),
        (change("tiers/0/rank", 2), "tiers[0].rank: tiers stand from best to lowest"),
        (change("tiers/1/key", "top"), "tiers[1]: the key 'top' is there twice"),
        (change("tiers/0/when", None), "tiers[0]: needs either `when` or `otherwise: true`"),
        (change("tiers/0/nam", TEXT), "tiers[0]: unknown entry 'nam' (did you mean 'name'?)"),
        (change("tiers/0/name", {"en": "x"}), "tiers[0].name: lacks the entry 'zh'"),
        (change("tiers/0/name/zh", ""), "tiers[0].name.zh: takes a text"),
        (
            change("tiers/0/when/any/1", {"all": [{"clw": {"gte": 1}}]}),
            "tiers[0].when.any[1].all[0]: there is no field 'clw' (did you mean 'clv'?)",
        ),
        (change("tiers/0/when", {"segment": "x"}), "segment may not decide a tier"),
        (change("tiers/0/when", {"tier": "x"}), "tier may not decide a tier"),
        (change("tiers/0/when", {"external_id": "x"}), "external_id may not decide a tier"),
        (change("tiers/0/when", {"attribute.age": 60}), "attribute.age may not decide a tier"),
        (change("tiers/0/remarks/0/key", "x"), "tiers[0].remarks[0].key: known are"),
        (change("tiers/2/otherwise", "yes"), "tiers[2].otherwise: takes true"),
        (
            change("tiers/2", POLICY["tiers"][1] | {"key": "low", "rank": 3}),
            "tiers[2]: customers below this tier have no place",
        ),
        (change("below", "none"), "policy.below: tiers has an `otherwise`"),
        (change("fallback", None), "policy.fallback: the tiers read clv"),
        (change("fallback/0/tier", "gold"), "fallback[0].tier: there is no tier 'gold'"),
        (change("fallback/1/tier", "top"), "fallback[1].tier: top stands below"),
        (
            change("fallback/0/when", {"clv": {"gte": 1}}),
            "fallback[0].when: clv is a prediction",
        ),
    ],
)
def test_a_policy_with_a_mistake_is_refused_with_its_path(policy: Any, message: str) -> None:
    age = attribute_field("age", "number", "Age", "年龄", sensitive=True)
    with pytest.raises(InvalidInput) as caught:
        parse_policy(policy, 2, known_fields([age]))
    assert message in str(caught.value)


def test_whole_numbers_beyond_float_precision_replay() -> None:
    policy = deepcopy(POLICY)
    policy["tiers"][0] |= {"when": {"net_spend": {"gte": 10}}, "remarks": []}
    parsed: TierPolicy = parse_policy(policy, 2)
    columns = customers(clv=[1]) | {"net_spend": np.array([2**62 + 1])}
    inputs = json.loads(parsed.decide(columns).inputs_json()[0])
    assert inputs["net_spend"] == 2**62 + 1
    assert parsed.replay(inputs) == "top"
