"""The public face of the features: their catalogue, their SQL text, and words for their values.

Standard library only: the API renders reasons with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

from ml.contracts import AttributeField
from ml.feature_catalogue import DERIVED, FEATURES, Feature, Unit
from ml.feature_sql import compose, compose_measures, literal

__all__ = [
    "DERIVED",
    "FEATURES",
    "Feature",
    "Language",
    "attribute_codes",
    "feature_codes",
    "features_sql",
    "label_of",
    "measures_sql",
    "reason_text",
]

Language = Literal["en", "zh"]
_PLURAL = re.compile(r"\{value\} (\w+)s\b")
ATTRIBUTE_PREFIX = "attribute."
_TRUE = "('true', 't', 'yes', 'y', '1')"
_FALSE = "('false', 'f', 'no', 'n', '0')"


def _attribute_features(attributes: Sequence[AttributeField]) -> list[tuple[str, str]]:
    """Code and SQL value of each attribute feature: one, or one for each choice."""
    found: list[tuple[str, str]] = []
    for field in attributes:
        code, name = ATTRIBUTE_PREFIX + field.name, literal(field.name)
        match field.value_type:
            case "number":
                found.append((code, f"CASE WHEN name = {name} THEN number_value END"))
            case "boolean":
                value = (
                    f"coalesce(number_value, CASE WHEN lower(text_value) IN {_TRUE} THEN 1.0"
                    f" WHEN lower(text_value) IN {_FALSE} THEN 0.0 END)"
                )
                found.append((code, f"CASE WHEN name = {name} THEN {value} END"))
            case "choice":
                found += [
                    (
                        f"{code}={choice}",
                        f"CASE WHEN name = {name} AND text_value IS NOT NULL THEN"
                        f" CASE WHEN text_value = {literal(choice)} THEN 1 ELSE 0 END END",
                    )
                    for choice in field.choices
                ]
    return found


def attribute_codes(attributes: Sequence[AttributeField]) -> tuple[str, ...]:
    """The codes of the attribute features, in the order of their columns."""
    return tuple(code for code, _ in _attribute_features(attributes))


def feature_codes(attributes: Sequence[AttributeField]) -> tuple[str, ...]:
    """Codes of all feature columns of `features_sql`, in their order."""
    return (*FEATURES, *attribute_codes(attributes))


def features_sql(attributes: Sequence[AttributeField], *, with_measures: bool = False) -> str:
    """The query behind every feature and, if wanted, measure, for DuckDB and Spark SQL alike.

    It reads the relations of the fact store and `cutoffs`, which `ml.backends` describes;
    its last columns are float32 and in the order of `feature_codes`. Attribute columns have neutral
    names, `attribute_0` and so on, as codes are no portable identifiers; those of measures end in
    `_measure`.
    """
    values = [value for _, value in _attribute_features(attributes)]
    columns = [(f"attribute_{place}", value) for place, value in enumerate(values)]
    return compose(columns, with_measures=with_measures)


def measures_sql(permille: int | None = None) -> str:
    """The measures alone, for as many cut-offs as there are: no model is needed for them.

    With `permille` only of a sample of customers, the same at each cut-off.
    """
    return compose_measures(permille)


def label_of(code: str, language: Language = "en") -> str:
    """A feature's name for people; a code nobody declared is shown as it is."""
    if feature := FEATURES.get(code) or DERIVED.get(code):
        return feature.label_en if language == "en" else feature.label_zh
    name, _, choice = code.removeprefix(ATTRIBUTE_PREFIX).partition("=")
    shown = name.replace("_", " ")
    if not choice:
        return shown
    return f"{shown}: {choice}" if language == "en" else f"{shown}：{choice}"


def reason_text(
    code: str, value: float | None, language: Language = "en", currency_exponent: int = 2
) -> str:
    """A sentence for a reason's code and value; money comes in minor units.

    A missing value is a reason too ("Mean rating: none"), as models learn from what is not there.
    """
    feature = FEATURES.get(code) or DERIVED.get(code)
    if value is None or math.isnan(value):
        none, colon = ("none", ": ") if language == "en" else ("无", "：")
        return f"{label_of(code, language)}{colon}{none}"
    if feature:
        shown = _shown(value, feature.unit, currency_exponent)
        if language == "zh":
            return feature.reason_zh.format(value=shown)
        text = feature.reason_en
        return (_PLURAL.sub(r"{value} \1", text) if shown == "1" else text).format(value=shown)
    if "=" in code:
        return _choice_text(code, value, language)
    return f"{label_of(code, language)}{': ' if language == 'en' else '：'}{value:,.6g}"


def _choice_text(code: str, value: float, language: Language) -> str:
    label = label_of(code, language)
    if value:
        return label
    return f"not {label}" if language == "en" else f"非 {label}"


def _shown(value: float, unit: Unit, exponent: int) -> str:
    match unit:
        case "days":
            return f"{value:,.0f}"
        case "count":
            return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
        case "money":
            return f"{value / 10**exponent:,.{exponent}f}"
        case "share":
            return f"{value:.0%}"
        case "hours" | "ratio":
            return f"{value:,.1f}"
        case "score":
            return f"{value:.2f}"
