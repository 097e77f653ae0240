"""Intervals hold what they promise, in every group, and are wide where little is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.bands import GROUP_ROWS, Bands, learn_bands


def test_intervals_hold_zero_apart_and_are_ordered() -> None:
    random = np.random.default_rng(2)
    expected = np.sort(random.lognormal(5, 1.5, 4000))
    quiet = random.random(4000) < np.linspace(0.6, 0.0, 4000)
    value = np.where(quiet, 0.0, expected * random.lognormal(0.3, 0.5, 4000))
    low, middle, high = learn_bands(expected, value).apply(expected)
    assert np.all((low >= 0) & (low <= middle) & (middle <= high))
    assert np.all(low[:1500] == 0)
    assert low[3600:].min() > 0
    assert np.mean(value[high > 0] <= high[high > 0]) == pytest.approx(0.9, abs=0.02)
    assert np.mean(value[low > 0] < low[low > 0]) == pytest.approx(0.1, abs=0.03)


def test_customers_not_seen_before_fall_in_as_often() -> None:
    random = np.random.default_rng(3)
    expected = random.lognormal(5, 1.0, 6000)
    value = expected * random.lognormal(0.0, 0.3 + 0.3 * (expected > 150), 6000)
    low, _, high = learn_bands(expected[:3000], value[:3000]).apply(expected[3000:])
    for rows in (expected[3000:] > 150, expected[3000:] <= 150):
        inside = (value[3000:] >= low) & (value[3000:] <= high)
        assert inside[rows].mean() == pytest.approx(0.8, abs=0.05)


def test_few_rows_give_one_wide_band() -> None:
    bands = learn_bands(np.ones(5), np.array([0.0, 0.5, 1.0, 1.5, 4.0]))
    assert bands == Bands((), (0.0,), (4.0,))
    assert learn_bands(np.ones(1), np.array([3.0])) == Bands((), (0.0,), (3.0,))


def test_groups_are_no_smaller_than_they_may_be() -> None:
    for rows, groups in ((GROUP_ROWS * 2 - 1, 1), (GROUP_ROWS * 2, 2), (GROUP_ROWS * 50, 10)):
        expected = np.arange(1.0, rows + 1)
        bands = learn_bands(expected, expected)
        assert len(bands.low) == len(bands.high) == groups == len(bands.edges) + 1
        assert all(a < b for a, b in itertools.pairwise(bands.edges))


@given(
    st.lists(st.tuples(st.floats(0.01, 1e9), st.floats(0, 1e9)), min_size=1, max_size=60),
    st.lists(st.floats(1e-6, 1e12), min_size=1, max_size=20),
)
def test_whatever_was_seen_ends_are_in_order(
    seen: list[tuple[float, float]], asked: list[float]
) -> None:
    expected, value = np.array(seen).T
    low, middle, high = learn_bands(expected, value).apply(np.array(asked))
    assert np.all((low >= 0) & (low <= middle) & (middle <= high))
    assert middle.tolist() == asked
    assert np.isfinite(high).all()
