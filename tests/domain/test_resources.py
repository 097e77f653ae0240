"""The resource guard and the bridge of revenue, against numbers worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.resources import TEXTS, TierUse, guard
from api.domain.revenue import PARTS, Flow, bridge


def use(tier: str, value: int, cost: int, hours: float = 0.0, customers: int = 10) -> TierUse:
    return TierUse(tier, customers, value * customers, cost * customers, hours * customers)


def test_service_that_follows_value_raises_nothing() -> None:
    assert guard([use("gold", 900, 90, 3), use("silver", 300, 30, 1), use("bronze", 100, 0)]) == []


def test_inversion_names_both_tiers_with_their_numbers() -> None:
    (alert,) = guard([use("gold", 900, 20), use("bronze", 100, 50), use("silver", 300, 15)][:2])
    assert (alert.kind, alert.measure, alert.tier, alert.other) == (
        "inversion",
        "service_cost",
        "bronze",
        "gold",
    )
    assert (alert.value_each, alert.other_value_each) == (100, 900)
    assert (alert.spent_each, alert.other_spent_each) == (50, 20)


def test_the_worst_pair_comes_first() -> None:
    found = guard([use("gold", 900, 20), use("silver", 300, 30), use("bronze", 100, 80)])
    assert [(each.tier, each.other) for each in found] == [
        ("bronze", "gold"),
        ("bronze", "silver"),
        ("silver", "gold"),
    ]


@pytest.mark.parametrize(("cost", "alerts"), [(91, 1), (90, 1), (89, 0)])
def test_equal_shares_within_a_tenth(cost: int, alerts: int) -> None:
    found = guard([use("gold", 900, 100), use("bronze", 100, cost)])
    assert [each.kind for each in found] == ["equal_shares"] * alerts


def test_equal_shares_are_fine_where_value_hardly_differs() -> None:
    assert guard([use("gold", 199, 100), use("bronze", 100, 100)]) == []
    assert len(guard([use("gold", 200, 100), use("bronze", 100, 100)])) == 1


def test_tiers_without_customers_and_without_cost_say_nothing() -> None:
    assert guard([]) == []
    assert guard([use("gold", 900, 0), TierUse("bronze", 0, 0, 0, 0.0)]) == []


def test_texts_are_there_for_each_kind_and_measure() -> None:
    assert len(TEXTS) == 4


flows = st.dictionaries(
    st.sampled_from(PARTS),
    st.builds(Flow, st.integers(0, 9), st.integers(-(10**12), 10**12), st.integers(0, 10**12)),
)


@settings(deadline=None, database=None)
@given(flows)
def test_the_parts_of_the_bridge_add_up_exactly(found: dict[str, Flow]) -> None:
    made = bridge(found)
    changes = sum(made.flows[part].change_minor for part in PARTS)
    assert made.after_minor - made.before_minor == changes
    assert made.customers_after - made.customers_before == (
        made.flows["new"].customers
        + made.flows["returned"].customers
        - made.flows["lost"].customers
    )


def test_growth_on_fewer_customers_diverges() -> None:
    lost, grown = Flow(5, 500, 0), Flow(5, 500, 2_000)
    assert bridge({"lost": lost, "grown": grown}).diverges
    assert bridge({"lost": lost, "grown": grown}).retention == 0.5
    assert not bridge({"lost": lost, "grown": grown, "new": Flow(5, 0, 1)}).diverges
    assert bridge({}).retention is None
