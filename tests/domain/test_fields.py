"""The catalogue: complete, named in both languages, with windows, exact where money is a mean."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.columns import PROFILE_MEASURES
from api.db.models import Base
from api.domain.conditions import operators_of
from api.domain.fields import FIELDS, find_field, known_fields, windows_of
from api.domain.rules import fields_of, parse_rule
from api.errors import InvalidInput

LARGEST_SUM = 2**53
"""Up to here a sum of minor units is exact as a float64."""


def parse(document: object) -> Any:
    return parse_rule(document, FIELDS, 2)


def test_every_published_measure_is_a_field_of_its_name() -> None:
    columns = {each.column for each in FIELDS.values() if each.table == "customer_profiles"}
    assert set(PROFILE_MEASURES) <= columns
    for field in FIELDS.values():
        assert field.column in Base.metadata.tables[field.table].c, field.name


def test_every_field_has_names_in_both_languages_and_operators() -> None:
    for name, field in FIELDS.items():
        assert field.name == name
        assert re.search(r"[A-Za-z]", field.label("en")), name
        assert re.search(r"[一-鿿]", field.label("zh")), name
        assert operators_of(field), name
    for place in ("label_en", "label_zh"):
        labels = [getattr(field, place) for field in FIELDS.values()]
        assert len(set(labels)) == len(labels), place


@pytest.mark.parametrize(
    "document",
    [
        {"field": "net_spend", "window_days": 84, "op": "gte", "value": 100},
        {"net_spend": {"window_days": 84, "gte": 100}},
        {"net_spend_84d": {"gte": 100}},
    ],
)
def test_a_window_is_another_way_to_name_a_field(document: object) -> None:
    rule = parse(document)
    assert fields_of(rule) == {"net_spend_84d": FIELDS["net_spend_84d"]}
    assert rule.to_document()["field"] == "net_spend_84d"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"any": [{"field": "net_spend", "window_days": 90, "op": "gte", "value": 1}]},
            "rule.any[0]: 'net_spend' has windows of 28, 84, 182, 365 days, not 90.",
        ),
        (
            {"field": "clv", "window_days": 84, "op": "gte", "value": 1},
            "rule: clv has no windows; leave out window_days.",
        ),
        (
            {"field": "net_spent", "window_days": 84, "op": "gte", "value": 1},
            "rule: nothing measures 'net_spent' over a window (did you mean 'net_spend'?).",
        ),
        ({"net_spend": {"window_days": 84}}, "rule.net_spend: says no operator"),
        ({"net_spend": {"window_days": True, "gte": 1}}, "days, not True."),
        ({"net_spend": {"window_days": [84], "gte": 1}}, "days, not [84]."),
        (
            {"avg_daily_balance_mounth": {"gte": 1}},
            "rule: there is no field 'avg_daily_balance_mounth' "
            "(did you mean 'avg_daily_balance_month'?).",
        ),
        ({"avg_daily_balance_month": {"gte": "49999.995"}}, "has more than 2 decimals"),
        ({"intent": "maybe"}, "rule.intent: intent is never 'maybe'"),
    ],
)
def test_a_mistake_is_answered_with_what_there_is(document: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(document)
    assert message in str(caught.value)


def test_windows_are_listed_shortest_first() -> None:
    assert windows_of("net_spend", FIELDS) == (28, 84, 182, 365)
    assert windows_of("margin", FIELDS) == (365,)
    assert windows_of("clv", FIELDS) == ()


def test_own_fields_join_the_known_ones() -> None:
    own = FIELDS["clv"]
    assert find_field("clv", known_fields([own]), "rule") is own


@given(
    days=st.sampled_from([28, 29, 30, 31]),
    threshold=st.integers(-(LARGEST_SUM // 31), LARGEST_SUM // 31),
    beside=st.integers(-32, 32),
    op=st.sampled_from(["gte", "gt", "lte", "lt", "eq"]),
)
def test_a_mean_is_compared_exactly(days: int, threshold: int, beside: int, op: str) -> None:
    """Sum over days, rounded once, lies on the same side of an amount as the exact quotient."""
    total = threshold * days + beside
    column = np.array([total], dtype=np.float64) / days
    rule = parse({"avg_daily_balance_month": {op: f"{threshold}e-2"}})
    exact = Fraction(total, days)
    expected = {
        "gte": exact >= threshold,
        "gt": exact > threshold,
        "lte": exact <= threshold,
        "lt": exact < threshold,
        "eq": exact == threshold,
    }[op]
    assert rule.mask({"avg_daily_balance_month": column}).tolist() == [expected]
