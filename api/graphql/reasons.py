"""Reasons of decisions and predictions: stored as codes with numbers, read as sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from api.domain.texts import render, render_prediction
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.language import LANGUAGE_ARGUMENT, Language

LanguageChoice = Annotated[Language | None, LANGUAGE_ARGUMENT]


@strawberry.type(description="Why a decision was taken: a stable code, its numbers, a sentence.")
class Reason:
    code: str = strawberry.field(description="Stable name of this kind of reason.")
    params: JSON = strawberry.field(
        description="The numbers behind it; money in minor units of the base currency."
    )
    context: strawberry.Private[Context]

    @field("The reason as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        context = self.context
        return render(
            {"code": self.code, "params": self.params},
            (language or context.language).value,
            context.currency,
            context.exponent,
            context.business.fields,
        )


@strawberry.type(description="What raised or lowered a prediction, by exact TreeSHAP.")
class PredictionReason:
    code: str = strawberry.field(description="Name of the feature.")
    value: JSON | None = strawberry.field(description="The feature's value for this customer.")
    effect: float = strawberry.field(
        description="Its contribution: log-odds for churn, logarithm of value for lifetime value; "
        "above 0 it raises the prediction."
    )
    context: strawberry.Private[Context]

    @field("The reason as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        context = self.context
        return render_prediction(
            {"code": self.code, "value": self.value, "effect": self.effect},
            (language or context.language).value,
            context.currency,
            context.exponent,
        )


def reasons(stored: Iterable[Mapping[str, Any]], context: Context) -> list[Reason]:
    return [
        Reason(code=each["code"], params=JSON(each["params"]), context=context) for each in stored
    ]


def prediction_reasons(text: str | None, context: Context) -> list[PredictionReason]:
    """Reasons from the stored JSON text, which is read only when somebody asks for it."""
    return [
        PredictionReason(
            code=each["code"], value=each["value"], effect=each["effect"], context=context
        )
        for each in json.loads(text or "[]")
    ]
