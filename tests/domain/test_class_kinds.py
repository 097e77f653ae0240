"""How each kind draws its cut-offs and gives its values, against hand and brute force."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.domain.classes import (
    ByHand,
    Circumstances,
    Classified,
    class_evidence,
    classify,
    parse_classifications,
)
from api.domain.classes.breaks import MOST_BREAK_VALUES, middle_ranks, natural_breaks
from api.domain.fields import FIELDS
from tests.domain.customers import AS_OF, shipped_classes, with_all_measures
from tests.domain.test_class_documents import LEVELS, bands, document, rfm

MONEY = st.integers(-3, 12)
CIRCUMSTANCES = Circumstances(AS_OF, 28)


def decided(content: dict[str, Any], **columns: list[Any]) -> Classified:
    known = with_all_measures({name: np.array(values) for name, values in columns.items()})
    return classify(parse_classifications([content], FIELDS, 2), known, CIRCUMSTANCES)


def own(content: dict[str, Any], **columns: list[Any]) -> list[Any]:
    found: list[Any] = decided(content, **columns).columns["class.own"].tolist()
    return found


def test_thresholds_are_inclusive_to_the_minor_unit() -> None:
    cut = bands("thresholds", {"at_least": "500.00"}, {"at_least": 100})
    clv = [49_999.0, 50_000.0, 50_001.0, 9_999.0, 10_000.0, 0.0, np.nan]
    assert own(cut, clv=clv) == ["mid", "high", "high", "low", "mid", "low", None]


def test_quantiles_never_part_equals_and_count_ties_by_their_middle() -> None:
    cut = bands("quantiles", {"top": 0.2}, {"top": 0.6})
    values = [float(each) for each in range(1, 11)]
    assert own(cut, clv=values) == ["low"] * 4 + ["mid"] * 4 + ["high"] * 2
    # Nine of ten have nothing: their middle lies at 45 % from the bottom, so none is high.
    assert own(cut, clv=[0.0] * 9 + [5.0]) == ["mid"] * 9 + ["high"]
    assert own(cut, clv=[7.0]) == ["mid"]


def test_natural_breaks_find_the_groups_that_are_there() -> None:
    values = [1.0, 2.0, 2.0, 3.0, 50.0, 51.0, 52.0, 900.0, 905.0]
    found = decided(bands("jenks"), clv=values)
    assert found.columns["class.own"].tolist() == ["low"] * 4 + ["mid"] * 3 + ["high"] * 2
    assert found.cutoffs["own"] == {"high": 900, "mid": 50}
    assert own(bands("jenks"), clv=[1.0, 1.0, 9.0]) == ["low", "low", "mid"]


@settings(deadline=None, database=None, max_examples=60)
@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=12), groups=st.integers(1, 4))
def test_natural_breaks_are_as_good_as_any(values: list[int], groups: int) -> None:
    column = np.array(values, dtype=float)
    distinct = sorted(set(values))
    breaks = natural_breaks(column, groups).tolist()
    assert breaks == sorted(set(breaks))
    assert set(breaks) <= set(distinct[1:])

    def within(bounds: tuple[float, ...]) -> float:
        parts = np.split(np.sort(column), np.searchsorted(np.sort(column), bounds))
        return sum(float(((part - part.mean()) ** 2).sum()) for part in parts if len(part))

    size = min(groups, len(distinct)) - 1
    best = min(within(chosen) for chosen in itertools.combinations(distinct[1:], size))
    assert within(tuple(breaks)) == pytest.approx(best, abs=1e-9)


def test_natural_breaks_of_very_many_values_are_bounded_and_still_right() -> None:
    draw = np.random.default_rng(3)
    parts = [draw.normal(at, 1, 20_000) for at in (0, 40, 1_000)]
    values = draw.permutation(np.concatenate(parts))
    assert len(np.unique(values)) > 10 * MOST_BREAK_VALUES
    breaks = natural_breaks(values, 3)
    assert 5 < breaks[0] < 40
    assert 50 < breaks[1] < 1_000
    assert natural_breaks(np.sort(values), 3).tolist() == breaks.tolist()


def test_middle_ranks_by_hand() -> None:
    distinct, ranks = middle_ranks(np.array([3, 1, 1, 2]))
    assert distinct.tolist() == [1, 2, 3]
    assert ranks.tolist() == [0.25, 0.625, 0.875]


def test_rfm_by_fixed_bins_and_natural_breaks_over_a_window() -> None:
    fixed = rfm(
        recency={"measure": "recency_days", "thresholds": [10, 30]},
        frequency={"measure": "order_count", "window_days": 84, "thresholds": [2, 5]},
        monetary={"measure": "net_spend", "jenks": 3},
        table=[["mid", "high", "high"], ["low", "mid", "high"], ["low", "low", "mid"]],
    )
    found = decided(
        fixed,
        recency_days=[10.0, 10.1, 30.0, 30.1],
        order_count_84d=[5, 4, 2, 1],
        net_spend=[900, 50, 60, 1],
    )
    assert found.columns["class.own"].tolist() == ["high", "mid", "mid", "low"]
    assert found.cutoffs["own"] == {
        "r_score": [30, 10],
        "f_score": [2, 5],
        "m_score": [50, 900],
    }


def test_weights_rank_only_what_is_above_zero_and_leave_out_what_nobody_has() -> None:
    criteria = [
        {"key": "spend", "name": LEVELS[0]["name"], "field": "net_spend_365d", "weight": 0.4,
         "rank": "highest"},
        {"key": "balance", "name": LEVELS[0]["name"], "field": "avg_daily_balance_month",
         "weight": 0.6, "rank": "highest", "missing": "ignore"},
    ]  # fmt: skip
    values = [LEVELS[0] | {"at_least": 75}, LEVELS[1] | {"at_least": 25}, LEVELS[2]]
    content = document("weighted", values, criteria=criteria)
    found = decided(content, net_spend_365d=[0, 10, 20])
    assert found.cutoffs["own"] == {"spend": [[10, 25.0], [20, 75.0]], "balance": []}
    assert found.columns["class.own"].tolist() == ["low", "mid", "high"]
    alone = decided(content, net_spend_365d=[0, 0], avg_daily_balance_month=[5.5, np.nan])
    assert alone.columns["class.own"].tolist() == ["mid", None]


def test_a_score_is_the_sum_of_the_contributions_that_are_shown() -> None:
    columns = with_all_measures(
        {
            "net_spend_365d": np.array([100, 200, 300]),
            "order_count_365d": np.array([3, 2, 1]),
            "mean_basket": np.array([50.0, np.nan, 10.0]),
        }
    )
    found = classify(shipped_classes(), columns, CIRCUMSTANCES)
    shown = class_evidence(shipped_classes(), columns, found.cutoffs, found.codes)
    points = [
        sum(each["params"]["points"] for each in reasons) for reasons in shown["purchase_value"]
    ]
    most = {each["params"]["most"] for each in shown["purchase_value"][0]}
    assert most == {60, 25, 15}
    assert points == pytest.approx(
        [0.6 * 100 / 6 + 0.25 * 500 / 6 + 0.15 * 75, 42.5, 57.92], abs=0.15
    )


def test_what_people_set_wins_and_is_read_by_later_classes() -> None:
    columns = with_all_measures({"order_count": np.array([1, 1]), "clv": np.array([5.0, 5.0])})
    value_class = next(each for each in shipped_classes() if each.key == "value_class")
    low = value_class.code_of("low")
    given_by_hand = ByHand(np.array([1]), np.array([low], dtype=np.int8))
    found = classify(shipped_classes(), columns, CIRCUMSTANCES, {"value_class": given_by_hand})
    plain = classify(shipped_classes(), columns, CIRCUMSTANCES)
    assert found.columns["class.value_class"].tolist()[1] == "low"
    assert found.columns["class.value_class"][0] == plain.columns["class.value_class"][0]
    assert found.cutoffs == plain.cutoffs
    assert found.columns["class.small_potential"][1] is not None


@settings(deadline=None, database=None, max_examples=40)
@given(
    rows=st.lists(st.tuples(MONEY, st.integers(0, 5), MONEY), min_size=1, max_size=25),
    seed=st.integers(0, 99),
)
def test_published_cutoffs_classify_anybody_alone_as_among_all(
    rows: list[tuple[int, int, int]], seed: int
) -> None:
    spend, orders, clv = (np.array(column) for column in zip(*rows, strict=True))
    columns = with_all_measures(
        {
            "net_spend": spend,
            "net_spend_365d": spend,
            "order_count": orders,
            "order_count_365d": orders,
            "recency_days": np.where(orders > 0, (spend * 7.0) % 50, np.nan),
            "clv": np.where(clv < 0, np.nan, clv),
        }
    )
    everyone = classify(shipped_classes(), columns, CIRCUMSTANCES)
    published = json.loads(json.dumps(everyone.cutoffs))
    row = seed % len(rows)
    alone = {name: values[row : row + 1] for name, values in columns.items()}
    for each in shipped_classes():
        codes = each.assign(alone, published[each.key]).codes
        assert codes[0] == everyone.codes[each.key][row], each.key
        alone[each.field_name] = each.named(codes)
        scores = each.assign(alone, published[each.key]).scores
        alone |= {f"class.{each.key}.score": scores["score"]} if "score" in scores else {}
        alone |= {name: values for name, values in scores.items() if name != "score"}


def test_evidence_is_there_for_every_class_that_is_given() -> None:
    draw = np.random.default_rng(8)
    size = 300
    orders = draw.integers(0, 9, size)
    columns = with_all_measures(
        {
            "order_count": orders,
            "order_count_84d": orders // 3,
            "order_count_182d": orders // 2,
            "order_count_365d": orders,
            "net_spend": orders * 100,
            "net_spend_365d": orders * 100,
            "margin_365d": np.where(orders > 1, orders * 10.0, np.nan),
            "recency_days": np.where(orders > 0, draw.integers(0, 90, size), np.nan),
            "tenure_days": np.where(orders > 0, 100.0, np.nan),
            "clv": np.where(orders > 0, draw.integers(0, 900, size), np.nan),
            "interaction_count": draw.integers(0, 3, size),
            "invoice_count_365d": draw.integers(0, 2, size),
            "intent": np.array([None, "interested"], dtype=object)[draw.integers(0, 2, size)],
            "intent_age_days": np.full(size, 3.0),
        }
    )
    found = classify(shipped_classes(), columns, CIRCUMSTANCES)
    shown = class_evidence(shipped_classes(), columns, found.cutoffs, found.codes)
    for each in shipped_classes():
        for code, reasons in zip(found.codes[each.key].tolist(), shown[each.key], strict=True):
            assert reasons or code < 0, each.key
