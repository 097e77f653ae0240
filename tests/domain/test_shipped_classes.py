"""What the shipped classifications say of customers made up to stand at their borders."""

from __future__ import annotations

import numpy as np
import pytest

from api.domain.classes import Circumstances, class_evidence, classify
from api.domain.texts import LANGUAGES, render
from api.domain.texts.classes import CLASS_TEXTS
from tests.domain.customers import (
    AS_OF,
    Columns,
    classified,
    fields,
    shipped_classes,
    with_all_measures,
)

CIRCUMSTANCES = Circumstances(AS_OF, 28)


def test_loyalty_reads_satisfaction_too() -> None:
    base = {
        "order_count": [30] * 4,
        "order_count_365d": [30] * 4,
        "recency_days": [5.0, 5.0, 5.0, 400.0],
        "tenure_days": [600.0] * 4,
        "mean_gap_days": [12.0] * 4,
        "top_brand_share": [0.5] * 4,
    }
    arrays: Columns = {name: np.array(values) for name, values in base.items()}
    arrays["satisfaction"] = np.array([0.9, np.nan, 0.3, 0.9])
    assert classified(arrays).columns["class.loyalty"].tolist() == [
        "loyal",
        "loyal",
        "potential_loyal",
        "churned",
    ]


def test_activity_is_read_from_contacts_and_how_quickly_the_customer_answers() -> None:
    found = classified(
        {
            "interaction_count": np.array([9, 9, 9, 9, 0]),
            "interaction_count_84d": np.array([2, 2, 2, 0, 0]),
            "response_hours": np.array([48.0, 48.1, 400.0, np.nan, np.nan]),
            "order_count": np.array([0, 0, 0, 0, 0]),
        }
    ).columns["class.activity"]
    assert found.tolist() == ["active", "ordinary", "dormant", "dormant", None]


def test_intent_ages_out_of_its_window() -> None:
    said = ["interested", "interested", "not_now", "refused", "refused", None]
    columns = {
        "intent": np.array(said, dtype=object),
        "intent_age_days": np.array([90.0, 90.5, 180.0, 365.0, 366.0, np.nan]),
    }
    assert classified(columns).columns["class.intent_class"].tolist() == [
        "interested", None, "not_now", "refused", None, None,
    ]  # fmt: skip


def test_credit_has_a_grade_and_a_flag_and_neither_without_invoices() -> None:
    found = classified(
        {
            "invoice_count_365d": np.array([5, 5, 5, 5, 0, 0]),
            "overdue_amount": np.array([0, 0, 1, 1, 1, 0]),
            "overdue_days": np.array([0, 0, 14, 61, 3, 0]),
            "late_payment_share": np.array([0.05, 0.2, 0.1, 0.1, np.nan, np.nan]),
        }
    ).columns
    assert found["class.credit_grade"].tolist() == ["A", "B", "B", "D", "B", None]
    assert found["class.arrears"].tolist() == ["no", "no", "yes", "yes", "yes", None]


def test_value_is_by_amount_and_frequency_and_shows_both() -> None:
    columns = with_all_measures(
        {
            "order_count": np.array([9, 5, 2, 0]),
            "order_count_365d": np.array([9, 5, 2, 0]),
            "net_spend_365d": np.array([900, 500, 200, 0]),
        }
    )
    found = classify(shipped_classes(), columns, CIRCUMSTANCES)
    assert found.columns["class.value_class"].tolist() == ["high", "mid", "low", None]
    best, *_ = class_evidence(shipped_classes(), columns, found.cutoffs, found.codes)["value_class"]
    inputs = {each["params"]["field"]: each["params"]["value"] for each in best}
    assert inputs == {"net_spend_365d": 900, "order_count_365d": 9}


def test_the_best_fifth_by_lifetime_value_is_high() -> None:
    found = classified({"clv": np.array([float(each) for each in range(1, 11)] + [np.nan])})
    values = found.columns["class.clv_class"].tolist()
    assert values == ["low"] * 4 + ["mid"] * 4 + ["high"] * 2 + [None]
    assert found.cutoffs["clv_class"] == {"high": 9, "mid": 5}


def test_long_term_small_with_potential_and_purchase_habit() -> None:
    found = classified(
        {
            "order_count": np.array([5, 5, 1, 0]),
            "order_count_84d": np.array([3, 0, 1, 0]),
            "order_count_182d": np.array([5, 0, 1, 0]),
            "order_count_365d": np.array([5, 0, 1, 0]),
            "net_spend_365d": np.array([9_000, 0, 10, 0]),
            "tenure_days": np.array([180.0, 900.0, 3.0, np.nan]),
            "recency_days": np.array([2.0, 300.0, 3.0, np.nan]),
            "clv": np.array([900.0, 1.0, 800.0, np.nan]),
        }
    ).columns
    assert found["class.relation"].tolist() == ["long_term", "temporary", "temporary", None]
    assert found["class.purchase_habit"].tolist() == [
        "frequent", "potential", "occasional", "potential",
    ]  # fmt: skip
    assert found["class.small_potential"].tolist() == ["no", "no", "yes", None]


def test_value_dimensions_combine_by_weights_that_are_data() -> None:
    columns = with_all_measures(
        {"net_spend_365d": np.array([10, 20]), "clv": np.array([30.0, 40.0])}
    )
    found = classify(shipped_classes(), columns, CIRCUMSTANCES)
    assert found.columns["class.referral_value"].tolist() == [None, None]
    shown = class_evidence(shipped_classes(), columns, found.cutoffs, found.codes)
    combined = {each["params"]["field"]: each["params"] for each in shown["combined_value"][1]}
    assert set(combined) == {"class.purchase_value", "class.potential_value"}
    # without referral value its weight is left to the other two: 50 and 35 of 85
    purchase = combined["class.purchase_value"]
    assert purchase["points"] == pytest.approx(purchase["value"] * 50 / 85, abs=0.1)


def test_every_reason_for_a_class_has_a_sentence_in_both_languages() -> None:
    draw = np.random.default_rng(11)
    size = 400
    orders = draw.integers(0, 12, size)
    columns = with_all_measures(
        {
            "order_count": orders,
            "order_count_84d": orders // 3,
            "order_count_365d": orders,
            "net_spend": orders * 100,
            "net_spend_365d": orders * 100,
            "recency_days": np.where(orders > 0, draw.integers(0, 90, size), np.nan),
            "tenure_days": np.where(orders > 0, 200.0, np.nan),
            "clv": np.where(orders > 1, draw.integers(0, 900, size), np.nan),
            "invoice_count_365d": draw.integers(0, 2, size),
            "overdue_days": draw.integers(0, 90, size),
            "late_payment_share": draw.random(size),
        }
    )
    found = classify(shipped_classes(), columns, CIRCUMSTANCES)
    shown = class_evidence(shipped_classes(), columns, found.cutoffs, found.codes)
    seen = {}
    for each in (reason for lists in shown.values() for reasons in lists for reason in reasons):
        seen[each["code"], each["params"].get("field"), each["params"].get("op")] = each
    for each in seen.values():
        english, chinese = (render(each, lang, "USD", 2, fields()) for lang in LANGUAGES)
        assert english.isascii()
        assert "{" not in english + chinese
        assert any("\u4e00" <= char <= "\u9fff" for char in chinese)
    set_by_people = {"class.set_by_hand", "class.status_set"}
    assert {code for code, _, _ in seen} | set_by_people == set(CLASS_TEXTS)
