"""Recommendations against gains worked out by hand, and what a strategy document may not say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.strategies import choice, parse_strategies, parse_strategy, recommend
from api.errors import InvalidInput

TEXT = {"en": "text", "zh": "文字"}
EVERYONE: dict[str, Any] = {"all": []}


def strategy(key: str, when: dict[str, Any] = EVERYONE, **more: Any) -> dict[str, Any]:
    return {
        "key": key,
        "name": TEXT,
        "description": TEXT,
        "steps": [TEXT],
        "when": when,
        "action": "email",
        "owner_role": "marketing",
        "due_days": 7,
        **more,
    }


def gain(share_of: str, rate: float) -> dict[str, Any]:
    return {"share_of": share_of, "rate": rate, "source": TEXT}


def customers(clv: list[float], risk: float = 0.5) -> dict[str, np.ndarray[Any, Any]]:
    return {
        "clv": np.array(clv),
        "churn_probability": np.where(np.isnan(clv), np.nan, risk),
        "net_spend": np.array([2_000] * len(clv)),
    }


def recommended(documents: list[dict[str, Any]], limit: int = 5, **columns: Any) -> list[Any]:
    found = recommend(parse_strategies(documents, 2), customers(**columns), limit)
    return list(
        zip(
            found.customer_index.tolist(),
            found.priority.tolist(),
            found.strategy_key.tolist(),
            found.expected_gain_minor.tolist(),
            strict=True,
        )
    )


def test_ranked_by_expected_gain_net_of_cost() -> None:
    documents = [
        strategy("base"),
        strategy("save", {"clv": {"gte": 1}}, cost=2, expected_gain=gain("clv_at_risk", 0.1)),
        strategy("grow", {"clv": {"gte": 1}}, expected_gain=gain("clv", 0.03)),
        strategy("old", {"clv": {"gte": 1}}, expected_gain=gain("net_spend", 0.01)),
    ]
    assert recommended(documents, clv=[10_000, np.nan]) == [
        (0, 1, "grow", 300),  # 3 % of 100.00
        (0, 2, "save", 300),  # 10 % of half of 100.00, less 2.00; equal gains go by key
        (0, 3, "old", 20),
        (0, 4, "base", 0),
        (1, 1, "base", 0),
    ]


def test_what_costs_more_than_it_brings_is_not_recommended() -> None:
    documents = [
        strategy("base"),
        strategy("dear", cost=5, expected_gain=gain("clv", 0.05)),
    ]
    assert [row[2] for row in recommended(documents, clv=[9_989])] == ["base"]
    assert [row[2:] for row in recommended(documents, clv=[10_000])] == [("base", 0), ("dear", 0)]
    assert recommended(documents, clv=[10_020])[0] == (0, 1, "dear", 1)
    documents[1]["min_gain"] = 1
    assert [row[2] for row in recommended(documents, clv=[11_980])] == ["base"]
    assert [row[2] for row in recommended(documents, clv=[12_000])] == ["dear", "base"]


def test_the_best_of_a_conflict_group_wins() -> None:
    documents = [
        strategy("a", conflict_group="g", expected_gain=gain("clv", 0.01)),
        strategy("b", {"clv": {"gte": 50}}, conflict_group="g", expected_gain=gain("clv", 0.02)),
        strategy("c", conflict_group="h"),
    ]
    assert [row[2] for row in recommended(documents, clv=[10_000])] == ["b", "c"]
    assert [row[2] for row in recommended(documents, clv=[4_999])] == ["a", "c"]


def test_a_strategy_may_suppress_groups() -> None:
    documents = [
        strategy("sell", conflict_group="selling", expected_gain=gain("clv", 0.1)),
        strategy("peace", {"clv": {"lt": 50}}, action="none", suppresses=["selling"]),
    ]
    assert [row[2] for row in recommended(documents, clv=[4_999])] == ["peace"]
    assert [row[2] for row in recommended(documents, clv=[5_000])] == ["sell"]


def test_reasons_name_conditions_and_money() -> None:
    documents = [
        strategy("save", {"clv": {"gte": 1}}, cost=2, expected_gain=gain("clv_at_risk", 0.1)),
        strategy("base"),
    ]
    found = recommend(parse_strategies(documents, 2), customers([10_001], risk=0.3), 5)
    assert [json.loads(each) for each in found.reasons_json()] == [
        [
            {
                "code": "strategy.condition_met",
                "params": {"field": "clv", "op": "gte", "threshold": 100, "value": 10_001},
            },
            {
                "code": "strategy.value_at_risk",
                "params": {"amount": 3_000, "rate": 0.1, "cost": 200},
            },
        ],
        [{"code": "strategy.for_everyone", "params": {}}],
    ]


def test_limit_and_no_strategies_at_all() -> None:
    documents = [strategy("a"), strategy("b"), strategy("c")]
    assert [row[1:3] for row in recommended(documents, 2, clv=[1])] == [(1, "a"), (2, "b")]
    empty = recommend([], customers([1.0]), 5)
    assert empty.strategy_key.tolist() == []
    assert empty.reasons_json().tolist() == []


DOCUMENTS = [
    strategy("base", conflict_group="g"),
    strategy("a", {"clv": {"gte": 10}}, expected_gain=gain("clv", 0.02), conflict_group="g"),
    strategy("b", {"churn_probability": {"gte": 0.5}}, expected_gain=gain("clv_at_risk", 0.1)),
    strategy("c", {"clv": {"is_null": True}}, expected_gain=gain("net_spend", 0.001)),
]


@settings(deadline=None, database=None, max_examples=40)
@given(
    clv=st.lists(st.integers(0, 20_000) | st.just(np.nan), min_size=1, max_size=12),
    chunk=st.integers(1, 5),
)
def test_neither_the_order_of_rows_nor_chunks_nor_company_matter(
    clv: list[float], chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        whole = recommended(DOCUMENTS, clv=clv)
        patch.setattr(choice, "CHUNK", chunk)
        assert recommended(DOCUMENTS, clv=clv) == whole
    backwards = recommended(list(reversed(DOCUMENTS)), clv=clv[::-1])
    for customer, value in enumerate(clv):
        own = [row[1:] for row in whole if row[0] == customer]
        assert own == [row[1:] for row in recommended(DOCUMENTS, clv=[value])]
        assert own == [row[1:] for row in backwards if row[0] == len(clv) - 1 - customer]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "A"}, "strategy.key: takes up to 40"),
        ({"acton": "call"}, "unknown entry 'acton' (did you mean 'action'?)"),
        ({"action": "cal"}, "strategy.action: 'cal' is unknown (did you mean 'call'?)"),
        ({"when": {"clw": 1}}, "strategy.when: there is no field 'clw' (did you mean 'clv'?)"),
        ({"steps": []}, "strategy.steps: takes a list of 1 to 10 steps"),
        ({"steps": [{"en": "x"}]}, "strategy.steps[0]: lacks the entry 'zh'"),
        ({"due_days": -1}, "strategy.due_days: takes a number of days"),
        ({"cost": -1}, "strategy.cost: takes an amount of 0 or more"),
        ({"cost": 0.001}, "strategy.cost: 0.001 has more than 2 decimals"),
        ({"channel": "E Mail"}, "strategy.channel: takes a word"),
        ({"suppresses": "x"}, "strategy.suppresses: takes a list"),
        ({"expected_gain": {"share_of": "clv"}}, "expected_gain: lacks the entry 'rate'"),
        ({"expected_gain": gain("clv_at_risc", 0.1)}, "(did you mean 'clv_at_risk'?)"),
        ({"expected_gain": gain("clv", 0)}, "expected_gain.rate: takes a number above 0"),
        ({"expected_gain": gain("clv", 1.01)}, "expected_gain.rate: takes a number above 0"),
    ],
)
def test_a_mistake_in_a_strategy_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_strategy({**strategy("x"), **change}, 2)
    assert message in str(caught.value)


def test_a_key_is_there_once() -> None:
    with pytest.raises(InvalidInput, match=r"strategies\[1\]: the key 'x' is there twice"):
        parse_strategies([strategy("x"), strategy("x")], 2)


def test_amounts_too_large_for_one_number_are_ranked_alike() -> None:
    documents = [
        strategy("a", expected_gain=gain("clv", 1)),
        strategy("b", expected_gain=gain("clv", 0.5)),
        strategy("c"),
    ]
    found = recommended(documents, clv=[2.0**61, 4.0])
    assert [row[:3] for row in found] == [
        (0, 1, "a"),
        (0, 2, "b"),
        (0, 3, "c"),
        (1, 1, "a"),
        (1, 2, "b"),
        (1, 3, "c"),
    ]
