"""Members of segments, and what let them in."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from api.domain.fields import FIELDS
from api.domain.rules import parse_rule
from api.domain.segments import (
    causes_json,
    departures_json,
    dependents,
    members,
    membership_columns,
    parse_segment,
    parse_segments,
)
from api.errors import InvalidInput

TEXT = {"en": "text", "zh": "文字"}
COLUMNS = {
    "clv": np.array([50_000.0, 49_999.0, np.nan, 90_000.0]),
    "rfm_group": np.array(["lost", "lost", None, 'odd "one" 5%'], dtype=object),
}


def segment(key: str, when: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "name": TEXT, "description": TEXT, "when": when}


def by_hand(key: str) -> dict[str, Any]:
    return {"key": key, "name": TEXT, "description": TEXT, "kind": "manual"}


def test_members_and_their_causes_in_the_order_of_rows() -> None:
    document = segment("big", {"any": [{"clv": {"gte": 500}}, {"clv": {"is_null": True}}]})
    definition = parse_segment(document, 2)
    assert members([definition], COLUMNS)["big"].tolist() == [True, False, True, True]
    causes = [json.loads(each) for each in causes_json(definition, COLUMNS)]
    assert [each["segment"] for each in causes] == ["big"] * 3
    assert [each["reasons"][0]["params"] for each in causes] == [
        {"field": "clv", "op": "gte", "threshold": 50_000, "value": 50_000},
        {"field": "clv", "op": "is_null", "threshold": None, "value": None},
        {"field": "clv", "op": "gte", "threshold": 50_000, "value": 90_000},
    ]
    assert {each["reasons"][0]["code"] for each in causes} == {"segment.condition_met"}


def test_awkward_texts_stay_valid_json() -> None:
    definition = parse_segment(segment("x", {"not": {"rfm_group": "lost"}}), 2)
    causes = [json.loads(each) for each in causes_json(definition, COLUMNS)]
    assert [each["reasons"][0]["params"]["value"] for each in causes] == [None, 'odd "one" 5%']


def test_a_segment_of_everyone_and_one_of_nobody() -> None:
    everyone, nobody = parse_segments(
        [segment("all_of_them", {"all": []}), segment("nobody", {"clv": {"gte": 10**9}})], 2
    )
    assert causes_json(everyone, COLUMNS).tolist() == ['{"segment":"all_of_them","reasons":[]}'] * 4
    assert causes_json(nobody, COLUMNS).tolist() == []


def test_memberships_are_columns_for_later_rules() -> None:
    definitions = parse_segments([segment("lost", {"rfm_group": "lost"})], 2)
    columns = COLUMNS | membership_columns(members(definitions, COLUMNS))
    assert parse_rule({"segment": "lost"}, FIELDS, 2).mask(columns).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_segments_combine_whatever_their_order_in_the_document() -> None:
    documents = [
        segment("both", {"all": [{"segment": "big"}, {"segment": "lost"}]}),
        segment("neither", {"not": {"segment": ["big", "lost"]}}),
        segment("big_or_picked", {"any": [{"segment": "big"}, {"segment": "picked"}]}),
        segment("lost", {"rfm_group": "lost"}),
        by_hand("picked"),
        segment("big", {"clv": {"gte": 500}}),
    ]
    definitions = parse_segments(documents, 2)
    keys = [each.key for each in definitions]
    assert keys.index("big") < keys.index("both") > keys.index("lost")
    picked = {"picked": np.array([False, True, False, False])}
    found = members(definitions, COLUMNS, picked)
    assert found["both"].tolist() == [True, False, False, False]
    assert found["neither"].tolist() == [False, False, True, False]
    assert found["big_or_picked"].tolist() == [True, True, False, True]
    assert members(definitions, COLUMNS)["picked"].tolist() == [False] * 4


def test_only_what_reads_a_segment_depends_on_it() -> None:
    documents = [
        segment("a", {"clv": {"gte": 500}}),
        segment("b", {"segment": "a"}),
        segment("c", {"not": {"segment": "b"}}),
        segment("d", {"clv": {"lt": 500}}),
    ]
    definitions = parse_segments(documents, 2)
    assert [each.key for each in dependents(definitions, "a")] == ["a", "b", "c"]
    assert [each.key for each in dependents(definitions, "d")] == ["d"]


def test_why_a_customer_left_is_what_no_longer_holds() -> None:
    document = segment("x", {"all": [{"clv": {"gte": 500}}, {"not": {"rfm_group": "lost"}}]})
    definition = parse_segment(document, 2)
    causes = [json.loads(each) for each in departures_json(definition, COLUMNS, np.array([0, 1]))]
    assert {reason["code"] for each in causes for reason in each["reasons"]} == {
        "segment.condition_lost"
    }
    assert [[reason["params"] for reason in each["reasons"]] for each in causes] == [
        [{"field": "rfm_group", "op": "eq", "threshold": "lost", "value": "lost"}],
        [
            {"field": "clv", "op": "lt", "threshold": 50_000, "value": 49_999},
            {"field": "rfm_group", "op": "eq", "threshold": "lost", "value": "lost"},
        ],
    ]


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([segment("x", {"segment": "y"})], "segment x.when: there is no segment 'y'"),
        ([segment("x", {"segment": "x"})], "depend on each other in a circle: x -> x."),
        (
            [
                segment("a", {"segment": "b"}),
                segment("b", {"not": {"segment": "c"}}),
                segment("c", {"any": [{"clv": 1}, {"segment": ["a"]}]}),
            ],
            "depend on each other in a circle: a -> b -> c -> a.",
        ),
        (
            [segment("lost_ones", {"clv": 1}), segment("x", {"segment": "lost_one"})],
            "there is no segment 'lost_one' (did you mean 'lost_ones'?)",
        ),
        ([segment("x", {"all": []}) | {"family": "valu"}], "(did you mean 'value'?)"),
        ([segment("x", {"all": []}) | {"kind": "manual"}], "segments[0].when: a segment by hand"),
        ([segment("x", {"all": []}) | {"kind": "both"}], "segments[0].kind: 'both' is unknown"),
        ([by_hand("x") | {"kind": "rule"}], "segments[0]: lacks the entry 'when'"),
        ([segment("x", {"clw": 1})], "segments[0].when: there is no field 'clw'"),
        ([segment("x", {"all": []})] * 2, "segments[1]: the key 'x' is there twice"),
        ([{"key": "x"}], "segments[0]: lacks the entry 'name'"),
        ([segment("X", {"all": []})], "segments[0].key: takes up to 40"),
    ],
)
def test_a_mistake_in_a_segment_is_named(documents: list[Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_segments(documents, 2)
    assert message in str(caught.value)
