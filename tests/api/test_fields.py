"""The catalogue that a rule editor is built from, and rules as filters of customers."""

from __future__ import annotations

from typing import Any

import pytest

from api.domain.fields import FIELDS
from tests.api.conftest import SIZE, Api
from tests.api.seed import Seeder
from tests.api.seed_facts import external_id

CATALOGUE = """{ fields { name type unit operators lowest highest whole multiple predicted
    decidesTiers filterable en: label(language: EN) zh: label(language: ZH_HANS)
    windows { days field }
    choices { value en: label(language: EN) zh: label(language: ZH_HANS) } } }
"""
SELECTED = """query($rule: JSON, $filter: CustomerFilter) { customers(first: 100, rule: $rule,
    filter: $filter) { totalCount edges { node { externalId } } } }"""


async def catalogue(api: Api, key: str = "frontend") -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in (await api.ask(CATALOGUE, key))["fields"]}


async def selected(api: Api, rule: Any, key: str = "frontend", **variables: Any) -> set[str]:
    found = await api.ask(SELECTED, key, variables={"rule": rule, **variables})
    names = {edge["node"]["externalId"] for edge in found["customers"]["edges"]}
    assert found["customers"]["totalCount"] == len(names)
    return names


async def test_every_field_is_told_with_all_that_an_editor_needs(api: Api) -> None:
    found = await catalogue(api)
    assert FIELDS.keys() < found.keys()
    spend = found["net_spend"]
    assert (spend["type"], spend["unit"], spend["multiple"]) == ("MONEY", "CURRENCY", False)
    assert (spend["en"], spend["zh"]) == ("Net spend", "净消费额")
    assert spend["operators"] == ["eq", "ne", "in", "is_null", "gt", "gte", "lt", "lte"]
    assert [each["days"] for each in spend["windows"]] == [28, 84, 182, 365]
    assert {each["field"] for each in spend["windows"]} <= found.keys()
    probability = found["churn_probability"]
    assert (probability["lowest"], probability["highest"]) == (0, 1)
    assert probability["predicted"]
    assert (found["order_count"]["whole"], found["recency_days"]["whole"]) == (True, False)
    stage = found["lifecycle_stage"]["choices"][0]
    assert stage == {"value": "prospect", "en": "prospect", "zh": "潜在客户"}
    assert "diamond" in {each["value"] for each in found["tier"]["choices"]}
    assert found["segment"]["multiple"]
    assert found["segment"]["choices"]
    assert found["attribute.household_size"]["type"] == "NUMBER"
    assert found["class.activity"]["choices"]


async def test_what_is_sensitive_can_be_asked_for_with_the_scope_only(api: Api) -> None:
    assert not (await catalogue(api))["attribute.income"]["filterable"]
    assert (await catalogue(api, "support"))["attribute.income"]["filterable"]
    rule = {"not": {"any": [{"attribute.income": "low"}]}}
    refused = (await api.send(SELECTED, "frontend", variables={"rule": rule})).json()
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await selected(api, rule, "support")


async def test_rules_select_by_any_field_and_beside_a_filter(api: Api) -> None:
    seeder = Seeder(None, b"no one's", SIZE)  # type: ignore[arg-type]
    profiles = {n: seeder.profile(n) for n in range(1, SIZE + 1) if n % 11}
    rule = {"field": "net_spend", "window_days": 365, "op": "gte", "value": "200.00"}
    expected = {
        external_id(number)
        for number, row in profiles.items()
        if row["net_spend_365d_minor"] >= 20_000
    }
    assert 0 < len(expected) < SIZE
    assert await selected(api, rule) == expected
    business = {"kind": {"eq": "B2B"}}
    both = await selected(api, rule, filter=business)
    assert 0 < len(both) < len(expected)
    assert both == expected & await selected(api, None, filter=business)


async def test_a_class_is_a_field_like_any_other(api: Api) -> None:
    known = await selected(api, {"class.activity": {"is_null": False}})
    unknown = await selected(api, {"class.activity": {"is_null": True}})
    assert len(known) + len(unknown) == SIZE
    assert await selected(api, {"class.activity": "dormant"}) <= known


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"any": [{"clvv": 1}]}, "rule.any[0]: there is no field 'clvv' (did you mean 'clv'?)."),
        ({"all": [{"kind": "b2b"}] * 101}, "A filter may have 100 conditions."),
        (7, "rule: a rule is {all: [...]}"),
    ],
)
async def test_a_wrong_rule_is_answered_with_its_path(api: Api, rule: Any, message: str) -> None:
    answer = (await api.send(SELECTED, "developer", variables={"rule": rule})).json()
    assert message in answer["errors"][0]["message"]


async def test_a_cursor_belongs_to_its_rule(api: Api) -> None:
    document = """query($rule: JSON, $after: String) {
        customers(first: 2, rule: $rule, after: $after) { pageInfo { endCursor } } }"""
    rule = {"order_count": {"gte": 1}}
    page = await api.ask(document, "frontend", variables={"rule": rule})
    cursor = page["customers"]["pageInfo"]["endCursor"]
    assert await api.ask(document, "frontend", variables={"rule": rule, "after": cursor})
    other = (await api.send(document, variables={"rule": {"kind": "b2b"}, "after": cursor})).json()
    assert "errors" in other
