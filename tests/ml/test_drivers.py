"""Drivers of a segment, differences between groups, and what is bought together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from ml.artefacts import CHAMPION
from ml.backends import connect
from ml.churn import ChurnModel
from ml.contracts import DAY
from ml.errors import NotEnoughHistory
from ml.facts import FactStore
from ml.mining.differences import associations, differences
from ml.mining.drivers import Driver, drivers
from ml.sample import sample_at
from ml.training import TrainedModel
from tests.ml.conftest import CUTOFF, sha256_of, write_rows

CODES = ("recency_days", "discount_share", "orders_28d")
OURS, THEIRS = np.arange(1, 41), np.arange(41, 141)


def test_means_over_a_segment_and_the_rest() -> None:
    inside = np.arange(40) < 20
    effects = np.zeros((40, 4))
    effects[:, 0] = np.where(inside, 0.5, -0.5)
    effects[:, 1] = np.where(np.arange(40) % 2 == 0, 0.1, -0.1)
    effects[:, 3] = 7.0  # the bias is no driver
    values = np.ones((40, 3), np.float32)
    values[:, 0] = np.where(inside, 90.0, 10.0)
    values[::2, 1] = np.nan
    quiet, few = drivers(effects, CODES, values, {"quiet": inside, "few": np.arange(40) < 3})
    assert (quiet.segment, quiet.customers) == ("quiet", 20)
    assert quiet.drivers == (
        Driver("recency_days", 0.5, 1.0, 90.0, 10.0),
        Driver("discount_share", 0.1, 0.0, 1.0, 1.0),
    )
    assert (few.customers, few.drivers) == (3, ())


def test_a_driver_speaks_both_languages() -> None:
    driver = Driver("recency_days", 0.5, 1.0, 90.0, 10.0)
    assert driver.label("en") == "Days since last purchase"
    assert driver.text("en") == "No purchase for 90 days (the others: no purchase for 10 days)"
    assert driver.text("zh") == "已有 90 天未购买（其他客户：已有 10 天未购买）"
    assert Driver("feedback_mean", 0.1, 0.0, None, 0.5).text("en").startswith("Mean rating: none")


def test_contributions_add_up_to_the_score(store: Path, churn: TrainedModel) -> None:
    model = ChurnModel.load(churn.folder, CHAMPION, sha256_of(churn.folder), threads=1)
    with connect(1) as backend:
        backend.open(FactStore(store))
        sample = sample_at(backend, model.attributes, [CUTOFF])
    sample = model.habit.extend(sample, model.horizon_days)
    effects = model.effects(sample)
    np.testing.assert_allclose(effects.sum(axis=1), logit(model.predict(sample)), atol=1e-6)
    assert np.ptp(effects[:, -1]) < 1e-5  # what is left is the same for everyone
    seldom = sample.column("orders_84d") < 1.0
    (found,) = drivers(effects, model.codes, sample.matrix(model.codes), {"seldom": seldom})
    assert found.customers == seldom.sum()
    assert [driver.strength for driver in found.drivers] == sorted(
        (driver.strength for driver in found.drivers), reverse=True
    )


def shop(tmp_path: Path) -> Path:
    """Ours buy bread with butter each week; theirs bread, and one in four butter on its own."""
    rows: list[dict[str, Any]] = []

    def buy(customer: int, order: int, days_ago: int, *departments: str) -> None:
        for number, department in enumerate(departments, start=1):
            rows.append(
                {
                    "order_id": customer * 100 + order, "line_no": number, "customer_id": customer,
                    "ordered_at": CUTOFF - days_ago * DAY - 7, "product_id": len(department),
                    "department": department, "brand": None, "quantity_milli": 1000,
                    "amount_minor": 100, "discount_minor": 0, "cost_minor": None,
                }
            )  # fmt: skip

    for customer in OURS.tolist():
        buy(customer, 1, 9, "bread", "butter")
        buy(customer, 2, 2, "wine")
    for customer in THEIRS.tolist():
        buy(customer, 1, 5, "bread")
        if customer % 4 == 0:
            buy(customer, 2, 3, "butter")
        buy(customer, 3, 1000, "wine")  # too long ago to count
        buy(customer, 4, -3, "wine")  # not known yet
    return write_rows(tmp_path / "shop", {"order_lines": rows}, attributes=())


def test_what_sets_two_groups_apart(tmp_path: Path) -> None:
    found = differences(shop(tmp_path), cutoff=CUTOFF, inside=OURS, outside=THEIRS)
    assert [(each.value, each.support_inside, each.support_outside) for each in found] == [
        ("wine", 1.0, 0.0),
        ("butter", 1.0, 0.25),
    ]
    assert found[0].z > found[1].z > 5.0
    assert found[1].lift == pytest.approx((40.5 / 41) / (25.5 / 101), abs=1e-6)
    back = differences(shop(tmp_path), cutoff=CUTOFF, inside=THEIRS, outside=OURS)
    assert [each.z for each in back] == [-each.z for each in found]


def test_products_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    found = differences(
        shop(tmp_path), cutoff=CUTOFF, inside=OURS, outside=THEIRS, what="product", top=1
    )
    assert [each.value for each in found] == [len("wine")]


def test_what_a_group_buys_together(tmp_path: Path) -> None:
    (found,) = associations(shop(tmp_path), cutoff=CUTOFF, inside=OURS)
    assert {found.first, found.second} == {"bread", "butter"}
    assert (found.support, found.confidence, found.lift) == (0.5, 1.0, 2.0)
    assert associations(shop(tmp_path), cutoff=CUTOFF, inside=THEIRS) == ()


def test_an_empty_group_is_refused(tmp_path: Path) -> None:
    nobody = np.zeros(0, np.int64)
    with pytest.raises(NotEnoughHistory, match="nobody in the group"):
        associations(shop(tmp_path), cutoff=CUTOFF, inside=nobody)
    with pytest.raises(NotEnoughHistory, match="nobody to compare"):
        differences(shop(tmp_path), cutoff=CUTOFF, inside=OURS, outside=OURS)
