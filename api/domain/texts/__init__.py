"""Reasons as sentences, in English and simplified Chinese.

Reasons are stored as codes with numbers (`api.domain.reasons`), and rendered when they are read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from api.domain.documents import Bilingual
from api.domain.fields import FIELDS, Field
from api.domain.scores import TOTAL, TOTAL_NAME, score_field
from api.domain.texts.classes import CLASS_TEXTS
from api.domain.texts.strategies import SEGMENT_TEXTS, STRATEGY_TEXTS, WITHHELD_TEXTS
from api.domain.texts.tiers import TIER_TEXTS
from api.errors import InvalidInput
from ml.features import reason_text

Language = Literal["en", "zh-Hans"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-Hans")

TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **CLASS_TEXTS,
        **TIER_TEXTS,
        **SEGMENT_TEXTS,
        **STRATEGY_TEXTS,
        **WITHHELD_TEXTS,
    }
)
"""By code: English, simplified Chinese."""

CONDITIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "eq": ("{label} is {threshold}", "{label}为{threshold}"),
        "ne": (
            "{label} is {value}, not {threshold}",
            "{label}为{value}，不是{threshold}",
        ),
        "in": ("{label} is {value}", "{label}为{value}"),
        "not_in": (
            "{label} is {value}, none of {threshold}",
            "{label}为{value}，不属于{threshold}",
        ),
        "gt": (
            "{label} is {value}, above {threshold}",
            "{label}为 {value}，高于 {threshold}",
        ),
        "gte": (
            "{label} is {value}, at least {threshold}",
            "{label}为 {value}，不低于 {threshold}",
        ),
        "lt": (
            "{label} is {value}, below {threshold}",
            "{label}为 {value}，低于 {threshold}",
        ),
        "lte": (
            "{label} is {value}, at most {threshold}",
            "{label}为 {value}，不高于 {threshold}",
        ),
        "contains": (
            "{label} is {value}, which contains {threshold}",
            "{label}为{value}，包含{threshold}",
        ),
        "not_contains": (
            "{label} is {value}, which does not contain {threshold}",
            "{label}为{value}，不包含{threshold}",
        ),
        "without": ("{label} is not {threshold}", "{label}不是{threshold}"),
        "is_null": ("{label} is not known", "{label}未知"),
        "is_not_null": ("{label} is known: {value}", "{label}已知：{value}"),
    }
)
"""By operator, with what becomes of it under `not`."""

AS_THEY_ARE = frozenset(
    ("by", "segment", "note", "version", "n", "purpose", "channel", "days_ago", "days_left", "role")
)
"""Numbers and names of a reason that need no words of their own."""
NO_TIER = ("no tier", "无等级")
_UNKNOWN = ("not known", "未知")
_LIST = (" or ", "或")


def render(
    reason: Mapping[str, Any],
    language: Language,
    currency: str,
    exponent: int,
    fields: Mapping[str, Field] = FIELDS,
    tiers: Mapping[str, Bilingual] = MappingProxyType({}),
) -> str:
    """The sentence for a decision's reason `{"code", "params"}`.

    `fields` gives the labels of custom attributes and `tiers` the names of tiers; without them
    they are shown by name and key.

    Raises:
        InvalidInput: the code or the language is unknown.
    """
    place = _place(language)
    code = reason["code"]
    if code not in TEXTS:
        raise InvalidInput(f"There is no text for the reason {code!r}.")
    params = reason["params"]
    values = {}
    if "op" in params:
        values["condition"] = _condition(params, place, currency, exponent, fields)
    elif "field" in params:
        field = _field(params["field"], fields)
        values["label"] = field.label(language)
        values["value"] = _shown(params["value"], field, place, currency, exponent)
    for name in ("since", "until", "on"):
        if name in params:
            values[name] = params[name]
    if "tier" in params:
        values["tier"] = _tier(params["tier"], place, tiers)
    if "points" in params:
        values |= {name: f"{params[name]:g}" for name in ("points", "most")}
    for name in ("amount", "cost"):
        if name in params:
            values[name] = shown_money(params[name], currency, exponent)
    for name in ("rate", "low", "high"):
        if name in params:
            values[name] = shown_percent(params[name])
    for name in AS_THEY_ARE & params.keys():
        values[name] = str(params[name])
    return TEXTS[code][place].format(**values)


def render_gap(
    condition: Mapping[str, Any],
    language: Language,
    currency: str,
    exponent: int,
    fields: Mapping[str, Field] = FIELDS,
) -> str:
    """The sentence for one missing condition of `gapToNextTier`: what is, and what is needed."""
    place = _place(language)
    field = _field(condition["field"], fields)
    needed = _threshold(condition["needed"], field, place, currency, exponent)
    current = _shown(condition["current"], field, place, currency, exponent)
    word = NEEDS[condition["op"]][place].format(needed=needed)
    label = field.label(language)
    if place == 0:
        return f"{label} is {current}; needed: {word}"
    return f"{label}为 {current}，需要{word}"


NEEDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "eq": ("{needed}", "为{needed}"),
        "ne": ("anything but {needed}", "不为{needed}"),
        "in": ("{needed}", "为{needed}"),
        "not_in": ("none of {needed}", "不属于{needed}"),
        "gt": ("more than {needed}", "高于 {needed}"),
        "gte": ("at least {needed}", "不低于 {needed}"),
        "lt": ("less than {needed}", "低于 {needed}"),
        "lte": ("at most {needed}", "不高于 {needed}"),
        "contains": ("something with {needed}", "包含{needed}"),
        "not_contains": ("something without {needed}", "不包含{needed}"),
        "is_null": ("that it has no value", "没有值"),
        "is_not_null": ("that it is known", "已知"),
    }
)


def render_prediction(
    reason: Mapping[str, Any], language: Language, currency: str, exponent: int
) -> str:
    """The sentence for a prediction's reason `{"code", "value", "effect"}`."""
    _place(language)
    del currency  # features name amounts without a unit
    return reason_text(
        reason["code"], reason["value"], "en" if language == "en" else "zh", exponent
    )


def shown_value(value: Any, field: Field, language: Language, currency: str, exponent: int) -> str:
    """A field's value as people read it."""
    return _shown(value, field, _place(language), currency, exponent)


def shown_money(minor: float, currency: str, exponent: int) -> str:
    """An amount of whole minor units; a fraction of one is cut off, never rounded up."""
    units = math.floor(minor)
    if not exponent:
        return f"{units:,} {currency}"
    whole, rest = divmod(abs(units), 10**exponent)
    return f"{'-' if units < 0 else ''}{whole:,}.{rest:0{exponent}d} {currency}"


def shown_percent(share: float) -> str:
    """A share of 1 as a percentage with at most one decimal; never 0 % or 100 % by rounding."""
    percent = share * 100
    if 0 < percent < 0.05:
        return "<0.1%"
    if 99.95 <= percent < 100:
        return ">99.9%"
    return f"{percent:.1f}".removesuffix(".0") + "%"


def _place(language: str) -> int:
    if language not in LANGUAGES:
        raise InvalidInput(f"There are texts in {' and '.join(LANGUAGES)}, not in {language!r}.")
    return 0 if language == "en" else 1


def _field(name: str, fields: Mapping[str, Field]) -> Field:
    if name in fields:
        return fields[name]
    if name.startswith("score."):
        key = name.removeprefix("score.")
        return score_field(key, TOTAL_NAME if key == TOTAL else Bilingual("Score", "得分"))
    plain = name.removeprefix("attribute.").replace("_", " ")
    return Field(name, "text", plain, plain, "customer_attributes", "text_value")


def _tier(key: str | None, place: int, tiers: Mapping[str, Bilingual]) -> str:
    if key is None:
        return NO_TIER[place]
    name = tiers.get(key)
    return key if name is None else (name.en, name.zh)[place]


def _condition(
    params: Mapping[str, Any],
    place: int,
    currency: str,
    exponent: int,
    fields: Mapping[str, Field],
) -> str:
    field = _field(params["field"], fields)
    op = params["op"]
    if field.many:  # the value is the whole set of segments; what counts is named by the rule
        op = "eq" if op in ("eq", "in") else "without"
    elif params["value"] is None:
        op = "is_null"
    return CONDITIONS[op][place].format(
        label=(field.label_en, field.label_zh)[place],
        value=_shown(params["value"], field, place, currency, exponent),
        threshold=_threshold(params["threshold"], field, place, currency, exponent),
    )


def _threshold(value: Any, field: Field, place: int, currency: str, exponent: int) -> str:
    values = value if isinstance(value, list) else [value]
    return _LIST[place].join(_shown(each, field, place, currency, exponent) for each in values)


def _shown(value: Any, field: Field, place: int, currency: str, exponent: int) -> str:
    """A value as people read it."""
    if value is None:
        return _UNKNOWN[place]
    if field.type == "boolean":
        return (("no", "否"), ("yes", "是"))[bool(value)][place]
    for choice in field.choices:
        if choice.value == value:
            return (choice.label_en, choice.label_zh)[place]
    if isinstance(value, str):
        return value
    match field.unit:
        case "currency":
            return shown_money(value, currency, exponent)
        case "probability":
            return shown_percent(value)
        case "days":
            days = f"{value:,.1f}".removesuffix(".0")
            return f"{days} 天" if place else f"{days} {'day' if days == '1' else 'days'}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
