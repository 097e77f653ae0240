"""What a rule document may say, and what each mistake is answered with."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from api.domain.conditions import Condition
from api.domain.fields import FIELDS, attribute_field, known_fields
from api.domain.rules import DEEPEST, MOST_PARTS, parse_rule
from api.errors import InvalidInput

BAND = attribute_field("income_band", "text", "Income band", "收入档")
KNOWN = known_fields([BAND])


def parse(document: object, exponent: int = 2) -> Any:
    return parse_rule(document, KNOWN, exponent)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"clvv": {"gte": 1}}, "rule: there is no field 'clvv' (did you mean 'clv'?)."),
        ({"clv": {"gten": 1}}, "rule.clv: clv has no operator 'gten' (did you mean 'gte'?)."),
        ({"region": {"gt": "a"}}, "region has no operator 'gt'"),
        ({"segment": {"ne": "x"}}, "segment has no operator 'ne'"),
        ({"clv": {"gte": "a lot"}}, "rule.clv: clv takes an amount, not 'a lot'."),
        ({"clv": {"gte": 1.001}}, "rule.clv: clv: 1.001 has more than 2 decimals."),
        ({"clv": {"gte": float("nan")}}, "too large for an amount"),
        ({"clv": {"gte": 10**30}}, "too large for an amount"),
        ({"order_count": 2.5}, "order_count takes a whole number"),
        ({"order_count": True}, "order_count takes a number, not True"),
        ({"recency_days": {"gt": float("inf")}}, "recency_days takes a number"),
        ({"recency_days": {"gt": Decimal("NaN")}}, "recency_days takes a number"),
        ({"churn_probability": {"gte": 60}}, "churn_probability is between 0 and 1, not 60."),
        ({"rfm_group": "champion"}, "is never 'champion' (did you mean 'champions'?)."),
        ({"known_at": {"gte": "last year"}}, "takes a day such as 2026-01-31"),
        ({"known_at": {"gte": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}}, "takes a day such as"),
        ({"known_at": {"gte": "1066-10-14"}}, "is between 1900-01-01 and 2200-12-31"),
        ({"clv": {"is_null": "yes"}}, "is_null of clv takes true or false"),
        ({"clv": []}, "takes a list of 1 to 500 values"),
        ({"region": ""}, "takes a text of 1 to 400 characters"),
        ({"region": "a\0b"}, "without NUL"),
        ({"region": "\ud800"}, "half characters"),
        ({"clv": {}}, "rule.clv: says no operator"),
        ({"any": []}, "rule.any: an empty list would select nobody."),
        ({"all": {"clv": 1}}, "rule.all: takes a list of rules"),
        ({"all": [], "clv": 1}, "nothing may stand beside 'all'"),
        ([], "a rule is {all: [...]}"),
        ({}, "a rule is {all: [...]}"),
        ({"field": "clv", "op": "gte"}, "exactly field, op and value"),
        (
            {"all": [{"kind": "b2b"}, {"not": {"any": [{"clvv": 1}]}}]},
            "rule.all[1].not.any[0]: there is no field 'clvv'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(document: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(document)
    assert message in str(caught.value)


def test_texts_of_customers_are_not_repeated_in_messages() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse({"external_id": "\0Jane Doe"})
    assert "Jane" not in str(caught.value)


def test_a_rule_can_be_neither_too_deep_nor_too_large() -> None:
    document: dict[str, Any] = {"kind": "b2b"}
    for _ in range(DEEPEST):
        document = {"not": document}
    parse(document)
    with pytest.raises(InvalidInput, match=f"{DEEPEST} levels deep"):
        parse({"not": document})
    with pytest.raises(InvalidInput, match=f"{MOST_PARTS} parts"):
        parse({"all": [{"kind": "b2b"}] * MOST_PARTS})


def test_a_document_that_refers_to_itself_is_refused() -> None:
    document: dict[str, Any] = {"all": []}
    document["all"] += [document, document]
    with pytest.raises(InvalidInput):
        parse(document)


@pytest.mark.parametrize(
    ("amount", "exponent", "minor"),
    [
        (500, 2, 50000),
        (0.1, 2, 10),
        (19.99, 2, 1999),
        ("1234.5", 2, 123450),
        (Decimal("0.001"), 3, 1),
        (1200, 0, 1200),
        (-3.5, 2, -350),
    ],
)
def test_amounts_are_read_exactly(amount: Any, exponent: int, minor: int) -> None:
    rule = parse({"clv": {"gte": amount}}, exponent)
    assert rule.value == minor
    assert parse(rule.to_document(), exponent) == rule


def test_short_and_long_forms_mean_the_same() -> None:
    short = parse({"clv": {"gte": 5, "lt": 9}, "kind": "b2b", "region": ["a", "b"]})
    long = parse(
        {
            "all": [
                {"field": "clv", "op": "gte", "value": 5},
                {"field": "clv", "op": "lt", "value": "9.00"},
                {"field": "kind", "op": "eq", "value": "b2b"},
                {"field": "region", "op": "in", "value": ["a", "b"]},
            ]
        }
    )
    assert short == long
    assert parse(short.to_document()) == short


def test_thresholds_are_inclusive_to_the_minor_unit() -> None:
    clv = np.array([49_999, 50_000, 50_001])
    for op, expected in {
        "gte": [False, True, True],
        "gt": [False, False, True],
        "lte": [True, True, False],
        "lt": [True, False, False],
        "eq": [False, True, False],
        "ne": [True, False, True],
    }.items():
        rule = parse({"clv": {op: 500}})
        for column in (clv, clv.astype(float)):
            assert rule.mask({"clv": column}).tolist() == expected


def test_a_missing_value_fails_every_comparison_and_not_is_the_complement() -> None:
    columns = {
        "clv": np.array([np.nan, 100.0]),
        "region": np.array([None, "north"], dtype=object),
        "known_at": np.array(["NaT", "2026-01-01"], dtype="datetime64[D]"),
    }
    for document in (
        {"clv": {"ne": 5}},
        {"clv": {"in": [1]}},
        {"region": {"ne": "south"}},
        {"region": {"contains": "n"}},
        {"known_at": {"ne": "2025-01-01"}},
    ):
        mask = parse(document).mask(columns)
        assert not mask[0]
        assert (parse({"not": document}).mask(columns) == ~mask).all()
    for name in columns:
        assert parse({name: {"is_null": True}}).mask(columns).tolist() == [True, False]
        assert parse({name: {"is_null": False}}).mask(columns).tolist() == [False, True]


def test_everyone_and_segments() -> None:
    columns = {"segment.a": np.array([True, False, False]), "segment.b": np.array([0, 1, 0], bool)}
    assert parse({"all": []}).mask(columns).all()
    assert parse({"segment": ["a", "b"]}).mask(columns).tolist() == [True, True, False]
    assert parse({"segment": "b"}).mask(columns).tolist() == [False, True, False]


def test_a_column_that_was_not_given_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"'attribute\.income_band'"):
        parse({"attribute.income_band": "High"}).mask({"clv": np.array([1.0])})


def test_every_field_has_both_labels_and_a_stored_source() -> None:
    from api.db.models import Base

    for field in FIELDS.values():
        assert field.label_en
        assert field.label_zh
        assert field.column in Base.metadata.tables[field.table].c
        for choice in field.choices:
            assert choice.label_en
            assert choice.label_zh


def test_equal_conditions_are_equal_however_they_were_built() -> None:
    same = attribute_field("income_band", "text", "other label", "其他")
    assert Condition(BAND, "eq", "x", 2) == Condition(same, "eq", "x", 2)
    assert Condition(BAND, "eq", "x", 2) != Condition(BAND, "ne", "x", 2)
