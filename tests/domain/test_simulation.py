"""What a change of tiers moves, by numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.fields import FIELDS
from api.domain.rules import Masks, parse_rule
from api.domain.simulation import edges_of, matrix_of
from api.domain.simulation.disparity import FEWEST, group_shares, groups_of
from api.domain.simulation.flapping import UNKNOWN, flapping
from api.domain.tiers.distances import shortfall, slack

TIERS = ("gold", "silver")
NAN = float("nan")


def keys(*tiers: str | None) -> np.ndarray:
    return np.array([*tiers, None], dtype=object)[:-1]


COLUMNS = {
    "net_spend_365d": np.array([100, 200, 300, 400, 500]),
    "clv": np.array([10.0, NAN, 30.0, NAN, 50.0]),
    "service_cost_365d": np.array([1, 2, 3, 4, 5]),
}
BEFORE = keys("gold", "gold", "silver", None, "bronze")
AFTER = keys("gold", "silver", "gold", "silver", "gold")


def test_the_matrix_adds_up_by_hand() -> None:
    matrix = matrix_of(COLUMNS, BEFORE, AFTER, TIERS)
    assert matrix.customers == 5
    assert matrix.moved.customers == 4
    assert matrix.moved.revenue_minor == 200 + 300 + 400 + 500
    assert matrix.moved.margin_minor is None
    assert matrix.promoted.customers == 2
    assert matrix.promoted.revenue_minor == 300 + 400
    assert matrix.promoted.clv_minor == 30
    assert (matrix.demoted.customers, matrix.demoted.clv_minor) == (1, None)
    cells = {(move.before, move.after): move.sums.revenue_minor for move in matrix.moves}
    assert cells == {
        ("gold", "gold"): 100,
        ("gold", "silver"): 200,
        ("silver", "gold"): 300,
        (None, "silver"): 400,
        ("bronze", "gold"): 500,
    }
    gold = matrix.tiers[0]
    assert (gold.tier, gold.before.customers, gold.after.customers) == ("gold", 2, 3)
    assert (gold.before.service_cost_minor, gold.after.service_cost_minor) == (3, 9)
    assert [each.tier for each in matrix.tiers] == ["gold", "silver", "bronze", None]


def test_nobody_comes_to_nothing() -> None:
    matrix = matrix_of({}, keys(), keys(), TIERS)
    assert (matrix.customers, matrix.moves) == (0, ())
    assert matrix.promoted.revenue_minor == 0


def test_money_is_summed_to_the_last_unit() -> None:
    large = 2**53 + 1
    columns = {"net_spend_365d": np.array([large, 1, 1])}
    everyone = keys("gold", "gold", "gold")
    assert matrix_of(columns, everyone, everyone, TIERS).tiers[0].after.revenue_minor == large + 2


TIER = st.sampled_from(["gold", "silver", "bronze", None])


@given(st.lists(st.tuples(TIER, TIER, st.integers(-1000, 1000)), max_size=40))
def test_rows_columns_and_cells_agree(rows: list[tuple[str | None, str | None, int]]) -> None:
    before, after = keys(*(row[0] for row in rows)), keys(*(row[1] for row in rows))
    columns = {"net_spend_365d": np.array([row[2] for row in rows], dtype=np.int64)}
    matrix = matrix_of(columns, before, after, ("gold", "silver", "bronze"))
    total = sum(row[2] for row in rows)
    for side in ("before", "after"):
        sums = [getattr(each, side) for each in matrix.tiers]
        assert sum(each.customers for each in sums) == len(rows)
        assert sum(each.revenue_minor or 0 for each in sums) == total
    assert sum(move.sums.revenue_minor or 0 for move in matrix.moves) == total
    moved = matrix.promoted.customers + matrix.demoted.customers
    assert moved == matrix.moved.customers == sum(row[0] != row[1] for row in rows)


def test_the_edges_name_the_nearest_first() -> None:
    after = keys("gold", "gold", "silver", "silver")
    lacking = np.array([NAN, NAN, 0.3, 0.1])
    spare = np.array([0.2, 0.05, NAN, np.inf])
    following = keys(None, None, "gold", "gold")
    gold, silver = edges_of(after, lacking, spare, following, TIERS)
    assert gold.above == ((1, 0.05), (0, 0.2))
    assert gold.below == ((3, 0.1), (2, 0.3))
    assert (silver.above, silver.below) == ((), ())
    assert edges_of(after, lacking, spare, following, TIERS, most=1)[0].below == ((3, 0.1),)


@pytest.mark.parametrize(
    ("document", "far", "spare"),
    [
        ({"order_count": {"gte": 10}}, [0.5, 0.0, 0.0], [0.0, 0.0, 1.0]),
        ({"order_count": {"lt": 10}}, [0.0, 0.0, 1.0], [0.5, 0.0, 0.0]),
        (
            {"all": [{"order_count": {"gte": 10}}, {"net_spend": {"gte": 1}}]},
            [0.5, 0.5, 0.0],
            [0.0, 0.0, 1.0],
        ),
        (
            {"any": [{"order_count": {"gte": 10}}, {"net_spend": {"gte": 1}}]},
            [0.0, 0.0, 0.0],
            [1.0, 0.0, 2.0],
        ),
        ({"not": {"order_count": {"gte": 10}}}, [0.0, 0.0, 1.0], [0.5, 0.0, 0.0]),
        ({"rfm_group": "lost"}, [np.inf, 0.0, np.inf], [0.0, np.inf, 0.0]),
        ({"recency_days": {"lte": 30}}, [np.inf, 0.0, 1.0], [0.0, 0.5, 0.0]),
    ],
)
def test_distances_are_shares_of_thresholds(
    document: object, far: list[float], spare: list[float]
) -> None:
    masks = Masks(
        {
            "order_count": np.array([5, 10, 20]),
            "net_spend": np.array([200, 50, 300]),
            "rfm_group": keys("champions", "lost", None),
            "recency_days": np.array([NAN, 15.0, 60.0]),
        }
    )
    parsed = parse_rule(document, FIELDS, 2)
    assert shortfall(parsed, masks).tolist() == far
    assert slack(parsed, masks).tolist() == spare


def test_flaps_come_back_within_three_months() -> None:
    gold, silver = 0, 1
    months = np.array(
        [
            [gold, silver, gold, gold, gold, gold],  # back after one month
            [gold, silver, silver, silver, gold, gold],  # back after three
            [gold, silver, silver, silver, silver, gold],  # too late
            [UNKNOWN, gold, silver, gold, UNKNOWN, UNKNOWN],  # not there all the time
        ]
    )
    found = flapping(list(months.T))
    assert found.months == 6
    assert found.customer_months == 5 * 3 + 2
    assert found.changes == 2 + 2 + 2 + 2
    assert found.flaps == 3
    assert found.flap_rate == pytest.approx(3 / 17)
    assert flapping([]).flap_rate == 0.0


def test_groups_are_compared_with_the_best_off_one() -> None:
    values = keys(*(["a"] * 100), *(["b"] * 100), *(["c"] * (FEWEST - 1)), None)
    best = np.zeros(len(values), dtype=bool)
    best[:50] = True  # half of a
    best[100:130] = True  # 30 of b
    before = np.zeros(len(values), dtype=bool)
    a, b, c, unknown = group_shares(values, before, best)
    assert (a.group, a.customers, a.share_after, a.ratio_after) == ("a", 100, 0.5, 1.0)
    assert a.ratio_before is None
    assert (b.share_after, b.ratio_after, b.flagged) == (0.3, 0.6, True)
    assert (c.ratio_after, c.flagged) == (0.0, False)
    assert (unknown.group, unknown.customers) == (None, 1)


def test_four_fifths_exactly_is_not_flagged() -> None:
    values = keys(*(["a"] * 100), *(["b"] * 100))
    best = np.zeros(200, dtype=bool)
    best[:50] = best[100:140] = True
    assert [group.flagged for group in group_shares(values, best, best)] == [False, False]


def test_many_numbers_become_bands() -> None:
    names, codes = groups_of(np.array([*range(100), NAN], dtype=float))
    assert names == ["≤ 24", "24–49", "49–74", "> 74", None]
    assert np.bincount(codes).tolist() == [25, 25, 25, 25, 1]
    assert groups_of(np.array([1.0, 2.0, 2.0]))[0] == ["1", "2", None]


def test_many_texts_leave_the_largest() -> None:
    values = keys(*(f"t{number}" for number in range(20) for _ in range(20 - number)))
    names, codes = groups_of(values)
    assert names[0] == "t0"
    assert names[-2:] == ["…", None]
    assert np.bincount(codes).sum() == len(values)
