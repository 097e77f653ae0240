"""Strategies and which of them are recommended to a customer."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable
from typing import Any

import strawberry
from strawberry.scalars import JSON

from api.db.snapshots import Record
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS, OWN_RULES, RULES
from api.graphql.context import Context, Info
from api.graphql.described import field
from api.graphql.ids import Node, global_id
from api.graphql.language import LanguageChoice
from api.graphql.loaders import known
from api.graphql.messages import message_for
from api.graphql.reasons import Reason, reasons
from api.graphql.strategy_parts import (
    TRACKED,
    StrategyGain,
    StrategyOffer,
    StrategyTracking,
    strategy_gain,
    strategy_offer,
)

MOST_RECOMMENDATIONS = 20


@strawberry.type(description="Something the business can do for a customer.", directives=[RULES])
class Strategy(Node):
    key: str = strawberry.field(description="Stable short name.")
    version: int = strawberry.field(description="Raised by each change.")
    active: bool = strawberry.field(description="Whether it is recommended to anyone at present.")
    row_id: strawberry.Private[int]
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

    @field("Of strategies in one group a customer gets the best one.")
    def conflict_group(self) -> str | None:
        return self.document.get("conflict_group")

    @field("Not done again within so many days.")
    def cooldown_days(self) -> int:
        return int(self.document.get("cooldown_days", 0))

    @field("What the customer must have agreed to being contacted for, for the channel.")
    def consent_purpose(self) -> str | None:
        return self.document.get("consent_purpose")

    @field("A service plan: within how many hours its customers are answered.")
    def response_hours(self) -> float | None:
        return self.document.get("response_hours")

    @field("After how many days one can tell what came of it.")
    def outcome_days(self) -> int | None:
        return self.document.get("outcome_days")

    @field("Of readings that contradict each other, which one this belongs to.")
    def variant(self) -> str | None:
        return self.document.get("variant")

    @field("Keys of strategies to think of instead.")
    def alternatives(self) -> list[str]:
        return list(self.document.get("alternatives", []))

    @field("The tailored package it offers; none if it offers none.")
    def offer(self) -> StrategyOffer | None:
        content = self.document.get("offer")
        return None if content is None else strategy_offer(self.key, content, self.context)

    @field("The message with its merge fields; none if it has none.")
    def content(self, language: LanguageChoice = None) -> str | None:
        content = self.document.get("content")
        return None if content is None else self._text(content, language)

    @field("What it is expected to bring; none where it is done for other reasons than money.")
    def expected_gain(self) -> StrategyGain | None:
        gain = self.document.get("expected_gain")
        return None if gain is None else strategy_gain(gain, self.document, self.context)

    @field("How often it is recommended, planned, done and declined, and what came of it.")
    async def tracking(self) -> StrategyTracking:
        loaders, row_id = self.context.loaders, self.row_id
        counts = (await loaders.tracking.all()).get(row_id, {})
        recommended = (await loaders.recommended_counts.all()).get(row_id, 0)
        return StrategyTracking(
            recommended=recommended,
            **{name: counts.get(name, 0) for name in TRACKED},
        )

    @field("For whom it is meant, as a rule.")
    def rule(self) -> JSON:
        return JSON(self.document["when"])


@strawberry.type(description="A strategy recommended to a customer.", directives=[CUSTOMERS])
class Recommendation:
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]
    priority: int = strawberry.field(description="1 is the first thing to do.")
    strategy: Strategy = strawberry.field(description="What to do.")
    reasons: list[Reason] = strawberry.field(description="Why it is recommended.")
    expected_gain: float = strawberry.field(
        description="What it is expected to bring, net of its cost, in the base currency."
    )
    due_on: dt.date = strawberry.field(description="The day by which it should be done.")

    @field(
        "The strategy's message for this customer; none if it has none, something it says is not "
        "known, or it names the customer and the key lacks pii:read.",
        converts=False,
    )
    async def message(self, language: LanguageChoice = None) -> str | None:
        chosen = language or self.context.language
        return await message_for(self.row.customer_id, self.strategy.document, chosen, self.context)

    @field("The channel that reaches the customer best, as mining found; none before that.")
    async def preferred_channel(self) -> str | None:
        found = await self.context.loaders.findings.load(self.row.customer_id)
        return found.row.channels[0]["channel"] if found and found.row.channels else None


def bilingual(content: Any, language: LanguageChoice, context: Context) -> str:
    """A text of a document, which holds each text under `en` and `zh`."""
    return str(content[(language or context.language).value[:2]])


def strategy(row: Record, context: Context) -> Strategy:
    return Strategy(
        id=global_id("Strategy", row.id),
        key=row.key,
        version=row.version,
        active=row.active,
        row_id=row.id,
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
    shown = [
        row for row in rows if strategies[row.strategy_id].key not in context.hidden_strategies
    ]
    return [
        Recommendation(
            priority=row.priority if len(shown) == len(rows) else place,
            strategy=strategy(strategies[row.strategy_id], context),
            reasons=reasons(row.reasons, context),
            expected_gain=context.major(row.expected_gain_minor),
            due_on=row.as_of
            + dt.timedelta(days=int(strategies[row.strategy_id].document["due_days"])),
            row=row,
            context=context,
        )
        for place, row in enumerate(shown, 1)
    ]


@strawberry.type
class StrategyQueries:
    @field(
        "Every strategy of the catalogue; those that rest on sensitive attributes only with "
        "pii:read.",
        needs=OWN_RULES,
    )
    async def strategies(self, info: Info) -> list[Strategy] | None:
        context = info.context
        rows = await context.loaders.strategies.all()
        return [strategy(row, context) for row in rows if row.key not in context.hidden_strategies]
