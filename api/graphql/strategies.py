"""Strategies and which of them are recommended to a customer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS
from api.graphql.context import Context, Info
from api.graphql.described import field
from api.graphql.ids import Node, global_id
from api.graphql.loaders import known
from api.graphql.reasons import LanguageChoice, Reason, reasons

MOST_RECOMMENDATIONS = 20


@strawberry.type(description="Something the business can do for a customer.")
class Strategy(Node):
    key: str = strawberry.field(description="Stable short name.")
    version: int = strawberry.field(description="Raised by each change.")
    active: bool = strawberry.field(description="Whether it is recommended to anyone at present.")
    document: strawberry.Private[dict[str, Any]]
    context: strawberry.Private[Context]

    def _text(self, content: Any, language: LanguageChoice) -> str:
        return bilingual(content, language, self.context)

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return self._text(self.document["name"], language)

    @field("What it is for.")
    def description(self, language: LanguageChoice = None) -> str:
        return self._text(self.document["description"], language)

    @field("What to do, step by step.")
    def steps(self, language: LanguageChoice = None) -> list[str]:
        return [self._text(step, language) for step in self.document["steps"]]

    @field("What kind of action it is: call, offer, survey ...")
    def action(self) -> str:
        return str(self.document["action"])

    @field("Through which channel, where that matters.")
    def channel(self) -> str | None:
        return self.document.get("channel")

    @field("Who carries it out.")
    def owner_role(self) -> str:
        return str(self.document["owner_role"])

    @field("In how many days it should be done.")
    def due_days(self) -> int:
        return int(self.document["due_days"])

    @field("What it costs per customer, in the base currency.")
    def cost(self) -> float:
        return float(self.document.get("cost", 0))

    @field("For whom it is meant, as a rule.")
    def rule(self) -> JSON:
        return JSON(self.document["when"])


@strawberry.type(description="A strategy recommended to a customer.")
class Recommendation:
    priority: int = strawberry.field(description="1 is the first thing to do.")
    strategy: Strategy = strawberry.field(description="What to do.")
    reasons: list[Reason] = strawberry.field(description="Why it is recommended.")
    expected_gain: float = strawberry.field(
        description="What it is expected to bring, net of its cost, in the base currency."
    )


def bilingual(content: Any, language: LanguageChoice, context: Context) -> str:
    """A text of a document, which holds each text under `en` and `zh`."""
    return str(content[(language or context.language).value[:2]])


def strategy(row: Record, context: Context) -> Strategy:
    return Strategy(
        id=global_id("Strategy", row.id),
        key=row.key,
        version=row.version,
        active=row.active,
        document=row.document,
        context=context,
    )


def load_recommendations(customer: int, first: int, context: Context) -> Awaitable[Any]:
    """Load what `recommendations_of` reads.

    Raises:
        InvalidInput: more are asked for than anybody has.
    """
    if not 1 <= first <= MOST_RECOMMENDATIONS:
        raise InvalidInput(f"A customer has 1 to {MOST_RECOMMENDATIONS} recommendations.")
    loaders = context.loaders
    return asyncio.gather(loaders.recommendations.load((customer, first)), loaders.strategies.all())


def recommendations_of(customer: int, first: int, context: Context) -> list[Recommendation]:
    loaders = context.loaders
    rows = known(loaders.recommendations, (customer, first)) or ()
    strategies = {row.id: row for row in loaders.strategies.known()} if rows else {}
    return [
        Recommendation(
            priority=row.priority,
            strategy=strategy(strategies[row.strategy_id], context),
            reasons=reasons(row.reasons, context),
            expected_gain=context.major(row.expected_gain_minor),
        )
        for row in rows
    ]


@strawberry.type
class StrategyQueries:
    @field("Every strategy of the catalogue.", needs=CUSTOMERS)
    async def strategies(self, info: Info) -> list[Strategy] | None:
        context = info.context
        return [strategy(row, context) for row in await context.loaders.strategies.all()]
