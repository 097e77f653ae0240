"""Classifications as documents: what is refused, with the path and the way out; their order."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from api.domain.classes import (
    classification_fields,
    parse_classification,
    parse_classifications,
)
from api.domain.classes.statuses import require_step
from api.domain.fields import FIELDS, attribute_field, known_fields
from api.errors import InUse, InvalidInput
from tests.domain.customers import CLASSES, shipped_classes

TEXT = {"en": "x", "zh": "甲"}
LEVELS = [{"key": key, "name": TEXT} for key in ("high", "mid", "low")]


def document(kind: str, values: list[Any], **more: Any) -> dict[str, Any]:
    heading = {"key": "own", "kind": kind, "name": TEXT, "description": TEXT}
    return {**heading, "values": values, **more}


def bands(method: str = "thresholds", *bounds: dict[str, Any], **more: Any) -> dict[str, Any]:
    values = [level | bound for level, bound in zip(LEVELS, [*bounds, {}, {}, {}], strict=False)]
    return document("bands", values, **{"measure": "clv", "method": method, **more})


def rules(key: str, when: Any) -> dict[str, Any]:
    return document("rules", [LEVELS[0] | {"when": when}]) | {"key": key}


def weighted(*weights: float, **more: Any) -> dict[str, Any]:
    criteria = [
        {"key": f"c{place}", "name": TEXT, "field": "clv", "weight": weight, "rank": "highest"}
        for place, weight in enumerate(weights)
    ]
    values = [LEVELS[0] | {"at_least": 50}, LEVELS[2]]
    return document("weighted", values, criteria=[each | more for each in criteria])


def rfm(**changes: Any) -> dict[str, Any]:
    quintiles = [0.2, 0.4, 0.6, 0.8]
    parts: dict[str, Any] = {
        "recency": {"measure": "recency_days", "quantiles": quintiles},
        "frequency": {"measure": "order_count", "quantiles": quintiles},
        "monetary": {"measure": "net_spend", "quantiles": quintiles},
        "table": [["high"] * 5] * 5,
    }
    return document("rfm", LEVELS, **(parts | changes))


REFUSED = {
    "unknown kind": (document("band", LEVELS), r"classes\[0\]\.kind: .*did you mean 'bands'"),
    "unknown field": (bands(measure="clw"), r"classes\[0\]\.measure: .*did you mean 'clv'"),
    "unknown entry": (bands(mesure="clv"), r"classes\[0\]: unknown entry 'mesure'"),
    "no number": (bands(measure="region"), r"measure: region is not a number"),
    "window": (
        bands(measure="net_spend", window_days=85),
        r"'net_spend' has windows of 28, 84, 182, 365 days, not 85",
    ),
    "bound missing": (
        bands("thresholds", {"at_least": 5}),
        r"classes\[0\]\.values\[1\]: lacks the entry 'at_least'",
    ),
    "bounds out of order": (
        bands("thresholds", {"at_least": 5}, {"at_least": 5}),
        r"values\[1\]\.at_least: thresholds stand from highest to lowest",
    ),
    "bound of the last": (
        bands("thresholds", {"at_least": 5}, {"at_least": 4}, {"at_least": 3}),
        r"values\[2\]\.at_least: is left out here",
    ),
    "too many decimals": (
        bands("thresholds", {"at_least": "5.001"}, {"at_least": 4}),
        r"values\[0\]\.at_least.*has more than 2 decimals",
    ),
    "share of more than all": (
        bands("quantiles", {"top": 0.2}, {"top": 1.2}),
        r"values\[1\]\.top: takes a share between 0 and 1, not 1.2",
    ),
    "shares out of order": (
        bands("quantiles", {"top": 0.2}, {"top": 0.2}),
        r"values\[1\]\.top: shares grow",
    ),
    "weights": (weighted(0.5, 0.4), r"classes\[0\]\.criteria: the weights sum to 0\.9, not to 1"),
    "rank of a text": (weighted(1, field="region"), r"rank: region is not a number"),
    "value twice": (document("by_hand", [LEVELS[0]] * 2), r"values\[1\]\.key: .* is there twice"),
    "no values": (document("by_hand", []), r"values: takes a list of 1 to 60"),
    "no rule": (document("rules", LEVELS), r"values\[0\]: needs either `when` or `otherwise"),
    "otherwise first": (
        document("rules", [LEVELS[0] | {"otherwise": True}, LEVELS[1] | {"when": {"all": []}}]),
        r"values\[0\]\.otherwise: .* stands at the last value",
    ),
    "outside of all": (bands("jenks", outside="low"), r"outside: nobody is outside"),
    "outside in no value": (
        bands("jenks", among={"clv": {"gt": 0}}, outside="none"),
        r"outside: there is no value 'none'",
    ),
    "decided later": (rules("own", {"tier": "gold"}), r"reads tier, which is decided after"),
    "segment": (rules("own", {"segment": "x"}), r"reads segment, which is decided after"),
    "next": (
        document("status", [LEVELS[0] | {"next": ["gone"]}]),
        r"values\[0\]\.next\[0\]: there is no value 'gone'",
    ),
    "rfm table": (rfm(table=[["high"] * 5] * 4), r"table: takes 5 lists"),
    "rfm row": (rfm(table=[["high"] * 4] * 5), r"table\[0\]: takes 5 groups"),
    "rfm group": (
        rfm(table=[["high"] * 4 + ["hihg"]] * 5),
        r"table\[0\]\[4\]: .*did you mean 'high'",
    ),
    "rfm scales": (
        rfm(monetary={"measure": "net_spend", "jenks": 4}),
        r"monetary: has 4 scores and frequency 5",
    ),
    "rfm ways": (
        rfm(recency={"measure": "recency_days", "jenks": 5, "quantiles": [0.5]}),
        r"recency: needs one of quantiles, thresholds, jenks, not 2",
    ),
    "rfm bins out of order": (
        rfm(recency={"measure": "recency_days", "thresholds": [30, 20]}),
        r"recency\.thresholds: stand from low to high",
    ),
    "stages": (
        document("lifecycle", LEVELS),
        r"values: the stages of a lifecycle are, in this order, prospect, first_purchase",
    ),
    "own values": (
        document("by_hand", LEVELS) | {"key": "abc_class"},
        r"abc_class has fixed values, not 'high'",
    ),
    "own kind": (
        document("by_hand", [{"key": "lost", "name": TEXT}]) | {"key": "rfm_group"},
        r"kind: rfm_group is of kind rfm",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_documents_are_refused_with_path_and_way_out(name: str) -> None:
    bad, message = REFUSED[name]
    with pytest.raises(InvalidInput, match=message):
        parse_classifications([bad], FIELDS, 2)


def test_classes_are_decided_after_those_they_read_whatever_their_order() -> None:
    first, second, third = (
        rules("a", {"class.b": "high"}),
        rules("b", {"class.c": "high", "abc_class": "A"}),
        rules("c", {"order_count": {"gte": 1}}),
    )
    for documents in ([first, second, third], [third, second, first]):
        found = parse_classifications(documents, FIELDS, 2)
        assert [each.key for each in found] == ["c", "b", "a"]


def test_a_circle_is_refused_by_naming_it() -> None:
    documents = [
        rules("a", {"class.b": "high"}),
        rules("b", {"class.c": "high"}),
        rules("c", {"class.a": "high"}),
    ]
    with pytest.raises(InvalidInput, match="in a circle: a -> b -> c -> a"):
        parse_classifications(documents, FIELDS, 2)
    with pytest.raises(InvalidInput, match="in a circle: a -> a"):
        parse_classifications([rules("a", {"class.a": "high"})], FIELDS, 2)


def test_an_unknown_class_or_value_is_refused_with_the_nearest() -> None:
    shipped = yaml.safe_load(CLASSES.read_text(encoding="utf-8"))
    with pytest.raises(InvalidInput, match=r"did you mean 'class\.value_class'"):
        parse_classification(rules("own", {"class.value_clas": "high"}), shipped, FIELDS, 2)
    with pytest.raises(InvalidInput, match=r"class\.value_class is never 'hihg'"):
        parse_classification(rules("own", {"class.value_class": "hihg"}), shipped, FIELDS, 2)


def test_a_document_takes_the_place_of_the_one_with_its_key() -> None:
    shipped = yaml.safe_load(CLASSES.read_text(encoding="utf-8"))
    own = rules("value_class", {"order_count": {"gte": 1}})
    with pytest.raises(InUse, match=r"small_potential needs .*value_class is never 'low'"):
        parse_classification(own, shipped, FIELDS, 2)  # small_potential reads that value
    own["values"].append(LEVELS[2] | {"otherwise": True})
    assert parse_classification(own, shipped, FIELDS, 2).kind_name == "rules"


def test_what_rests_on_a_sensitive_attribute_may_not_decide_a_tier() -> None:
    income = attribute_field("income", "number", "Income", "收入", sensitive=True)
    documents = [
        rules("rich", {"attribute.income": {"gte": 1}}),
        rules("reads_rich", {"class.rich": "high"}),
        rules("plain", {"order_count": {"gte": 1}}),
    ]
    found = classification_fields(parse_classifications(documents, known_fields([income]), 2))
    assert {each.name: each.decides_tiers for each in found} == {
        "class.rich": False,
        "class.reads_rich": False,
        "class.plain": True,
    }


def test_shipped_classifications_have_fields_with_names_in_both_languages() -> None:
    found = {each.name: each for each in classification_fields(shipped_classes())}
    assert len(found) >= 15
    for each in found.values():
        assert each.label_en.isascii()
        assert any("\u4e00" <= char <= "\u9fff" for char in each.label_zh)
        assert len({choice.label_zh for choice in each.choices}) == len(each.choices)


def test_statuses_go_only_where_the_document_lets_them() -> None:
    shipped = {each["key"]: each for each in yaml.safe_load(CLASSES.read_text(encoding="utf-8"))}
    sales = shipped["sales_status"]
    for status in ("potential", "hot", "signed", "lapsed"):
        require_step(sales, None, status)
    require_step(sales, "potential", "hot")
    with pytest.raises(InvalidInput, match="from potential to signed; allowed is hot, lapsed"):
        require_step(sales, "potential", "signed")
    with pytest.raises(InvalidInput, match="is hot already"):
        require_step(sales, "hot", "hot")
    with pytest.raises(InvalidInput, match=r"never 'signd' \(did you mean 'signed'\?\)"):
        require_step(sales, "hot", "signd")
    require_step(shipped["relationship"], "existing", "key")
    with pytest.raises(InvalidInput, match="from prospect to key; allowed is existing"):
        require_step(shipped["relationship"], "prospect", "key")
