"""Reasons: of decisions and of predictions, from the documents they are stored in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.domain.texts import render, render_prediction
from api.domain.texts.policy_names import NO_NAMES, PolicyNames
from api.graphql.ahead.shapes import Entry, Given, Shape
from api.graphql.context import Context
from api.graphql.language import Language, in_script, written
from api.graphql.reasons import known_fields
from api.graphql.sensitivity import hides

Stored = Mapping[str, Any]
NAMES = "names"
"""Where a reason carries the names of its policy, if it needs them."""


def _sentence(given: Given) -> Callable[[Stored], str]:
    context = given.context
    chosen: Language = given.arguments.get("language") or context.language
    language, currency, exponent = written(chosen), context.currency, context.exponent

    def sentence(reason: Stored) -> str:
        names: PolicyNames = reason.get(NAMES, NO_NAMES)
        fields = known_fields(context, names)
        return render(reason, language, currency, exponent, fields, names.tiers)

    return _scripted(sentence, chosen)


def _predicted(given: Given) -> Callable[[Stored], str]:
    context = given.context
    chosen: Language = given.arguments.get("language") or context.language
    language, currency, exponent = written(chosen), context.currency, context.exponent

    def sentence(reason: Stored) -> str:
        return render_prediction(reason, language, currency, exponent)

    return _scripted(sentence, chosen)


def _scripted(sentence: Callable[[Stored], str], chosen: Language) -> Callable[[Stored], str]:
    if chosen is not Language.ZH_HANT:
        return sentence
    return lambda reason: str(in_script(sentence(reason), chosen))


REASON = Shape(
    "Reason",
    {"code": Entry("code"), "params": Entry("params"), "text": Entry(None, _sentence)},
)
PREDICTION_REASON = Shape(
    "PredictionReason",
    {
        "code": Entry("code"),
        "value": Entry("value"),
        "effect": Entry("effect", lambda _given: float),
        "text": Entry(None, _predicted),
    },
)


def shown(given: Given) -> Callable[[Any], list[Stored]]:
    """Stored reasons but for those that tell a sensitive value to who may not know it."""
    read, keep = _reader(given), kept(given.context)
    return lambda content: keep(read(content))


def stored(given: Given) -> Callable[[Any], list[Stored]]:
    """All of them: reasons of predictions rest on nothing sensitive."""
    read = _reader(given)
    return lambda content: list(read(content))


def _reader(given: Given) -> Callable[[Any], Sequence[Stored]]:
    if given.nested:
        return lambda content: content or ()
    return lambda content: json.loads(content) if content else ()


def kept(context: Context) -> Callable[[Sequence[Stored]], list[Stored]]:
    """Whoever may know sensitive values gets them all, and leaves a note of that."""
    hidden: dict[str, bool] = {}

    def kept_back(name: str) -> bool:
        if name not in hidden:
            hidden[name] = hides(name, context)
        return hidden[name]

    def keep(content: Sequence[Stored]) -> list[Stored]:
        return [each for each in content if not kept_back(each["params"].get("field", ""))]

    return keep
