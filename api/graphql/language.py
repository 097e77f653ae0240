"""The languages texts are written in, and which one a reader wants."""

from __future__ import annotations

from enum import Enum

import strawberry

from api.graphql.described import choice


@strawberry.enum(description="A language that names and reasons are written in.")
class Language(Enum):
    EN = choice("en", "English.")
    ZH_HANS = choice("zh-Hans", "Simplified Chinese (简体中文).")


LANGUAGE_ARGUMENT = strawberry.argument(
    description="The language to answer in; by default the one that Accept-Language prefers."
)


def preferred_language(header: str | None) -> Language:
    """The language of ours that an Accept-Language header weighs highest; else English."""
    best, best_weight = Language.EN, 0.0
    for part in (header or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        language = _by_tag(tag.strip().lower())
        if language is not None and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _by_tag(tag: str) -> Language | None:
    if tag == "zh" or tag.startswith("zh-"):
        return Language.ZH_HANS
    return Language.EN if tag == "en" or tag.startswith("en-") else None
