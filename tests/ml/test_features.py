"""Features by hand, their words, and the shape of the one SQL text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.backends import connect
from ml.contracts import DAY, AttributeField
from ml.facts import FactStore
from ml.feature_sql import literal
from ml.features import (
    DERIVED,
    FEATURES,
    Language,
    attribute_codes,
    feature_codes,
    features_sql,
    label_of,
    reason_text,
)
from ml.sample import Sample, measure_and_sample, sample_at
from ml.synthetic import ATTRIBUTE_FIELDS
from tests.ml.conftest import BUSINESS, write_rows

CUTOFF = 1000 * DAY


def line(order: int, days_ago: float, amount: int, **other: Any) -> dict[str, Any]:
    moment = int(CUTOFF - 1 - days_ago * DAY)
    return {
        "order_id": order,
        "line_no": 1,
        "customer_id": 1,
        "ordered_at": moment,
        "product_id": 10,
        "department": "bakery",
        "brand": "own",
        "quantity_milli": 1000,
        "amount_minor": amount,
        "discount_minor": 0,
        "cost_minor": None,
        **other,
    }


LINES = [
    line(1, 100, 1000, discount_minor=500, cost_minor=400),
    line(1, 100, 2000, line_no=2, product_id=11, department="dairy", brand="national"),
    line(2, 40, 3000),
    line(3, 10, 4000, product_id=12),
    # A return: no purchase, but it lowers what was spent when it happened.
    line(4, 5, -1000, quantity_milli=-1000),
    # A coupon line alone buys nothing.
    line(5, 2, 0, quantity_milli=0),
    # The first second after the cut-off is not known yet, the last one before it is.
    {**line(6, 0, 99_999), "ordered_at": CUTOFF},
    line(7, 0, 700, customer_id=2),
]


CONTACTS: dict[str, list[dict[str, Any]]] = {
    "interactions": [
        {
            "interaction_id": number,
            "customer_id": 1,
            "occurred_at": CUTOFF - days * DAY,
            "channel": "mail",
            "direction": direction,
            "kind": kind,
            "response_seconds": response,
        }
        for number, days, direction, kind, response in (
            (1, 90, "outbound", "campaign", None),
            (2, 20, "inbound", "coupon_redemption", 7200),
            (3, 0, "inbound", "call", 1),
        )
    ],
    "feedback": [
        {"feedback_id": 1, "customer_id": 1, "given_at": CUTOFF - 50, "score": 0.2},
        {"feedback_id": 2, "customer_id": 1, "given_at": CUTOFF - 50, "score": 0.8},
        {"feedback_id": 3, "customer_id": 1, "given_at": CUTOFF - 40, "score": None},
    ],
    "attributes": [
        {"customer_id": 1, "name": name, "valid_from": since, "text_value": text,
         "number_value": number}
        for name, since, text, number in (
            ("region", CUTOFF - 90, "north", None),
            ("region", CUTOFF - 80, "south", None),
            ("region", CUTOFF, "north", None),
            ("floor_space", 0, None, 55.5),
            ("newsletter", 0, "True", None),
        )
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Any]], Sample]:
    path = write_rows(
        tmp_path_factory.mktemp("tiny"),
        {
            "customers": [
                {"customer_id": 1, "kind": "B2C", "known_at": CUTOFF - 100 * DAY},
                {"customer_id": 3, "kind": "B2B", "known_at": CUTOFF - 1},
                {"customer_id": 4, "kind": "B2B", "known_at": CUTOFF},
            ],
            "order_lines": LINES,
            **CONTACTS,
        },
    )
    with connect(1) as backend:
        backend.open(FactStore(path))
        measures, sample = measure_and_sample(backend, ATTRIBUTE_FIELDS, CUTOFF)
    return measures.to_pydict(), sample


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("recency_days", 10),
        ("order_count", 3),
        ("net_spend", 9000),
        ("tenure_days", 100),
        ("purchase_days", 3),
        ("mean_gap_days", 45),
        ("gap_cv", np.sqrt(450.0) / 45),
        ("recency_over_mean_gap", 10 / 45),
        ("recency_over_longest_gap", 10 / 60),
        ("longest_gap_days", 60),
        ("last_gap_days", 30),
        ("days_since_second_last", 40),
        ("orders_28d", 1),
        ("spend_28d", 3000),
        ("orders_56d", 2),
        ("orders_182d", 3),
        ("spend_365d", 9000),
        ("orders_share_28_of_56d", 0.5),
        ("spend_share_28_of_56d", 0.5),
        ("pace_84d", 2 * 100 / (3 * 84)),
        ("mean_basket_value", 10_000 / 3),
        ("largest_basket_value", 4000),
        ("mean_basket_lines", 4 / 3),
        ("department_count", 2),
        ("department_count_84d", 1),
        ("top_department_share", 0.75),
        ("product_count", 3),
        ("repeat_product_share", 0.25),
        ("brand_count", 2),
        ("top_brand_share", 0.75),
        ("discount_share", 500 / 10_500),
        ("discount_share_84d", 0),
        ("discounted_order_share", 1 / 3),
        ("return_count", 1),
        ("return_share", 0.25),
        ("margin_share", 0.6),
        ("inbound_count", 1),
        ("outbound_count", 1),
        ("contacts_84d", 1),
        ("redemption_count", 1),
        ("response_share", 0.5),
        ("contact_recency_days", 19),
        ("response_hours", 2),
        ("feedback_count", 2),
        ("feedback_mean", 0.5),
        ("feedback_last", 0.8),
        ("attribute.region=north", 0),
        ("attribute.region=south", 1),
        ("attribute.floor_space", 55.5),
        ("attribute.newsletter", 1),
    ],
)
def test_a_feature_is_what_a_hand_would_reckon(
    seen: tuple[dict[str, list[Any]], Sample], code: str, expected: float
) -> None:
    _, sample = seen
    row = list(sample.customer_id).index(1)
    assert sample.values[row, sample.codes.index(code)] == np.float32(expected)


def test_what_is_not_there_is_unknown_and_not_zero(
    seen: tuple[dict[str, list[Any]], Sample],
) -> None:
    _, sample = seen
    row = list(sample.customer_id).index(2)
    values = dict(zip(sample.codes, sample.values[row].tolist(), strict=True))
    for code in (
        "mean_gap_days",
        "gap_cv",
        "margin_share",
        "feedback_mean",
        "attribute.region=north",
    ):
        assert np.isnan(values[code]), code
    assert values["recency_days"] == values["feedback_count"] == values["outbound_count"] == 0


def test_measures_are_of_buyers_and_prospects_and_predictions_of_buyers(
    seen: tuple[dict[str, list[Any]], Sample],
) -> None:
    measures, sample = seen
    assert measures["customer_id"] == [1, 2, 3]
    assert sample.customer_id.tolist() == [1, 2]
    assert measures["recency_days"] == [10.0, 0.0, None]
    assert measures["order_count"] == [3, 1, 0]
    assert measures["net_spend_minor"] == [9000, 700, 0]
    assert measures["net_spend_365d_minor"] == [9000, 700, 0]
    assert measures["tenure_days"] == [100.0, 0.0, None]
    assert measures["mean_gap_days"] == [45.0, None, None]
    assert measures["interaction_count"] == [2, 0, 0]
    assert measures["first_order_at"] == [CUTOFF - 1 - 100 * DAY, CUTOFF - 1, None]
    assert measures["last_order_at"] == [CUTOFF - 1 - 10 * DAY, CUTOFF - 1, None]


def test_many_cutoffs_in_one_query_are_as_each_alone(store: Path) -> None:
    cutoffs = [BUSINESS.start + days * DAY for days in (120, 148, 176)]
    with connect(2) as backend:
        backend.open(FactStore(store))
        together = sample_at(backend, ATTRIBUTE_FIELDS, cutoffs)
        for cutoff in cutoffs:
            alone = sample_at(backend, ATTRIBUTE_FIELDS, [cutoff])
            same = together.where(together.cutoff == cutoff)
            assert same.customer_id.tolist() == alone.customer_id.tolist()
            assert same.values.tobytes() == alone.values.tobytes()


def test_the_text_is_portable() -> None:
    """What Spark and DuckDB spell differently, or might round differently, stays out of it."""
    sql = features_sql(ATTRIBUTE_FIELDS)
    assert not re.search(
        r'"|`|::|\bFILTER\b|\bQUALIFY\b|\bepoch\b|//|\bavg\(|stddev|\bDATE\b', sql, re.I
    )
    for source, moment in (
        ("order_lines", "ordered_at"),
        ("interactions", "occurred_at"),
        ("feedback", "given_at"),
        ("attributes", "valid_from"),
        ("customers", "known_at"),
    ):
        for place in re.finditer(rf"FROM {source}\b", sql):
            assert re.match(rf"[^)]*\b{moment} < ", sql[place.start() :]), source


def test_there_are_enough_features_and_each_is_fully_declared() -> None:
    assert len(FEATURES) >= 35
    for code, feature in {**FEATURES, **DERIVED}.items():
        assert feature.name == code
        assert "{value}" in feature.reason_en, code
        assert "{value}" in feature.reason_zh, code
        assert re.search(r"[一-鿿]", feature.label_zh + feature.reason_zh), code


def test_attribute_features_follow_the_fields() -> None:
    fields = (AttributeField("tier of_old", "choice", ("it's", "b\\c")),)
    assert attribute_codes(fields) == ("attribute.tier of_old=it's", "attribute.tier of_old=b\\c")
    assert feature_codes(fields)[-2:] == attribute_codes(fields)
    assert literal("it's") == "concat('it', chr(39), 's')"
    assert literal("\\") == "chr(92)"
    assert literal("") == "''"


@pytest.mark.parametrize(
    ("code", "value", "language", "text"),
    [
        ("recency_days", 12.0, "en", "No purchase for 12 days"),
        ("recency_days", 1.0, "en", "No purchase for 1 day"),
        ("recency_days", 12.0, "zh", "已有 12 天未购买"),
        ("net_spend", 123456.0, "en", "Net spend of 1,234.56 so far"),
        ("discount_share", 0.256, "en", "26% of the list value was discounted"),
        ("feedback_mean", None, "en", "Mean rating: none"),
        ("feedback_mean", float("nan"), "zh", "平均评分：无"),
        ("attribute.region=north", 1.0, "en", "region: north"),
        ("attribute.region=north", 0.0, "en", "not region: north"),
        ("attribute.floor_space", 55.5, "zh", "floor space：55.5"),
        ("nobody_knows", 2.0, "en", "nobody knows: 2"),
        ("rhythm_absence", 0.5, "en", "By rhythm alone, no purchase with 50% probability"),
    ],
)
def test_reasons_read_well(code: str, value: float | None, language: Language, text: str) -> None:
    assert reason_text(code, value, language) == text


def test_money_follows_the_currency_and_labels_the_language() -> None:
    assert (
        reason_text("net_spend", 1234.0, "en", currency_exponent=0) == "Net spend of 1,234 so far"
    )
    assert label_of("order_count", "zh") == "购买次数"
    assert label_of("attribute.region=north", "zh") == "region：north"
