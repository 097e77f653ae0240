"""Hints: scenarios count as the SQL would, and every promise holds when scored again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.artefacts import CHAMPION
from ml.backends import connect
from ml.churn import ChurnModel
from ml.contracts import DAY
from ml.facts import FactStore
from ml.feature_catalogue import FEATURES
from ml.mining.hints import Hint, hints
from ml.mining.scenarios import ACTIONS, BY_CODE, PAIRS, Columns
from ml.sample import Floats, Sample, sample_at
from ml.training import TrainedModel
from tests.ml.conftest import CUTOFF, Rows, sha256_of, write_rows

BUYS = {1: (200, 150, 100, 40), 2: (30,), 3: (90, 60, 0), 4: (400, 250)}
"""Days ago of each customer's purchases: regular, once, also on the last day, long ago."""


def lines(
    customer: int, days_ago: int, *amounts: tuple[int, int, int, str]
) -> list[dict[str, Any]]:
    """An order an hour before the end of that day; amounts are (paid, discount, product, dept)."""
    moment = CUTOFF - 1 - days_ago * DAY - 3600
    return [
        {
            "order_id": customer * 1000 + days_ago,
            "line_no": number,
            "customer_id": customer,
            "ordered_at": moment,
            "product_id": product,
            "department": department,
            "brand": "own",
            "quantity_milli": 1000,
            "amount_minor": paid,
            "discount_minor": discount,
            "cost_minor": None,
        }
        for number, (paid, discount, product, department) in enumerate(amounts, start=1)
    ]


USUAL = ((500, 50, 1, "dairy"), (500, 50, 2, "dairy"))


def contact(customer: int, days_ago: int, direction: str, kind: str) -> dict[str, Any]:
    return {
        "interaction_id": customer * 1000 + days_ago,
        "customer_id": customer,
        "occurred_at": CUTOFF - 1 - days_ago * DAY,
        "channel": "mail",
        "direction": direction,
        "kind": kind,
        "response_seconds": None,
    }


def rating(customer: int, days_ago: int, score: float) -> dict[str, Any]:
    moment = CUTOFF - 1 - days_ago * DAY
    return {
        "feedback_id": customer * 1000 + days_ago,
        "customer_id": customer,
        "given_at": moment,
        "category": "service",
        "score": score,
    }


def facts() -> dict[str, list[dict[str, Any]]]:
    return {
        "customers": [
            {"customer_id": customer, "kind": "b2c", "known_at": 0} for customer in BUYS
        ],
        "order_lines": [
            line for customer, days in BUYS.items() for day in days
            for line in lines(customer, day, *USUAL)
        ],
        "interactions": [contact(1, 20, "outbound", "campaign"), contact(4, 90, "inbound", "call")],
        "feedback": [rating(1, 50, 0.4), rating(2, 10, 1.0)],
    }  # fmt: skip


ADDED: dict[str, dict[str, Any]] = {
    "purchase": {"order_lines": USUAL},
    "larger_purchase": {"order_lines": (*USUAL, (500, 50, 1, "dairy"))},
    "new_department": {"order_lines": (USUAL[0], (500, 50, 9, "bakery"))},
    "coupon": {
        "order_lines": ((450, 100, 1, "dairy"), (450, 100, 2, "dairy")),
        "interactions": ("inbound", "coupon_redemption"),
    },
    "contact": {"interactions": ("outbound", "call")},
    "good_rating": {"feedback": 1.0},
}


def read(path: Path, rows: Rows) -> Sample:
    with connect(1) as backend:
        backend.open(FactStore(write_rows(path, rows, attributes=())))
        return sample_at(backend, [], [CUTOFF])


def with_fact(added: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The facts with the same new ones for every customer, at the very end of the last day."""
    rows = facts()
    for customer in BUYS:
        for line in (
            lines(customer, 0, *added.get("order_lines", ())) if "order_lines" in added else ()
        ):
            rows["order_lines"].append({**line, "order_id": line["order_id"] + 700})
        if "interactions" in added:
            rows["interactions"].append(contact(customer, 0, *added["interactions"]))
        if "feedback" in added:
            rows["feedback"].append(rating(customer, 0, added["feedback"]))
    return rows


@pytest.mark.parametrize("code", sorted(ADDED))
def test_a_scenario_is_what_the_query_says_after_such_facts(code: str, tmp_path: Path) -> None:
    before = read(tmp_path / "before", facts())
    truth = read(tmp_path / "after", with_fact(ADDED[code]))
    now = Columns(before)
    BY_CODE[code].change(now)
    changed = now.sample()
    assert changed.codes == truth.codes == tuple(FEATURES)
    for feature in truth.codes:
        np.testing.assert_allclose(
            changed.column(feature), truth.column(feature), rtol=2e-6, err_msg=feature
        )
    assert not np.array_equal(changed.values, before.values, equal_nan=True)


def test_every_action_has_a_scenario_that_was_checked() -> None:
    assert {action.code for action in ACTIONS} == {*ADDED, "faster_answers"}
    assert all(FEATURES[code] for action in ACTIONS for code in action.within)


@pytest.fixture(scope="module")
def model(churn: TrainedModel) -> ChurnModel:
    return ChurnModel.load(churn.folder, CHAMPION, sha256_of(churn.folder), threads=1)


@pytest.fixture(scope="module")
def sample(store: Path, model: ChurnModel) -> Sample:
    with connect(1) as backend:
        backend.open(FactStore(store))
        return sample_at(backend, model.attributes, [CUTOFF])


def probability(model: ChurnModel, sample: Sample) -> Floats:
    return model.predict(model.habit.extend(sample, model.horizon_days))


def test_hints_hold_when_scored_again(model: ChurnModel, sample: Sample) -> None:
    before = dict(zip(sample.customer_id.tolist(), probability(model, sample), strict=True))
    found = hints(model, sample, threshold=0.4)
    assert len(found) > 20
    for hint in found[:40]:
        now = Columns(sample.where(sample.customer_id == hint.customer_id))
        for code in hint.actions:
            BY_CODE[code].change(now)
        assert hint.before == before[hint.customer_id] >= 0.4
        assert hint.after == pytest.approx(float(probability(model, now.sample())[0]), abs=1e-9)
        assert hint.after <= hint.before - 0.01


def test_the_same_hints_again_and_none_for_the_safe(model: ChurnModel, sample: Sample) -> None:
    assert hints(model, sample, threshold=0.4) == hints(model, sample, threshold=0.4)
    assert hints(model, sample, threshold=1.01) == ()
    assert hints(model, sample.where(np.zeros(len(sample), np.bool_))) == ()


@dataclass(frozen=True)
class Unmoved:
    """A model for which nothing a business does matters."""

    horizon_days: int = 28

    @property
    def habit(self) -> Unmoved:
        return self

    def extend(self, sample: Sample, _horizon_days: int, /) -> Sample:
        return sample

    def predict(self, sample: Sample, /) -> Floats:
        return np.full(len(sample), 0.9)


def test_where_nothing_helps_there_is_no_hint(sample: Sample) -> None:
    assert hints(Unmoved(), sample) == ()


class Ratings(Unmoved):
    """A model that wants good ratings."""

    def predict(self, sample: Sample, /) -> Floats:
        return 0.9 - 0.5 * np.nan_to_num(sample.column("feedback_last"))


def test_nothing_is_advised_that_no_similar_customer_has_done(sample: Sample) -> None:
    alike = sample.where(sample.column("purchase_days") == 1.0)
    last, count = alike.codes.index("feedback_last"), alike.codes.index("feedback_count")
    alike.values[:, last], alike.values[:, count] = np.nan, 0.0
    assert hints(Ratings(), alike) == ()
    alike.values[0, last], alike.values[0, count] = 1.0, 1.0
    found = hints(Ratings(), alike)
    assert {hint.actions for hint in found} == {("good_rating",)}
    assert len(found) == len(alike) - 1


class Both(Unmoved):
    """A model that wants good ratings most, and a contact by the business too."""

    def predict(self, sample: Sample, /) -> Floats:
        rated, contacts = sample.column("feedback_last"), sample.column("outbound_count")
        return 0.9 - 0.3 * np.nan_to_num(rated) - 0.05 * np.minimum(contacts, 1.0)


def test_the_best_action_comes_first_and_a_pair_only_where_it_helps_more(sample: Sample) -> None:
    by_customer: dict[int, list[Hint]] = {}
    for hint in hints(Both(), sample, threshold=0.9):  # never rated or contacted
        by_customer.setdefault(hint.customer_id, []).append(hint)
    doubles = [found for found in by_customer.values() if len(found) == 2]
    assert len(doubles) > 10
    for single, pair in doubles:
        assert (single.actions, pair.actions) == (("good_rating",), ("contact", "good_rating"))
        assert (single.after, pair.after) == pytest.approx((0.6, 0.55))
    for hint in hints(Both(), sample, threshold=0.9, min_drop=0.06):
        assert hint.actions == ("good_rating",)  # a contact adds less than that
    assert {first.kind == second.kind for first, second in PAIRS} == {False}
