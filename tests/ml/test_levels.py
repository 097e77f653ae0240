"""Money: members agree on one total, totals are mistrusted where little proves them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.learning.course import Evidence
from ml.learning.levels import WHALE, correction, money, shares_of, tweedie_loss, weigh_values
from ml.sample import Floats, Sample

ROWS = 4000


def sample_of(value: Floats) -> Sample:
    rows = len(value)
    return Sample(
        codes=(),
        values=np.zeros((rows, 0), np.float32),
        cutoff=np.zeros(rows, np.int64),
        customer_id=np.arange(rows),
        churned=value == 0,
        value=value,
    )


def evidence(margins: Floats, value: Floats, *, extrapolated: bool = False) -> Evidence:
    return Evidence(sample_of(value), margins, extrapolated)


def three_members(noise: tuple[float, float, float], seed: int = 1) -> Evidence:
    """Members that know the logs of the truth with so much noise each."""
    random = np.random.default_rng(seed)
    truth = random.normal(6.0, 1.0, ROWS)
    margins = np.column_stack([truth + random.normal(0, size, ROWS) for size in noise])
    value = np.exp(truth) * random.gamma(2.0, 0.5, ROWS)
    return evidence(margins, np.where(random.random(ROWS) < 0.3, 0.0, value))


@given(
    st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 1), min_size=3, max_size=3),
)
def test_members_are_brought_to_one_total(shifts: list[float], parts: list[float]) -> None:
    weights = np.array(parts) / sum(parts)
    margins = np.random.default_rng(2).normal(3, 1, (50, 3)) + np.array(shifts)
    shares = shares_of(margins, weights)
    values = np.exp(margins)
    totals = np.minimum(values, np.quantile(values, WHALE, axis=0)).sum(axis=0)
    brought = shares * totals
    np.testing.assert_allclose(brought / brought.sum(), weights, rtol=1e-9)
    assert totals.min() * (1 - 1e-9) <= brought.sum() <= totals.max() * (1 + 1e-9)


def test_the_total_lies_half_way_between_the_rhythm_and_the_members() -> None:
    margins = np.log(np.array([[100.0, 100.0, 400.0]]))
    # Members: 100^.5 * 400^.5 = 200; the rhythm: 400; half-way in logarithms: 282.8.
    shares = shares_of(margins, np.array([0.5, 0.0, 0.5]))
    assert (np.exp(margins) @ shares)[0] == pytest.approx(np.sqrt(200 * 400))
    assert shares[1] == 0.0
    equal = shares_of(np.log(np.full((4, 3), 7.0)), np.full(3, 1 / 3))
    np.testing.assert_allclose(equal, 1 / 3)


def test_a_members_own_level_does_not_matter_to_the_order_of_customers() -> None:
    each = three_members((0.1, 0.5, 0.5))
    weights = np.array([0.2, 0.3, 0.5])
    moved = replace(each, margins=each.margins + np.array([2.0, 0.0, 0.0]))
    np.testing.assert_allclose(
        money(moved, weights) / money(moved, weights).sum(),
        money(each, weights) / money(each, weights).sum(),
    )


def test_members_of_one_worth_are_weighed_alike() -> None:
    same = three_members((0.3, 0.3, 0.3))
    alike = evidence(np.repeat(same.margins[:, :1], 3, axis=1), same.sample.value)
    np.testing.assert_allclose(weigh_values([alike]), 1 / 3, atol=1e-3)
    np.testing.assert_allclose(weigh_values([same]), 1 / 3, atol=0.05)


def test_a_far_better_member_gets_most_of_the_weight() -> None:
    weights = weigh_values([three_members((1.5, 0.05, 1.5)), three_members((1.5, 0.05, 1.5), 2)])
    assert weights[1] > 0.5
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0)


def test_where_nobody_brought_anything_members_are_weighed_alike() -> None:
    each = three_members((0.3, 0.3, 0.3))
    nothing = evidence(each.margins, np.zeros(ROWS))
    np.testing.assert_array_equal(weigh_values([nothing]), np.full(3, 1 / 3))
    np.testing.assert_array_equal(weigh_values([nothing, each]), weigh_values([each]))


def test_a_correction_is_shrunk_the_more_the_fewer_origins_ask_for_it() -> None:
    margins, weights = np.zeros((100, 3)), np.full(3, 1 / 3)
    once = evidence(margins, np.full(100, 1.44))
    assert correction([], weights) == 1.0
    assert correction([once], weights) == pytest.approx(1.2)
    assert correction([once, once], weights) == pytest.approx(1.44 ** (2 / 3))
    exact = evidence(margins, np.ones(100))
    assert correction([exact, exact], weights) == pytest.approx(1.0)
    assert correction([evidence(margins, np.full(100, 1 / 1.44))], weights) == pytest.approx(
        1 / 1.2
    )


def test_a_correction_never_goes_beyond_twice_or_half() -> None:
    margins, weights = np.zeros((100, 3)), np.full(3, 1 / 3)
    for value, limit in ((1e6, 2.0), (0.0, 0.5)):
        far = evidence(margins, np.full(100, value))
        assert correction([far], weights) == pytest.approx(limit**0.5)
        assert correction([far] * 50, weights) == pytest.approx(limit ** (50 / 51))


def test_tweedie_loss_is_least_at_the_mean() -> None:
    value = np.array([0.0, 0.0, 3.0, 9.0])
    losses = [tweedie_loss(np.full(4, guess), value) for guess in (2.0, 2.9, 3.0, 3.1, 4.0)]
    assert int(np.argmin(losses)) == 2
    # -y m^-0.3 / -0.3 + m^0.7 / 0.7 at y = m = 1.
    assert tweedie_loss(np.ones(1), np.ones(1)) == pytest.approx(1 / 0.3 + 1 / 0.7)


def test_one_huge_basket_does_not_raise_everybody_else() -> None:
    random = np.random.default_rng(7)
    margins = random.normal(6.0, 1.0, (400, 1)) + random.normal(0.0, 0.2, (400, 3))
    weights = np.full(3, 1 / 3)
    plain = np.exp(margins) @ shares_of(margins, weights)
    margins[0, -1] += np.log(10_000.0)
    beside = np.exp(margins) @ shares_of(margins, weights)
    assert beside[1:].sum() == pytest.approx(plain[1:].sum(), rel=0.03)
