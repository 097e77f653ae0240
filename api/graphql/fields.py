"""The catalogue of fields that rules may read: what a frontend needs to build a rule editor."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import strawberry

from api.domain.conditions import operators_of
from api.domain.fields import SEGMENT, TIER, Choice, Field, windows_of
from api.graphql.access import CATALOGUE, RULES
from api.graphql.context import Context, Info
from api.graphql.described import choice, field
from api.graphql.language import Language, LanguageChoice


@strawberry.enum(description="What values of a field are, and how rules write them.")
class RuleFieldType(Enum):
    NUMBER = choice("number", "A number.")
    MONEY = choice("money", "An amount in the base currency, as a number or as text.")
    TEXT = choice("text", "A text.")
    CHOICE = choice("choice", "One of a few known values.")
    BOOLEAN = choice("boolean", "True or false.")
    DATE = choice("date", "A day, such as 2026-01-31.")


@strawberry.enum(description="What a number counts.")
class RuleFieldUnit(Enum):
    CURRENCY = choice("currency", "Units of the base currency.")
    PROBABILITY = choice("probability", "A probability from 0 to 1.")
    PERCENTILE = choice("percentile", "A percentile from 0 to 100.")
    DAYS = choice("days", "Days.")
    HOURS = choice("hours", "Hours.")
    COUNT = choice("count", "How many.")
    SCORE = choice("score", "A score.")
    SHARE = choice("share", "A share of the whole, 1 being all of it.")


@strawberry.type(description="A value that a field may have.", directives=[RULES])
class RuleChoice:
    value: str = strawberry.field(description="As rules write it.")
    of: strawberry.Private[Choice]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def label(self, language: LanguageChoice = None) -> str:
        return _label(self.of, language, self.context)


@strawberry.type(
    description="One stretch of time that a field can be asked for over.", directives=[RULES]
)
class RuleWindow:
    days: int = strawberry.field(description="What rules write as `window_days`.")
    field_name: str = strawberry.field(
        name="field", description="The field of its own that it is, too."
    )


@strawberry.type(
    description="Something known about customers that rules can ask for.", directives=[RULES]
)
class RuleField:
    name: str = strawberry.field(description="As rules write it.")
    type: RuleFieldType = strawberry.field(description="What its values are.")
    unit: RuleFieldUnit | None = strawberry.field(description="What it counts; none if nothing.")
    operators: list[str] = strawberry.field(description="What rules may compare it by.")
    choices: list[RuleChoice] = strawberry.field(
        description="What it may be; empty where that is open."
    )
    windows: list[RuleWindow] = strawberry.field(
        description="The windows it has, shortest first; empty if none."
    )
    lowest: float | None = strawberry.field(description="No rule may name less; none: no bound.")
    highest: float | None = strawberry.field(description="No rule may name more; none: no bound.")
    whole: bool = strawberry.field(description="Whether numbers in rules have no fractions.")
    multiple: bool = strawberry.field(description="Whether a customer may have several values.")
    predicted: bool = strawberry.field(description="Whether a model foretells it.")
    decides_tiers: bool = strawberry.field(description="Whether a tier policy may read it.")
    filterable: bool = strawberry.field(
        description="Whether this key may ask for it; what is sensitive needs pii:read."
    )
    of: strawberry.Private[Field]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def label(self, language: LanguageChoice = None) -> str:
        return _label(self.of, language, self.context)


def _label(of: Field | Choice, language: Language | None, context: Context) -> str:
    chinese = (language or context.language) is not Language.EN
    return of.label_zh if chinese else of.label_en


def _rule_field(each: Field, choices: Iterable[Choice], context: Context) -> RuleField:
    known = context.business.fields
    return RuleField(
        name=each.name,
        type=RuleFieldType(each.type),
        unit=RuleFieldUnit(each.unit) if each.unit else None,
        operators=list(operators_of(each)),
        choices=[RuleChoice(value=one.value, of=one, context=context) for one in choices],
        windows=[
            RuleWindow(days=days, field_name=f"{each.name}_{days}d")
            for days in windows_of(each.name, known)
        ],
        lowest=each.lowest,
        highest=each.highest,
        whole=each.whole and each.type == "number",
        multiple=each.many,
        predicted=each.predicted,
        decides_tiers=each.decides_tiers,
        filterable=not each.sensitive or context.caller.may("pii:read"),
        of=each,
        context=context,
    )


async def _tiers(context: Context) -> list[Choice]:
    active = next((row for row in await context.loaders.policies.all() if row.active), None)
    tiers = () if active is None else active.document["tiers"]
    return [Choice(tier["key"], tier["name"]["en"], tier["name"]["zh"]) for tier in tiers]


async def _segments(context: Context) -> list[Choice]:
    rows = await context.loaders.segments.all()
    return [Choice(row.key, row.name_en, row.name_zh) for row in rows]


@strawberry.type
class FieldQueries:
    @field(
        "Everything that rules of filters, segments, policies and strategies may read.",
        needs=CATALOGUE,
    )
    async def fields(self, info: Info) -> list[RuleField] | None:
        context = info.context
        own = {TIER.name: await _tiers(context), SEGMENT.name: await _segments(context)}
        return [
            _rule_field(each, own.get(name, each.choices), context)
            for name, each in context.business.fields.items()
        ]
