"""The policy page: every rule in words, in both languages, from the document that decides."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from api.documents import POLICIES, read_document
from api.domain.classes import parse_classifications
from api.domain.fields import known_fields
from api.domain.policy_page import (
    Sources,
    Version,
    Words,
    policy_page,
    to_html,
    to_html_page,
    to_markdown,
)
from api.domain.policy_page.words import exact_percent
from api.domain.rules import parse_rule
from api.domain.strategies.documents import parse_strategies
from api.domain.texts import Language
from api.domain.tiers import parse_policy

SHIPPED = ("default", "retail-rfm", "bank-assets", "weighted-abc", "b2b-credit")
CLASSES = parse_classifications(read_document(POLICIES / "classes.yaml"), known_fields(), 2)
VERSION = Version(
    3,
    "activated",
    dt.date(2026, 4, 1),
    None,
    "Head of sales",
    dt.datetime(2026, 3, 30, 9, 15, tzinfo=dt.UTC),
    "Spring review",
    None,
)


def fields() -> Any:
    from api.db.known_fields import fields_with

    return fields_with((), read_document(POLICIES / "classes.yaml"), 2)


def sources(name: str = "default", **changed: Any) -> Sources:
    content = read_document(POLICIES / f"{name}.yaml") | changed
    strategies = parse_strategies(read_document(POLICIES / "strategies.yaml"), 2, fields())
    return Sources(
        parse_policy(content, 2, fields()).document,
        content,
        VERSION,
        [VERSION],
        [(each, None) for each in CLASSES],
        strategies,
    )


def markdown(made: Sources, language: Language = "en") -> str:
    return to_markdown(policy_page(made, language, "USD", 2))


class Tags(HTMLParser):
    """Fails on what is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


@pytest.mark.parametrize("name", SHIPPED)
def test_both_languages_say_the_same(name: str) -> None:
    made = sources(name)
    pages = {
        language: to_html(policy_page(made, language, "USD", 2)) for language in ("en", "zh-Hans")
    }
    english, chinese = (parsed(page) for page in pages.values())
    assert english.seen == chinese.seen

    def amounts(tags: Tags) -> set[str]:
        # People write round numbers in other units in Chinese; what is ours is never left out.
        return set(re.findall(r"\d[\d,]*\.\d+", "\n".join(tags.text)))

    assert amounts(english) == amounts(chinese) != set()
    assert not re.search(r"[\u4e00-\u9fff]", "".join(english.text))


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_every_tier_and_threshold_is_there(name: str, language: Language) -> None:
    made = sources(name)
    text = markdown(made, language)
    words = Words(language, "USD", 2)
    for tier in made.policy.tiers:
        assert words.name(tier.name) in text
        assert words.name(tier.description) in text
    for branch in made.policy.branches:
        for rung in branch.rungs:
            for rule in () if rung.otherwise else (rung.rule, rung.keep, rung.enter):
                for condition in rule.conditions():
                    assert words.condition(condition) in text.replace("\\", "")
    for fact in ("Head of sales", "Spring review", "2026-04-01", f"{made.policy.key} 3"):
        assert fact in text.replace("\\", "")


def test_how_tiers_change_is_told() -> None:
    told = markdown(sources("bank-assets"))
    assert "Tiers are decided once a calendar month." in told
    assert "is watched, and keeps the tier for 3 months" in told
    assert "lost only after 6 months" in told
    assert "one level at a time" in told
    assert "Customers below the lowest tier have none." in told
    told = markdown(sources("bank-assets"), "zh-Hans")
    assert "每个自然月评定一次等级。" in told
    assert "低于条件的客户进入观察期，3 个月内保留等级。" in told


def test_criteria_are_shown_with_weights_and_points() -> None:
    told = markdown(sources("weighted-abc"))
    assert "| Contribution | 30% | Profit after cost to serve in 365 days: " in told
    assert "0 points at 0.00 USD, 100 at 1,000.00 USD" in told
    assert "left out where unknown" in told


def test_a_policy_by_kind_of_customer_says_for_whom() -> None:
    told = markdown(sources("b2b-credit"), "zh-Hans")
    assert "评定条件（适用于：客户类型为企业客户）" in told
    assert "评定条件（适用于：其他所有客户）" in told


def test_classes_are_shown_with_the_cut_offs_of_the_latest_refresh() -> None:
    made = sources()
    drawn = {"A": 123_456, "B": 2_000}
    classes = [
        (each, drawn if each.key == "abc_class" else None) for each, _ in made.classifications
    ]
    told = markdown(
        Sources(made.policy, made.content, VERSION, [VERSION], classes, made.strategies)
    )
    assert "from 1,234.56 USD on" in told
    assert "from 20.00 USD on" in told
    assert "margin\\_abc" not in told


def test_a_matrix_is_drawn() -> None:
    tiers = [
        {"key": key, "rank": rank, "name": {"en": key, "zh": key}}
        | {"description": {"en": key, "zh": key}}
        for rank, key in enumerate(("best", "good", "rest"), start=1)
    ]
    content = {
        "key": "matrix",
        "kind": "matrix",
        "name": {"en": "Matrix", "zh": "矩阵"},
        "description": {"en": "Matrix", "zh": "矩阵"},
        "rows": {
            "measure": "net_spend",
            "bands": [{"key": "high", "at_least": 100}, {"key": "low"}],
        },
        "columns": {
            "measure": "order_count",
            "bands": [{"key": "many", "at_least": 5}, {"key": "few"}],
        },
        "cells": {"high": {"many": "best", "few": "good"}, "low": {"many": "good", "few": "rest"}},
        "tiers": tiers,
        "below": "none",
    }
    policy = parse_policy(content, 2, fields()).document
    told = markdown(Sources(policy, content, VERSION, [VERSION]))
    assert "Tiers by Net spend and Number of orders" in told
    assert "| high | best | good |\n| low | good | rest |" in told


def test_what_people_write_can_not_become_markup() -> None:
    evil = '<script>alert(1)</script> & "x" | *b* [l](http://x) `c`'
    made = sources(name="default", **{"description": {"en": evil, "zh": evil}})
    html = to_html(policy_page(made, "en", "USD", 2))
    assert "<script" not in html
    assert parsed(to_html_page(policy_page(made, "en", "USD", 2))).text
    assert evil in parsed(html).text
    told = markdown(made)
    assert "\\<script\\>" in told
    assert "\\| \\*b\\* \\[l\\]" in told


@pytest.mark.parametrize(
    ("document", "english", "chinese"),
    [
        ({"order_count": {"gte": 3}}, "Number of orders: at least 3", "订单数不低于 3"),
        ({"clv": {"lt": 0.5}}, "Predicted lifetime value: less than 0.50 USD", None),
        ({"churn_probability": {"lte": 0.0475}}, "Churn probability: at most 4.75%", None),
        ({"all": []}, "Every customer", "所有客户"),
        (
            {"any": [{"kind": "b2b"}, {"not": {"order_count": {"gt": 1}}}]},
            "Kind of customer: business or: except where Number of orders: more than 1",
            None,
        ),
        (
            {"all": [{"any": [{"kind": "b2b"}, {"kind": "b2c"}]}, {"order_count": {"eq": 1}}]},
            "(Kind of customer: business or: Kind of customer: consumer); Number of orders: 1",
            None,
        ),
        ({"clv": {"is_null": True}}, "Predicted lifetime value: not known", None),
        ({"clv": {"is_null": False}}, "Predicted lifetime value: known", None),
    ],
)
def test_a_rule_in_one_line(document: Any, english: str, chinese: str | None) -> None:
    rule = parse_rule(document, fields(), 2)
    assert Words("en", "USD", 2).line(rule) == english
    if chinese is not None:
        assert Words("zh-Hans", "USD", 2).line(rule) == chinese


@pytest.mark.parametrize(
    ("share", "text"), [(0.05, "5%"), (0.0475, "4.75%"), (1 / 3, "33.333333%"), (0.07, "7%")]
)
def test_a_threshold_is_never_rounded_away(share: float, text: str) -> None:
    assert exact_percent(share) == text
