"""The catalogue that ships: complete, bilingual, and each strategy is meant for somebody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from api.documents import POLICIES, read_document
from api.domain.classes import classification_fields, parse_classifications
from api.domain.conditions import Condition
from api.domain.fields import FIELDS, Field
from api.domain.resource_plans import parse_resource_plan
from api.domain.rules import EVERYONE, AllOf, Not, Rule
from api.domain.segments import FAMILIES, parse_segments
from api.domain.strategies import Strategy, parse_strategies, recommend
from api.domain.strategies.circumstances import Circumstances
from api.domain.strategies.documents import require_alternatives

STRATEGIES = read_document(POLICIES / "strategies.yaml")
SEGMENTS = read_document(POLICIES / "segments.yaml")
HAN = re.compile(r"[\u4e00-\u9fff]")


def fields() -> Mapping[str, Field]:
    classes = parse_classifications(read_document(POLICIES / "classes.yaml"), FIELDS, 2)
    return {**FIELDS, **{each.name: each for each in classification_fields(classes)}}


KNOWN = fields()
PARSED = parse_strategies(STRATEGIES, 2, KNOWN)


def satisfying(rule: Rule, wanted: bool = True) -> dict[str, Any]:
    """Values by field under which a rule holds (or fails); simple rules only, as these are."""
    if isinstance(rule, Condition):
        return {rule.field.name: _value(rule, wanted)}
    if isinstance(rule, Not):
        return satisfying(rule.part, not wanted)
    every = isinstance(rule, AllOf) == wanted
    found: dict[str, Any] = {}
    for part in rule.parts if every else rule.parts[:1]:
        for name, value in satisfying(part, wanted).items():
            found[name] = _both(found[name], value) if name in found else value
    return found


def _value(condition: Condition, wanted: bool) -> Any:
    first = condition.values[0]
    if condition.field.many:
        return first if wanted else None
    if condition.op == "ne":
        others = [each.value for each in condition.field.choices if each.value != first]
        return others[1] if wanted else first
    if condition.op in ("eq", "in"):
        return first if wanted else None
    assert isinstance(first, int | float)
    if condition.op == "gte" and condition.field.type == "money":
        return first * 5  # more than the least, so that it is worth its cost
    return {"gte": first, "gt": first + 1, "lte": first, "lt": first - 0.05 * abs(first) - 1e-6}[
        condition.op
    ]


def _both(one: Any, other: Any) -> Any:
    """Two bounds of one field: the higher of two low ones will do here."""
    return max(one, other) if isinstance(one, int | float) else other


def columns_for(strategy: Strategy) -> dict[str, np.ndarray[Any, Any]]:
    values = {} if strategy.rule == EVERYONE else satisfying(strategy.rule)
    columns: dict[str, Any] = {}
    for name, field in KNOWN.items():
        if field.many:
            continue
        numeric = field.type in ("number", "money", "boolean")
        value = values.get(name, np.nan if numeric else None)
        columns[name] = np.array([value], dtype=float if numeric else object)
    for name, rich in (("clv", 10_000_000.0), ("net_spend", 10_000_000.0)):
        if name not in values:
            columns[name] = np.array([rich])
    if "churn_probability" not in values:
        columns["churn_probability"] = np.array([0.5])
    for segment in SEGMENTS:
        columns[f"segment.{segment['key']}"] = np.array([values.get("segment") == segment["key"]])
    return columns


@pytest.mark.parametrize("strategy", PARSED, ids=lambda each: each.key)
def test_every_shipped_strategy_is_meant_for_somebody_and_brings_something(
    strategy: Strategy,
) -> None:
    columns = columns_for(strategy)
    assert strategy.rule.mask(columns).tolist() == [True]
    channel = strategy.channel or "any"
    consents = {(str(strategy.consent_purpose), channel): np.array([0])}
    found = recommend([strategy], columns, 5, Circumstances(consents))
    assert found.strategy_key.tolist() == [strategy.key]


def texts(document: Any) -> list[Mapping[str, str]]:
    """Everything bilingual in a document."""
    if isinstance(document, list):
        return [each for item in document for each in texts(item)]
    if not isinstance(document, Mapping):
        return []
    if set(document) == {"en", "zh"}:
        return [document]
    return [each for item in document.values() for each in texts(item)]


@pytest.mark.parametrize("document", [*STRATEGIES, *SEGMENTS], ids=lambda each: each["key"])
def test_texts_are_english_and_chinese(document: Mapping[str, Any]) -> None:
    found = texts(document)
    assert len(found) >= 2
    for each in found:
        assert not HAN.search(each["en"])
        assert HAN.search(each["zh"])


def test_what_the_catalogue_covers() -> None:
    read: dict[str, set[Any]] = {}
    for strategy in PARSED:
        for condition in strategy.rule.conditions():
            if condition.op in ("eq", "in"):
                read.setdefault(condition.field.name, set()).update(condition.values)
    assert read["class.value_class"] == {"high", "mid", "low"}
    stages = {each.value for each in KNOWN["lifecycle_stage"].choices}
    assert read["lifecycle_stage"] == stages
    assert read["class.intent_class"] == {"interested", "hesitating", "not_now", "refused"}
    assert read["class.relation"] == {"long_term", "temporary"}
    assert read["class.small_potential"] == {"yes"}
    assert read["class.credit_grade"] >= {"A", "C", "D"}
    assert read["class.arrears"] == {"yes"}
    by_key = {each.key: each for each in PARSED}
    assert by_key["learn_the_reason"].action == "none"
    assert {each.case for each in PARSED} >= {"retention", "win_back"}
    assert by_key["low_value_conversion"].active
    assert not by_key["low_value_upkeep"].active
    assert len([each for each in PARSED if each.response_hours is not None]) >= 4


def test_what_ships_fits_together() -> None:
    require_alternatives(PARSED)
    segments = parse_segments(SEGMENTS, 2, KNOWN)
    keys = {each.key for each in segments}
    for strategy in PARSED:
        for condition in strategy.rule.conditions():
            if condition.field.many:
                assert set(condition.values) <= keys
    assert {each.family for each in segments} <= set(FAMILIES)
    needs = [each for each in segments if each.family in ("need", "psychology")]
    told = {
        key
        for strategy in PARSED
        for condition in strategy.rule.conditions()
        if condition.field.many
        for key in condition.values
    }
    assert {each.key for each in needs} <= told
    plan = parse_resource_plan(read_document(POLICIES / "resources.yaml"), 2)
    assert set(plan.capacities) <= {each.owner_role for each in PARSED}


@pytest.mark.parametrize("strategy", PARSED, ids=lambda each: each.key)
def test_what_costs_is_stated_with_its_prior_or_done_for_other_reasons(strategy: Strategy) -> None:
    if strategy.expected_gain is not None:
        assert strategy.expected_gain.source.en.startswith("A stated prior")
    elif strategy.cost_minor:
        assert strategy.min_gain_minor <= -strategy.cost_minor
