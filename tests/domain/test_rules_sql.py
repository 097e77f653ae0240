"""A rule selects the same customers as columns and as SQL, on both databases."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from api.db import models as m
from api.db.rules import customer_source, rule_to_sql
from api.domain.conditions import operators_of
from api.domain.fields import Field
from api.domain.rules import parse_rule
from tests.domain.population import (
    CUSTOMERS,
    DAYS,
    FIELDS,
    MONEY,
    NUMBERS,
    READ,
    SEGMENTS,
    SHARES,
    TEXTS,
    ZONE,
    Population,
)


def values_of(field: Field) -> st.SearchStrategy[Any]:
    if field.many:
        return st.sampled_from(SEGMENTS)
    match field.type:
        case "money":
            limit = 2**53 - 1
            known_money = [v for v in (*MONEY, 2**48) if v is not None and abs(v) <= limit]
            drawn = st.sampled_from(known_money)
            return (drawn | st.integers(-limit, limit)).map(lambda minor: f"{minor}e-2")
        case "number" if field.whole:
            return st.integers(0, 11)
        case "number" if field.unit == "probability":
            return st.sampled_from(SHARES) | st.floats(0, 1)
        case "number":
            known = [value for value in NUMBERS if value is not None]
            return st.sampled_from(known) | st.floats(0, 1e15)
        case "boolean":
            return st.booleans()
        case "date":
            nearby = st.integers(-1, 1).map(dt.timedelta)
            return st.tuples(st.sampled_from(DAYS), nearby).map(lambda pair: pair[0] + pair[1])
        case "choice":
            known_choices = [each.value for each in field.choices] or ["gold", "Gold", "x"]
            return st.sampled_from(known_choices)
    texts = [text for text in TEXTS if text is not None] + ["C7", "%", "_", "京", "C"]
    return st.sampled_from(texts) | st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=3
    )


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    field = draw(st.sampled_from(READ))
    op = draw(st.sampled_from(operators_of(field)))
    if op == "is_null":
        value: Any = draw(st.booleans())
    elif op == "in":
        value = draw(st.lists(values_of(field), min_size=1, max_size=4))
    else:
        value = draw(values_of(field))
    return {"field": field.name, "op": op, "value": value}


RULES = st.recursive(
    conditions(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts})
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=8,
)


def test_columns_and_sql_select_the_same_customers(engine: Engine) -> None:
    with engine.connect() as connection:
        population = Population(connection)
        columns = population.arrays()
        numbers = np.arange(1, CUSTOMERS + 1)

        @settings(
            max_examples=250,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(document=RULES)
        @example(document={"not": {"clv": {"gte": 500}}})
        @example(document={"region": {"contains": "%"}})
        @example(document={"region": {"contains": "_"}})
        @example(document={"not": {"not": {"attribute.hobby": {"ne": "a"}}}})
        @example(document={"not": {"all": []}})
        def agree(document: dict[str, Any]) -> None:
            rule = parse_rule(document, FIELDS, 2)
            assert parse_rule(rule.to_document(), FIELDS, 2) == rule
            statement = (
                select(m.Customer.id)
                .select_from(customer_source())
                .where(rule_to_sql(rule, ZONE))
                .order_by(m.Customer.id)
            )
            found = connection.execute(statement).scalars().all()
            assert list(found) == numbers[rule.mask(columns)].tolist()

        agree()


def test_every_condition_occurs_among_these_customers(engine: Engine) -> None:
    """The property above proves little where nobody or everybody is selected."""
    with engine.connect() as connection:
        columns = Population(connection).arrays()
    for document in (
        {"clv": {"gte": "90071992547409.91"}},
        {"clv": {"is_null": True}},
        {"region": {"contains": "a"}},
        {"attribute.member": True},
        {"attribute.joined": {"gt": DAYS[1]}},
        {"known_at": DAYS[2]},
        {"segment": "one"},
        {"tier": "Gold"},
        {"margin_365d": {"gte": "500.00"}},
        {"avg_daily_balance_month": {"gte": "500.00"}},
        {"avg_daily_balance_month": {"lt": "500.00", "gt": "499.99"}},
        {"intent": "refused"},
        {"intent_expected_on": {"gte": DAYS[1]}},
        {"class.band": ["ä", '"']},
        {"class.points": 0.30000000000000004},
    ):
        selected = parse_rule(document, FIELDS, 2).mask(columns)
        assert 0 < selected.sum() < CUSTOMERS
