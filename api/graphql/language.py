"""The languages texts are written in, and which one a reader wants."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any

import strawberry

from api.domain.texts import Language as WrittenLanguage
from api.domain.texts.failures import in_chinese
from api.domain.texts.traditional import traditional
from api.graphql.choices import choice


@strawberry.enum(description="A language that names and reasons are written in.")
class Language(Enum):
    EN = choice("en", "English.")
    ZH_HANS = choice("zh-Hans", "Simplified Chinese (简体中文).")
    ZH_HANT = choice(
        "zh-Hant",
        "Traditional Chinese (繁體中文), converted from simplified Chinese with the "
        "words used in Taiwan.",
    )


LANGUAGE_ARGUMENT = strawberry.argument(
    description="The language to answer in; by default the one that Accept-Language prefers."
)
LanguageChoice = Annotated[Language | None, LANGUAGE_ARGUMENT]

CHINESE = frozenset(("zh", "cmn", "yue"))
TRADITIONAL_REGIONS = frozenset(("tw", "hk", "mo"))
WEIGHT = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")
MOST_TAGS = 50


def written(language: Language) -> WrittenLanguage:
    """The language that texts are stored in for readers of this one."""
    return "en" if language is Language.EN else "zh-Hans"


def in_script(text: Any, language: Language) -> Any:
    """A text, or a list of them, that was written for readers of this language, in their script."""
    if language is not Language.ZH_HANT:
        return text
    if isinstance(text, list):
        return [in_script(each, language) for each in text]
    return traditional(text) if isinstance(text, str) else text


def message_in(message: str, language: Language) -> str:
    """A failure's message in the reader's language, where there is a text for it."""
    chinese = None if language is Language.EN else in_chinese(message)
    return message if chinese is None else str(in_script(chinese, language))


@lru_cache(maxsize=256)
def preferred_language(header: str | None) -> Language:
    """The language of ours that an Accept-Language header weighs highest; else English."""
    best, best_weight = Language.EN, 0.0
    for part in (header or "").split(",", MOST_TAGS)[:MOST_TAGS]:
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        language = by_tag(tag.strip())
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    if not parameters.strip():
        return 1.0
    found = WEIGHT.fullmatch(parameters.strip().lower())
    return min(float(found[1]), 1.0) if found else 0.0


def by_tag(tag: str) -> Language | None:
    """What a language tag (BCP 47) asks for: the script if it names one, else its region's."""
    primary, *rest = tag.lower().split("-")
    if primary in ("en", "*"):
        return Language.EN
    if primary not in CHINESE:
        return None
    if "hant" in rest:
        return Language.ZH_HANT
    if "hans" in rest:
        return Language.ZH_HANS
    if TRADITIONAL_REGIONS & set(rest):
        return Language.ZH_HANT
    return Language.ZH_HANT if primary == "yue" and "cn" not in rest else Language.ZH_HANS
