"""Every reason that can be given has a sentence in both languages."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import yaml

from api.documents import POLICIES
from api.domain.conditions import OPERATORS
from api.domain.fields import FIELDS, attribute_field, known_fields
from api.domain.policies import REMARKS
from api.domain.reasons import OPPOSITE
from api.domain.segments import causes_json, members, membership_columns, parse_segments
from api.domain.strategies import parse_strategies, recommend
from api.domain.texts import (
    CONDITIONS,
    LANGUAGES,
    NEEDS,
    TEXTS,
    render,
    render_gap,
    render_prediction,
    shown_percent,
)
from api.domain.tiers import parse_policy
from api.errors import InvalidInput
from tests.domain.customers import classified, fields, with_all_measures

CUSTOMERS = 4_000


def document(name: str) -> Any:
    return yaml.safe_load((POLICIES / name).read_text(encoding="utf-8"))


def population() -> dict[str, np.ndarray[Any, Any]]:
    """Customers of every sort, decided by the shipped documents."""
    draw = np.random.default_rng(5)
    orders = np.where(draw.random(CUSTOMERS) < 0.1, 0, draw.geometric(0.06, CUSTOMERS))
    buyer = orders > 0
    recency = np.where(buyer, draw.exponential(30, CUSTOMERS), np.nan)
    tenure = np.where(buyer, recency + draw.exponential(120, CUSTOMERS), np.nan)
    spend = np.where(buyer, draw.lognormal(10.5, 1.2, CUSTOMERS).astype(np.int64), 0)
    scored = buyer & (draw.random(CUSTOMERS) < 0.95)
    columns = {
        "recency_days": recency,
        "order_count": orders,
        "net_spend": spend,
        "net_spend_365d": spend,
        "tenure_days": tenure,
        "mean_gap_days": np.where(
            orders > 1, (tenure - recency) / np.maximum(orders - 1, 1), np.nan
        ),
        "interaction_count": draw.poisson(15, CUSTOMERS),
        "clv": np.where(scored, np.rint(draw.lognormal(10.4, 1.1, CUSTOMERS)), np.nan),
        "churn_probability": np.where(scored, draw.beta(1, 3, CUSTOMERS), np.nan),
        "prediction_stale": draw.random(CUSTOMERS) < 0.02,
    }
    columns = with_all_measures(columns)
    return columns | classified(columns).columns


class Decided:
    """What the shipped documents decide for that population."""

    def __init__(self) -> None:
        self.columns = population()
        self.policy = parse_policy(document("default.yaml"), 2, fields())
        self.tiers = self.policy.decide(self.columns)
        self.columns["tier"] = self.tiers.tiers
        self.segments = parse_segments(document("segments.yaml"), 2, fields())
        self.members = members(self.segments, self.columns)
        self.columns |= membership_columns(self.members)
        self.strategies = parse_strategies(document("strategies.yaml"), 2, fields())
        self.recommended = recommend(self.strategies, self.columns, 20)

    def reasons(self) -> Iterator[Mapping[str, Any]]:
        for text in [*self.tiers.reasons_json(), *self.recommended.reasons_json()]:
            yield from json.loads(text)
        for definition in self.segments:
            for text in causes_json(definition, self.columns):
                yield from json.loads(text)["reasons"]


@pytest.fixture(scope="module")
def decided() -> Decided:
    return Decided()


def test_every_reason_given_has_a_sentence_in_both_languages(decided: Decided) -> None:
    seen = set()
    for reason in decided.reasons():
        shape = (reason["code"], reason["params"].get("field"), reason["params"].get("op"))
        if shape in seen:
            continue
        seen.add(shape)
        for language in LANGUAGES:
            sentence = render(reason, language, "USD", 2)
            assert sentence
            assert "{" not in sentence
    codes = {code for code, _, _ in seen}
    assert codes <= set(TEXTS)
    assert len(codes) > 8


EVERYTHING: dict[str, Any] = {
    **{"field": "clv", "op": "gte", "threshold": 100_000, "value": 120_000},
    **{"amount": 5_000, "cost": 100, "rate": 0.25, "low": 0.1, "high": 0.4, "n": 200},
    **{"since": "2026-01-31", "until": "2026-03-31", "on": "2026-01-31", "tier": "gold"},
    **{"points": 12.5, "most": 30.0, "by": "a key", "segment": "lapsed", "note": "a reason"},
    **{"version": 2, "purpose": "marketing", "channel": "email", "days_ago": 3, "days_left": 4},
    "role": "service_team",
}


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_both_languages_say_the_same_things_and_find_their_words(code: str) -> None:
    parts = [list(string.Formatter().parse(each)) for each in TEXTS[code]]
    words = [{name for _, name, _, _ in each if name} for each in parts]
    assert words[0] == words[1]
    # A condition has an operator, a plain measure has none.
    params = {
        name: value
        for name, value in EVERYTHING.items()
        if "condition" in words[0] or name not in ("op", "threshold")
    }
    for language in LANGUAGES:
        assert "{" not in (render({"code": code, "params": params}, language, "USD", 2) or "{")


def test_every_gap_has_a_sentence_in_both_languages(decided: Decided) -> None:
    gaps = [json.loads(gap) for gap in decided.tiers.gap_json() if gap is not None]
    assert gaps
    for gap in gaps[:200]:
        assert gap["conditions"]
        for condition in gap["conditions"]:
            assert render_gap(condition, "en", "USD", 2) != render_gap(
                condition, "zh-Hans", "USD", 2
            )


def test_every_customer_gets_advice_of_many_kinds(decided: Decided) -> None:
    recommended = decided.recommended
    assert set(recommended.customer_index.tolist()) == set(range(CUSTOMERS))
    # Each strategy on its own is tried on a customer it is meant for in test_shipped_strategies.
    assert len(set(recommended.strategy_key.tolist())) >= 12
    assert sum(mask.any() for mask in decided.members.values()) >= 12
    assert not any(mask.all() for mask in decided.members.values())
    assert set(decided.tiers.tiers.tolist()) == {tier.key for tier in decided.policy.document.tiers}
    assert len(decided.strategies) >= 14


@pytest.mark.parametrize(
    "name", ["classes.yaml", "default.yaml", "segments.yaml", "strategies.yaml"]
)
def test_shipped_documents_are_written_in_both_languages(name: str) -> None:
    pairs = list(bilingual_texts(document(name)))
    assert len(pairs) > 10
    for english, chinese in pairs:
        assert not any("\u4e00" <= char <= "\u9fff" for char in english)
        assert any("\u4e00" <= char <= "\u9fff" for char in chinese)


def bilingual_texts(content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        if set(content) == {"en", "zh"}:
            yield content["en"], content["zh"]
        for inner in content.values():
            yield from bilingual_texts(inner)
    elif isinstance(content, list):
        for inner in content:
            yield from bilingual_texts(inner)


@pytest.mark.parametrize("texts", [TEXTS, CONDITIONS, NEEDS])
def test_both_languages_use_the_same_placeholders(texts: Mapping[str, tuple[str, str]]) -> None:
    def placeholders(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    for english, chinese in texts.values():
        assert english.isascii()
        assert any("\u4e00" <= char <= "\u9fff" for char in chinese) or english == chinese
        assert placeholders(chinese) <= placeholders(english) | {"value"}
        assert placeholders(english) <= placeholders(chinese) | {"value"}


def test_there_is_a_sentence_for_every_operator_and_remark() -> None:
    operators = {op for allowed in OPERATORS.values() for op in allowed} | set(OPPOSITE.values())
    assert operators <= set(CONDITIONS)
    assert operators <= set(NEEDS)
    assert {f"tier.{remark}" for remark in REMARKS} <= set(TEXTS)


def condition(field: str, op: str, threshold: Any, value: Any) -> dict[str, Any]:
    params = {"field": field, "op": op, "threshold": threshold, "value": value}
    return {"code": "tier.condition_met", "params": params}


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        (
            condition("clv", "gte", 100_000, 123_456),
            "Predicted lifetime value is 1,234.56 USD, at least 1,000.00 USD",
            "预测客户终身价值为 1,234.56 USD，不低于 1,000.00 USD",
        ),
        (
            condition("churn_probability", "lt", 0.3, 0.12345),
            "Churn probability is 12.3%, below 30%",
            "流失概率为 12.3%，低于 30%",
        ),
        (
            condition("tenure_days", "lte", 60.0, 1.0),
            "Days since the first purchase is 1 day, at most 60 days",
            "距首次购买天数为 1 天，不高于 60 天",
        ),
        (
            condition("rfm_group", "in", ["at_risk", "lost"], "lost"),
            "RFM group is lost",
            "RFM 分组为流失客户",
        ),
        (
            condition("lifecycle_stage", "not_in", ["loyal", "churned"], "repeat"),
            "Lifecycle stage is repeat buyer, none of loyal or churned",
            "生命周期阶段为重复购买，不属于忠诚或已流失",
        ),
        (condition("segment", "in", ["a", "b"], None), "Segment is a or b", "客户分群为a或b"),
        (condition("segment", "not_in", ["a"], None), "Segment is not a", "客户分群不是a"),
        (
            condition("clv", "lt", 5, None),
            "Predicted lifetime value is not known",
            "预测客户终身价值未知",
        ),
        (
            condition("attribute.income_band", "eq", "High", "High"),
            "income band is High",
            "income band为High",
        ),
        (condition("attribute.vip", "eq", True, 1.0), "VIP is yes", "贵宾为是"),
        (
            {
                "code": "strategy.value_at_risk",
                "params": {"amount": 5000, "rate": 0.15, "cost": 1200},
            },
            "50.00 USD is at risk; acting keeps 15% of it on average, for 12.00 USD",
            "有 50.00 USD 面临流失；采取行动平均可挽回其中 15%，成本 12.00 USD",
        ),
    ],
)
def test_sentences(reason: dict[str, Any], english: str, chinese: str) -> None:
    fields = known_fields([attribute_field("vip", "boolean", "VIP", "贵宾")])
    assert render(reason, "en", "USD", 2, fields) == english
    assert render(reason, "zh-Hans", "USD", 2, fields) == chinese


def test_currencies_without_decimals_and_exact_large_amounts() -> None:
    reason = condition("clv", "gte", 1_000, 2**62)
    assert render(reason, "en", "JPY", 0).startswith(
        "Predicted lifetime value is 4,611,686,018,427,387,904 JPY, at least 1,000 JPY"
    )


def test_percentages_never_round_to_certainty() -> None:
    assert [shown_percent(share) for share in (0, 0.0001, 0.5, 0.9999, 1)] == [
        "0%",
        "<0.1%",
        "50%",
        ">99.9%",
        "100%",
    ]


def test_predictions_are_told_in_both_languages() -> None:
    reason = {"code": "recency_days", "value": 41.0, "effect": 0.5}
    english, chinese = (render_prediction(reason, language, "USD", 2) for language in LANGUAGES)
    assert "41" in english
    assert "41" in chinese
    assert english != chinese


def test_an_unknown_code_or_language_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no text for the reason 'tier\.x'"):
        render({"code": "tier.x", "params": {}}, "en", "USD", 2)
    with pytest.raises(InvalidInput, match="not in 'fr'"):
        render({"code": "tier.otherwise", "params": {}}, "fr", "USD", 2)  # type: ignore[arg-type]


def test_choices_of_the_catalogue_are_labelled() -> None:
    for field in FIELDS.values():
        for choice in field.choices:
            reason = condition(field.name, "eq", choice.value, choice.value)
            assert choice.label_en in render(reason, "en", "USD", 2)
            assert choice.label_zh in render(reason, "zh-Hans", "USD", 2)
