"""Back-tests: each origin knows only what it could, and every rival sees the same customers."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from ml.backtest import OURS, Backtest, backtest
from ml.contracts import DAY, cutoff_of
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.synthetic import Business, invent
from tests.ml.conftest import write_rows

SMALL = Business(customers=170, days=200)
HORIZON = 28
RIVALS = {
    "churn": {"base_rate", "recency", "pareto_nbd", "bg_nbd", "mbg_nbd", "rfm_logistic", "xgboost"},
    "clv": {"mean", "last_period", "pareto_nbd", "bg_nbd", "mbg_nbd", "xgboost"},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("small") / "facts", invent(SMALL, seed=4))


@pytest.fixture(scope="module")
def churn(small: Path) -> tuple[Backtest, ...]:
    return backtest(
        small, "churn", as_of=SMALL.last_day, horizon_days=HORIZON, origins=2, threads=1
    )


@pytest.fixture(scope="module")
def value(small: Path) -> Backtest:
    return backtest(small, "clv", as_of=SMALL.last_day, horizon_days=HORIZON, origins=1, threads=1)[
        0
    ]


def test_origins_are_past_and_come_oldest_first(churn: tuple[Backtest, ...]) -> None:
    last = SMALL.last_day
    assert [each.origin for each in churn] == [
        last - dt.timedelta(days=HORIZON + 28),
        last - dt.timedelta(days=HORIZON),
    ]
    assert not any(each.extrapolated for each in churn)
    assert {each.horizon_days for each in churn} == {HORIZON}


def test_customers_are_those_who_had_bought_by_then_and_labels_are_true(
    small: Path, churn: tuple[Backtest, ...]
) -> None:
    bought = [
        (row["customer_id"], row["ordered_at"])
        for row in invent(SMALL, seed=4)["order_lines"]
        if row["quantity_milli"] > 0
    ]
    zone = FactStore(small).manifest.time_zone
    for each in churn:
        cutoff = cutoff_of(each.origin, zone)
        known = {customer for customer, moment in bought if moment < cutoff}
        window = (cutoff, cutoff + HORIZON * DAY)
        came = {customer for customer, at in bought if window[0] <= at < window[1]}
        assert each.customer_id.tolist() == sorted(known)
        assert each.actual.tolist() == [float(who not in came) for who in sorted(known)]


def test_every_method_answers_for_every_customer(
    churn: tuple[Backtest, ...], value: Backtest
) -> None:
    for name, found in (("churn", (*churn,)), ("clv", (value,))):
        for each in found:
            assert set(each.methods) == {OURS, *RIVALS[name]}
            for method, said in each.methods.items():
                assert said.shape == each.actual.shape, method
                assert np.isfinite(said).all(), method
                assert said.min() >= 0, method
                if name == "churn":
                    assert said.max() <= 1, method


def test_only_values_have_intervals(churn: tuple[Backtest, ...], value: Backtest) -> None:
    assert all(each.low is None and each.high is None for each in churn)
    assert value.low is not None
    assert value.high is not None
    ours = value.methods[OURS]
    assert np.all((value.low >= 0) & (value.low <= ours) & (ours <= value.high))


def test_segments_are_masks_of_some_of_the_customers(churn: tuple[Backtest, ...]) -> None:
    for each in churn:
        assert {"one-time buyers", "repeat buyers"} <= set(each.segments)
        for mask in each.segments.values():
            assert mask.shape == each.actual.shape
            assert 0 < mask.sum() < len(mask)
        assert not (each.segments["one-time buyers"] & each.segments["repeat buyers"]).any()


def test_the_same_seed_gives_the_same_numbers_whatever_the_threads(
    small: Path, value: Backtest
) -> None:
    again = backtest(
        small, "clv", as_of=SMALL.last_day, horizon_days=HORIZON, origins=1, threads=2
    )[0]
    assert again.methods.keys() == value.methods.keys()
    for method, said in value.methods.items():
        np.testing.assert_array_equal(again.methods[method], said, err_msg=method)


def test_so_many_origins_as_history_allows(small: Path) -> None:
    heard: list[float] = []
    found = backtest(
        small,
        "churn",
        as_of=SMALL.first_day + dt.timedelta(days=99),
        horizon_days=HORIZON,
        origins=9,
        threads=1,
        progress=lambda _step, share: heard.append(share),
    )
    assert len(found) == 2
    assert heard[-1] == 1.0


def test_too_short_a_history_says_the_way_out(small: Path) -> None:
    with pytest.raises(NotEnoughHistory, match="choose a shorter horizon, or import older orders"):
        backtest(small, "churn", as_of=SMALL.last_day, horizon_days=180, threads=1)


def test_days_too_old_to_teach_anything_are_left_out(tmp_path: Path) -> None:
    business = Business(customers=300, days=300)
    found, opened = invent(business, seed=3), business.start + 200 * DAY
    orders = [
        line
        for line in found["order_lines"]
        if line["customer_id"] <= 5 or line["ordered_at"] >= opened
    ]
    path = write_rows(tmp_path, {**found, "order_lines": orders})
    judged = backtest(
        path, "churn", as_of=business.last_day, horizon_days=HORIZON, origins=4, threads=1
    )
    assert 1 <= len(judged) < 4
    assert judged[-1].origin == business.last_day - dt.timedelta(days=HORIZON)
    early = business.first_day + dt.timedelta(days=205)
    with pytest.raises(NotEnoughHistory):
        backtest(path, "churn", as_of=early, horizon_days=HORIZON, origins=2, threads=1)
