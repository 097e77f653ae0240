"""Consents, cooling-off, room, budget and credit: who is left out, and who gets the next best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.resource_plans import ResourcePlan, parse_resource_plan
from api.domain.strategies import Recommendations, parse_strategies, recommend
from api.domain.strategies.circumstances import Circumstances, LastDone
from api.domain.strategies.withheld import withheld
from api.errors import InvalidInput
from tests.domain.test_strategies import customers, gain, strategy

EVERYONE: dict[str, Any] = {"all": []}


def chosen(
    documents: list[dict[str, Any]], clv: list[float], circumstances: Circumstances
) -> dict[int, list[str]]:
    found = recommend(parse_strategies(documents, 2), customers(clv), 9, circumstances)
    keys: dict[int, list[str]] = {row: [] for row in range(len(clv))}
    for row, key in zip(found.customer_index.tolist(), found.strategy_key.tolist(), strict=True):
        keys[row].append(key)
    return keys


def test_only_who_agreed_to_purpose_and_channel() -> None:
    documents = [
        strategy("mail", consent_purpose="marketing", channel="email"),
        strategy("any", consent_purpose="marketing"),
        strategy("free"),
    ]
    consents = {("marketing", "email"): np.array([0]), ("marketing", "phone"): np.array([1])}
    found = chosen(documents, [1, 1, 1], Circumstances(consents))
    assert found == {0: ["any", "free", "mail"], 1: ["any", "free"], 2: ["free"]}


def test_not_again_before_the_cooling_off_time_is_over() -> None:
    documents = [strategy("call", cooldown_days=30), strategy("base")]
    done = {"call": LastDone(np.array([0, 1, 2]), np.array([29, 30, 0]))}
    found = chosen(documents, [1, 1, 1], Circumstances(done=done))
    assert found == {0: ["base"], 1: ["base", "call"], 2: ["base"]}


def test_room_goes_to_whom_it_brings_most_and_the_others_get_the_next_best() -> None:
    documents = [
        strategy("call", owner_role="manager", conflict_group="g", expected_gain=gain("clv", 0.1)),
        strategy("mail", conflict_group="g", expected_gain=gain("clv", 0.01)),
    ]
    found = chosen(
        documents, [1_000, 3_000, 2_000], Circumstances(resources=ResourcePlan({"manager": 1}))
    )
    assert found == {0: ["mail"], 1: ["call"], 2: ["mail"]}
    nobody = chosen(documents, [1_000], Circumstances(resources=ResourcePlan({"manager": 0})))
    assert nobody == {0: ["mail"]}


def test_the_budget_is_spent_where_it_brings_most() -> None:
    documents = [
        strategy("dear", cost=3, conflict_group="g", expected_gain=gain("clv", 0.5)),
        strategy("cheap", cost=1, conflict_group="g", expected_gain=gain("clv", 0.3)),
        strategy("free", conflict_group="g"),
    ]
    found = chosen(
        documents, [1_000, 3_000, 2_000], Circumstances(resources=ResourcePlan(budget_minor=400))
    )
    assert found == {0: ["free"], 1: ["dear"], 2: ["cheap"]}


def test_credit_caps_what_may_be_spent() -> None:
    documents = [
        strategy("dear", cost=6, expected_gain=gain("clv", 0.5)),
        strategy("cheap", cost=5, expected_gain=gain("clv", 0.5)),
        strategy("watch", {"clv": {"lt": 200}}, action="none", caps_cost=5),
    ]
    assert chosen(documents, [19_999, 20_000], Circumstances()) == {
        0: ["cheap", "watch"],
        1: ["cheap", "dear"],
    }


def test_measured_uplift_wins_over_the_prior() -> None:
    measured = {"uplift": 0.01, "low": 0.005, "high": 0.02, "n": 900}
    measured["source"] = {"en": "x", "zh": "x"}  # type: ignore[assignment]
    documents = [
        strategy("hoped", expected_gain=gain("clv", 0.2), measured=measured),
        strategy("known", expected_gain=gain("clv", 0.1)),
    ]
    found = recommend(parse_strategies(documents, 2), customers([10_000.0]), 5)
    assert found.strategy_key.tolist() == ["known", "hoped"]
    assert found.expected_gain_minor.tolist() == [1_000, 100]
    assert '"code":"strategy.measured_share_of_clv"' in found.reasons_json()[1]
    assert '"low":0.005,"high":0.02,"n":900' in found.reasons_json()[1]


DOCUMENTS = [
    strategy("a", owner_role="one", cost=1, conflict_group="g", expected_gain=gain("clv", 0.2)),
    strategy("b", owner_role="two", conflict_group="g", expected_gain=gain("clv", 0.15)),
    strategy("c", owner_role="one", conflict_group="h", expected_gain=gain("clv", 0.17)),
    strategy("d", owner_role="two", cost=2, conflict_group="h", expected_gain=gain("clv", 0.21)),
    strategy("e", owner_role="three"),
]


def decided(clv: list[int], numbers: list[int], plan: ResourcePlan) -> Recommendations:
    given_numbers = np.array(numbers, dtype=np.int64)
    circumstances = Circumstances(resources=plan, numbers=given_numbers)
    return recommend(
        parse_strategies(DOCUMENTS, 2), customers([float(each) for each in clv]), 9, circumstances
    )


def by_number(found: Recommendations, numbers: list[int]) -> dict[int, list[str]]:
    keys: dict[int, list[str]] = {number: [] for number in numbers}
    for row, key in zip(found.customer_index.tolist(), found.strategy_key.tolist(), strict=True):
        keys[numbers[row]].append(key)
    return keys


@settings(deadline=None, database=None, max_examples=60)
@given(
    clv=st.lists(st.integers(0, 12).map(lambda each: each * 1_000), min_size=1, max_size=14),
    one=st.integers(0, 6),
    two=st.integers(0, 6),
    budget=st.none() | st.integers(0, 2_000),
    data=st.data(),
)
def test_limits_hold_and_the_order_of_rows_does_not_matter(
    clv: list[int], one: int, two: int, budget: int | None, data: st.DataObject
) -> None:
    plan = ResourcePlan({"one": one, "two": two}, budget)
    numbers = list(range(100, 100 + len(clv)))
    found = decided(clv, numbers, plan)
    order = data.draw(st.permutations(range(len(clv))))
    shuffled = [numbers[row] for row in order]
    other = decided([clv[row] for row in order], shuffled, plan)
    assert by_number(found, numbers) == by_number(other, shuffled)
    strategies = [found.catalogue[place] for place in found.strategy_index.tolist()]
    for role, room in plan.capacities.items():
        assert sum(each.owner_role == role for each in strategies) <= room
    if budget is not None:
        assert sum(each.cost_minor for each in strategies) <= budget


@settings(deadline=None, database=None, max_examples=60)
@given(
    clv=st.lists(st.integers(1, 40).map(lambda each: each * 1_000), min_size=1, max_size=12),
    one=st.integers(0, 5),
    two=st.integers(0, 5),
)
def test_without_a_budget_it_is_what_taking_the_highest_gain_first_gives(
    clv: list[int], one: int, two: int
) -> None:
    room = {"one": one, "two": two, "three": len(clv)}
    parsed = sorted(parse_strategies(DOCUMENTS, 2), key=lambda each: each.key)
    pairs = [
        (-(round(value * each.rate) - each.cost_minor), place, row)
        for row, value in enumerate(clv)
        for place, each in enumerate(parsed)
        if round(value * each.rate) - each.cost_minor >= 0
    ]
    expected: dict[int, list[str]] = {row: [] for row in range(len(clv))}
    taken: set[tuple[int, str]] = set()
    for _, place, row in sorted(pairs):
        each = parsed[place]
        group = each.conflict_group or each.key
        if room[each.owner_role] and (row, group) not in taken:
            room[each.owner_role] -= 1
            taken.add((row, group))
            expected[row].append(each.key)
    found = decided(clv, list(range(len(clv))), ResourcePlan({"one": one, "two": two}))
    assert by_number(found, list(range(len(clv)))) == expected


def test_each_reason_for_withholding_is_told() -> None:
    documents = [
        strategy("asks", consent_purpose="marketing", channel="email"),
        strategy("rests", cooldown_days=9),
        strategy("loses", cost=1),
        strategy("first", conflict_group="g"),
        strategy("second", conflict_group="g"),
        strategy("sells", conflict_group="selling"),
        strategy("peace", suppresses=["selling"], caps_cost=3),
        strategy("dear", cost=4, min_gain=-9),
        strategy("busy", owner_role="manager"),
        strategy("last"),
        strategy("other", {"clv": {"gte": 10**6}}),
    ]
    circumstances = Circumstances(
        done={"rests": LastDone(np.array([0]), np.array([4]))},
        resources=ResourcePlan({"manager": 1}),
    )
    (found,) = withheld(
        parse_strategies(documents, 2), customers([1.0]), circumstances, [{"first", "peace"}]
    )
    assert {each.strategy: (each.code, each.params) for each in found} == {
        "asks": ("withheld.no_consent", {"purpose": "marketing", "channel": "email"}),
        "rests": ("withheld.cooling_down", {"days_ago": 4, "days_left": 5}),
        "loses": ("withheld.costs_more_than_it_brings", {"amount": -100}),
        "second": ("withheld.something_better", {"by": "first"}),
        "sells": ("withheld.suppressed", {"by": "peace"}),
        "dear": ("withheld.too_dear", {"by": "peace"}),
        "busy": ("withheld.no_capacity", {"role": "manager"}),
        "last": ("withheld.further_down", {}),
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"capacities": []}, "resources.capacities: takes a mapping"),
        ({"capacities": {"Sales": 1}}, "resources.capacities: takes words"),
        ({"capacities": {"sales": 1.5}}, "resources.capacities.sales: takes a number"),
        ({"budget": -1}, "resources.budget: takes an amount of 0 or more"),
        ({"budget": "x"}, "resources.budget takes an amount"),
        ({"contact_minutes": {"phone": -1}}, "resources.contact_minutes.phone: takes minutes"),
        ({"capacity": {}}, "unknown entry 'capacity' (did you mean 'capacities'?)"),
    ],
)
def test_a_mistake_in_a_resource_plan_is_named(document: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_resource_plan(document, 2)
    assert message in str(caught.value)
