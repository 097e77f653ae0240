"""Shipped classes against values worked out by hand; ties, prospects and the order of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.fields import FIELDS
from tests.domain.customers import Columns, classified, shipped_classes


def customers(**columns: list[Any]) -> Columns:
    size = len(next(iter(columns.values())))
    defaults: dict[str, list[Any]] = {
        "recency_days": [1.0] * size,
        "order_count": [1] * size,
        "net_spend": [100] * size,
        "net_spend_365d": [100] * size,
        "tenure_days": [1.0] * size,
        "mean_gap_days": [np.nan] * size,
    }
    return {name: np.array(values) for name, values in {**defaults, **columns}.items()}


def test_quintiles_of_ten_different_customers() -> None:
    columns = customers(
        recency_days=[float(day) for day in range(1, 11)],
        order_count=list(range(10, 0, -1)),
        net_spend=list(range(1000, 0, -100)),
    )
    found = classified(columns)
    expected = [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    for score in ("r_score", "f_score", "m_score"):
        assert found.columns[score].tolist() == expected
    assert found.cutoffs["rfm_group"]["f_score"] == [2, 4, 6, 8]
    assert found.cutoffs["rfm_group"]["r_score"] == [9.0, 7.0, 5.0, 3.0]
    assert found.columns["rfm_group"][0] == "champions"
    assert found.columns["rfm_group"][-1] == "lost"


def test_equal_customers_get_equal_scores() -> None:
    found = classified(customers(order_count=[1, 1, 1, 1, 1, 1, 1, 2, 2, 3]))
    scores = found.columns["f_score"]
    assert len(set(scores[:7])) == 1
    assert scores[7] == scores[8] < scores[9]
    assert scores[0] == 1


def test_prospects_have_no_scores_and_do_not_move_those_of_buyers() -> None:
    buyers = customers(order_count=[1, 2, 3, 4, 5], recency_days=[5.0, 4.0, 3.0, 2.0, 1.0])
    with_prospect = customers(
        order_count=[1, 2, 3, 4, 5, 0], recency_days=[5.0, 4.0, 3.0, 2.0, 1.0, np.nan]
    )
    alone, together = classified(buyers), classified(with_prospect)
    assert together.cutoffs["rfm_group"] == alone.cutoffs["rfm_group"]
    assert np.isnan(together.columns["r_score"][5])
    assert together.columns["rfm_group"][5] is None
    assert together.columns["lifecycle_stage"][5] == "prospect"


def test_only_prospects_and_nobody_at_all() -> None:
    columns = customers(order_count=[0, 0], net_spend_365d=[0, 0], recency_days=[np.nan, np.nan])
    found = classified(columns).columns
    assert found["rfm_group"].tolist() == [None, None]
    assert found["abc_class"].tolist() == ["C", "C"]
    nobody = {name: values[:0] for name, values in columns.items()}
    assert all(len(values) == 0 for values in classified(nobody).columns.values())


def test_one_customer_alone_is_classified() -> None:
    found = classified(customers(order_count=[3], order_count_84d=[3], clv=[100.0])).columns
    assert found["abc_class"].tolist() == ["A"]
    assert found["rfm_group"][0] is not None
    assert found["class.purchase_habit"].tolist() == ["frequent"]
    assert found["class.clv_class"].tolist() == ["mid"]


def test_who_is_not_known_to_have_anything_has_no_class_rather_than_a_wrong_one() -> None:
    found = classified({"order_count": np.array([0])}).columns
    given = {name for name, values in found.items() if values.dtype == object and values[0]}
    assert given == {"lifecycle_stage", "class.purchase_habit", "class.relationship"}


def test_abc_by_hand() -> None:
    # of 1000: 600 and 200 bring exactly 80 %, then 100 and 50 reach 95 %
    spend = [600, 200, 100, 50, 30, 20, 0, -10]
    found = classified(customers(net_spend_365d=spend))
    assert found.columns["abc_class"].tolist() == ["A", "A", "B", "B", "C", "C", "C", "C"]
    assert found.cutoffs["abc_class"] == {"A": 200, "B": 50}


def test_abc_by_margin_leaves_out_who_has_none_known() -> None:
    found = classified(customers(margin_365d=[800.0, np.nan, 150.0, 50.0, -20.0]))
    assert found.columns["class.margin_abc"].tolist() == ["A", None, "B", "C", "C"]
    assert found.cutoffs["margin_abc"] == {"A": 800, "B": 150}


def test_the_largest_customer_is_a_however_large() -> None:
    found = classified(customers(net_spend_365d=[990, 10]))
    assert found.columns["abc_class"].tolist() == ["A", "C"]


def test_ties_share_their_abc_class() -> None:
    found = classified(customers(net_spend_365d=[100] * 10))
    assert set(found.columns["abc_class"]) == {"A"}


@pytest.mark.parametrize(
    ("orders", "recency", "gap", "tenure", "stage"),
    [
        (0, np.nan, np.nan, np.nan, "prospect"),
        (1, 0.0, np.nan, 0.0, "first_purchase"),
        (1, 29.9, np.nan, 29.9, "first_purchase"),
        (1, 30.0, np.nan, 30.0, "at_risk"),
        (1, 45.0, np.nan, 45.0, "churned"),
        (5, 3.0, 10.0, 43.0, "repeat"),
        (5, 20.0, 10.0, 60.0, "at_risk"),
        (5, 29.9, 10.0, 69.9, "at_risk"),
        (5, 30.0, 10.0, 70.0, "churned"),
        # quick buyers are given half a horizon before silence means anything
        (20, 14.9, 1.0, 200.0, "loyal"),
        (20, 15.0, 1.0, 200.0, "at_risk"),
        # slow buyers are measured against their own rhythm, not the horizon
        (20, 59.9, 40.0, 900.0, "loyal"),
        (20, 80.0, 40.0, 900.0, "at_risk"),
        (20, 120.0, 40.0, 900.0, "churned"),
        (10, 1.0, 5.0, 180.0, "loyal"),
        (9, 1.0, 5.0, 180.0, "repeat"),
        (10, 1.0, 5.0, 179.9, "repeat"),
    ],
)
def test_lifecycle_stages_at_their_borders(
    orders: int, recency: float, gap: float, tenure: float, stage: str
) -> None:
    columns = customers(
        order_count=[orders], recency_days=[recency], mean_gap_days=[gap], tenure_days=[tenure]
    )
    assert classified(columns, 30).columns["lifecycle_stage"].tolist() == [stage]


def test_every_class_that_can_be_given_is_in_the_catalogue() -> None:
    by_key = {each.key: each for each in shipped_classes()}
    for key in ("rfm_group", "abc_class", "lifecycle_stage"):
        values = {value.key for value in by_key[key].values}
        assert values == {choice.value for choice in FIELDS[key].choices}


@settings(deadline=None, database=None, max_examples=50)
@given(
    orders=st.lists(st.integers(0, 6), min_size=1, max_size=40),
    shuffle=st.randoms(use_true_random=False),
)
def test_classes_do_not_depend_on_the_order_of_rows(orders: list[int], shuffle: Any) -> None:
    spend = [count * 137 % 11 * 100 for count in orders]
    columns = customers(
        order_count=orders,
        order_count_365d=orders,
        order_count_84d=[count // 2 for count in orders],
        net_spend=spend,
        net_spend_365d=spend,
        margin_365d=[value / 10 for value in spend],
        clv=[float(value * 3 % 700) for value in spend],
        churn_probability=[count / 7 for count in orders],
        mean_basket=[value / max(count, 1) for value, count in zip(spend, orders, strict=True)],
        recency_days=[float(count * 7 % 50) for count in orders],
    )
    order = list(range(len(orders)))
    shuffle.shuffle(order)
    straight = classified(columns)
    mixed = classified({name: values[order] for name, values in columns.items()})
    assert mixed.cutoffs == straight.cutoffs
    for name, values in straight.columns.items():
        np.testing.assert_array_equal(mixed.columns[name], values[order])
    same: dict[int, list[Any]] = {}
    for row in range(len(orders)):
        given_to = [values[row] for values in straight.columns.values()]
        assert repr(same.setdefault(orders[row], given_to)) == repr(given_to)
