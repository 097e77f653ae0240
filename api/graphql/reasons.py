"""Reasons of decisions and predictions: stored as codes with numbers, read as sentences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import strawberry
from strawberry.scalars import JSON

from api.domain.fields import Field
from api.domain.texts import render, render_prediction
from api.domain.texts.policy_names import NO_NAMES, PolicyNames
from api.graphql.access import INHERITED
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.language import LanguageChoice, written
from api.graphql.sensitivity import hides


@strawberry.type(
    description="Why a decision was taken: a stable code, its numbers, a sentence.",
    directives=[INHERITED],
)
class Reason:
    code: str = strawberry.field(description="Stable name of this kind of reason.")
    params: JSON = strawberry.field(
        description="The numbers behind it; money in minor units of the base currency."
    )
    context: strawberry.Private[Context]
    names: strawberry.Private[PolicyNames]

    @field("The reason as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        context = self.context
        return render(
            {"code": self.code, "params": self.params},
            written(language or context.language),
            context.currency,
            context.exponent,
            known_fields(context, self.names),
            self.names.tiers,
        )


@strawberry.type(
    description="What raised or lowered a prediction, by exact TreeSHAP.", directives=[INHERITED]
)
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
            written(language or context.language),
            context.currency,
            context.exponent,
        )


def known_fields(context: Context, names: PolicyNames) -> Mapping[str, Field]:
    """The catalogue with the scores of a policy."""
    known = context.business.labels
    return {**known, **names.fields} if names.fields else known


def reasons(
    stored: Iterable[Mapping[str, Any]], context: Context, names: PolicyNames = NO_NAMES
) -> list[Reason]:
    """But for those that tell a sensitive value to who may not know it.

    `names` are those of the policy that decided, where one did.
    """
    return [
        Reason(code=each["code"], params=JSON(each["params"]), context=context, names=names)
        for each in stored
        if not hides(each["params"].get("field", ""), context)
    ]


def prediction_reasons(text: str | None, context: Context) -> list[PredictionReason]:
    """Reasons from the stored JSON text, which is read only when somebody asks for it."""
    return [
        PredictionReason(
            code=each["code"], value=each["value"], effect=each["effect"], context=context
        )
        for each in json.loads(text or "[]")
    ]
