"""What is meant for a customer and not recommended, and the needs somebody shows."""

from __future__ import annotations

import datetime as dt

import strawberry

from api.db.snapshots import Record
from api.db.withheld import Reading
from api.domain.rules import parse_rule
from api.domain.strategies.withheld import Withheld
from api.domain.texts import render
from api.graphql.access import CUSTOMERS
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.language import LanguageChoice, written
from api.graphql.reasons import Reason, reasons
from api.graphql.strategies import Strategy, bilingual, strategy

NEED_FAMILIES = ("need", "psychology")


@strawberry.type(
    description="A strategy that is meant for a customer but not recommended.",
    directives=[CUSTOMERS],
)
class WithheldStrategy:
    strategy: Strategy = strawberry.field(description="Which one.")
    code: str = strawberry.field(description="Stable name of the reason.")
    found: strawberry.Private[Withheld]
    names: strawberry.Private[dict[str, dict[str, str]]]
    context: strawberry.Private[Context]

    @field("The reason as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        params = dict(self.found.params)
        if params.get("by") in self.names:
            params["by"] = bilingual(self.names[params["by"]], language, self.context)
        return render(
            {"code": self.code, "params": params},
            written(language or self.context.language),
            self.context.currency,
            self.context.exponent,
            self.context.business.labels,
        )


@strawberry.type(
    description="A need or a way of consuming that a customer shows.", directives=[CUSTOMERS]
)
class CustomerNeed:
    key: str = strawberry.field(description="Key of the segment.")
    family: str = strawberry.field(description="need or psychology.")
    since: dt.date = strawberry.field(description="First day it showed.")
    evidence: list[Reason] = strawberry.field(description="What says so.")
    strategies: list[Strategy] = strawberry.field(description="Active strategies made for it.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        chinese = (language or self.context.language).value != "en"
        return str(self.row.name_zh if chinese else self.row.name_en)


async def withheld_from(customer: int, context: Context) -> list[WithheldStrategy]:
    """What is withheld as the last refresh saw this customer."""
    found = await context.loaders.withheld.load((customer, _reading(context))) or ()
    rows = {row.key: row for row in await context.loaders.strategies.all()}
    names = {key: row.document["name"] for key, row in rows.items()}
    return [
        WithheldStrategy(
            strategy=strategy(rows[each.strategy], context),
            code=each.code,
            found=each,
            names=names,
            context=context,
        )
        for each in found
        if each.strategy not in context.hidden_strategies
    ]


def _reading(context: Context) -> Reading:
    """One for the whole request, so that customers are loaded together."""
    reading = context.__dict__.get("withheld_reading")
    if not isinstance(reading, Reading):
        installation = context.business.installation
        reading = Reading(context.business.fields, context.exponent, installation.time_zone)
        context.__dict__["withheld_reading"] = reading
    return reading


async def needs_of(customer: int, context: Context) -> list[CustomerNeed]:
    stays = await context.loaders.customer_segments.load(customer) or ()
    shown = [row for row in stays if row.family in NEED_FAMILIES]
    made_for = await _made_for(context)
    return [
        CustomerNeed(
            key=row.key,
            family=row.family,
            since=row.entered_on,
            evidence=reasons(row.cause.get("reasons", ()), context),
            strategies=[strategy(each, context) for each in made_for.get(row.key, ())],
            row=row,
            context=context,
        )
        for row in shown
    ]


async def _made_for(context: Context) -> dict[str, list[Record]]:
    """By segment, the active strategies whose rule reads it; found once a request."""
    rows = await context.loaders.strategies.all()
    known: dict[str, list[Record]] | None = context.__dict__.get("strategies_for_segments")
    if known is not None:
        return known
    found: dict[str, list[Record]] = {}
    for row in rows:
        if row.active and row.key not in context.hidden_strategies:
            rule = parse_rule(row.document["when"], context.business.fields, context.exponent)
            keys = [key for each in rule.conditions() if each.field.many for key in each.values]
            for key in dict.fromkeys(map(str, keys)):
                found.setdefault(key, []).append(row)
    context.__dict__["strategies_for_segments"] = found
    return found
