"""What a customer may be told about their tier: which, why, from what data, how to object."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from api.domain.fields import Field
from api.domain.texts.explanations import Words

PLAIN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "clv": (
            "an estimate of what you will buy from us, made from your past purchases",
            "根据您以往的购买估算的未来购买额",
        ),
        "churn_probability": (
            "an estimate of how likely you are to stop buying from us",
            "您可能不再光顾的估算概率",
        ),
        "churn_percentile": (
            "how that likelihood compares with that of other customers",
            "该概率在所有客户中的位置",
        ),
        "risk_band": (
            "an estimate of how likely you are to stop buying from us",
            "您可能不再光顾的估算概率",
        ),
    }
)
"""Estimates by field, in words for the one they are about."""


def statement(words: Words) -> str:
    """A few plain sentences; every value in them is the customer's own."""
    pick, explanation = words.pick, words.explanation
    stored = explanation.stored
    parts = [_opening(words), *_why(words)]
    if explanation.held is not None:
        parts.append(
            pick(
                f"It is kept for now, at least until {explanation.held['until']}.",
                f"目前暂予保留，至少到 {explanation.held['until']}。",
            )
        )
    if stored.gap is not None and (lacking := words.gap(stored.gap)):
        parts.append(
            pick(
                f"For {words.tier(stored.gap['tier'])} this is missing: {'; '.join(lacking)}.",
                f"距{words.tier(stored.gap['tier'])}还差：{'；'.join(lacking)}。",
            )
        )
    parts += [_data(words), _care(words)]
    return pick(" ", "").join(parts)


def _opening(words: Words) -> str:
    stored = words.explanation.stored
    if stored.tier is None:
        return words.pick(
            f"You have no tier at present (since {stored.since}).",
            f"您目前没有等级（自 {stored.since} 起）。",
        )
    return words.pick(
        f"Your tier is {words.tier(stored.tier)}, since {stored.since}.",
        f"您的等级是{words.tier(stored.tier)}，自 {stored.since} 起。",
    )


def _why(words: Words) -> list[str]:
    by_hand = words.explanation.stored.override
    if by_hand is not None:
        return [
            words.pick(
                f"One of us set it for you, until {by_hand.expires_on}.",
                f"由工作人员为您设定，有效期至 {by_hand.expires_on}。",
            )
        ]
    reasons = words.reasons()
    if not reasons:
        return []
    return [words.pick(f"Why: {'; '.join(reasons)}.", f"原因：{'；'.join(reasons)}。")]


def _data(words: Words) -> str:
    labels = list(dict.fromkeys(_plain(field, words) for field, _ in words.explanation.measures))
    return words.pick(
        f"Only this was looked at: {'; '.join(labels)}.",
        f"判定只使用以下数据：{'；'.join(labels)}。",
    )


def _plain(field: Field, words: Words) -> str:
    if field.name in PLAIN:
        return words.pick(*PLAIN[field.name])
    label = field.label(words.language)
    return _within_a_sentence(label) if words.language == "en" else label


def _within_a_sentence(label: str) -> str:
    """A label that stands inside a sentence; ABC, RFM and the R of R score stay as they are."""
    first = label.partition(" ")[0]
    stays = len(first) == 1 or any(map(str.isupper, first[1:]))
    return label if stays else label[:1].lower() + label[1:]


def _care(words: Words) -> str:
    allowed = [
        field.label(words.language)
        for field, _ in words.explanation.measures
        if not field.decides_tiers
    ]
    if allowed:
        sensitive = words.pick(
            f"Of sensitive data {', '.join(allowed)} counted.",
            f"敏感信息中使用了{'、'.join(allowed)}。",
        )
    else:
        sensitive = words.pick(
            "Sensitive data, such as age or income, played no part.",
            "年龄、收入等敏感信息未参与判定。",
        )
    policy = words.explanation.stored.policy
    return sensitive + words.pick(
        f" If something is wrong, tell us: a person can look at it and correct it "
        f"(rules {policy.key}, version {policy.version}).",
        "如有不妥请告诉我们，工作人员可以复核并更正"
        f"（规则 {policy.key}，第 {policy.version} 版）。",
    )
