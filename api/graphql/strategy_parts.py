"""Parts of a strategy: its offer, what it is expected to bring, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry

from api.graphql.access import RULES
from api.graphql.context import Context
from api.graphql.described import field
from api.graphql.language import LanguageChoice

TRACKED = ("planned", "done", "declined", "succeeded", "no_effect", "failed")


def _text(content: Mapping[str, str], language: LanguageChoice, context: Context) -> str:
    return content[(language or context.language).value[:2]]


@strawberry.type(description="A tailored package.", directives=[RULES])
class StrategyOffer:
    key: str = strawberry.field(description="Stable short name.")
    products: list[str] = strawberry.field(description="The business's own product numbers.")
    departments: list[str] = strawberry.field(description="Departments it covers.")
    discount: float = strawberry.field(description="How much off, as a share of 1.")
    names: strawberry.Private[Mapping[str, str]]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        return _text(self.names, language, self.context)


@strawberry.type(description="What acting was measured to change.", directives=[RULES])
class MeasuredUplift:
    uplift: float = strawberry.field(description="The change, as a share of the same amount.")
    low: float = strawberry.field(description="Lower end of its interval.")
    high: float = strawberry.field(description="Upper end of its interval.")
    customers: int = strawberry.field(description="On how many it was measured.")
    sources: strawberry.Private[Mapping[str, str]]
    context: strawberry.Private[Context]

    @field("How it was measured.")
    def source(self, language: LanguageChoice = None) -> str:
        return _text(self.sources, language, self.context)


@strawberry.type(
    description="What a strategy is expected to bring: a share of some amount.", directives=[RULES]
)
class StrategyGain:
    share_of: str = strawberry.field(description="clv, clv_at_risk or net_spend.")
    rate: float = strawberry.field(description="The stated prior.")
    measured: MeasuredUplift | None = strawberry.field(
        description="What was measured; it wins over the prior."
    )
    sources: strawberry.Private[Mapping[str, str]]
    context: strawberry.Private[Context]

    @field("Where the prior comes from.")
    def source(self, language: LanguageChoice = None) -> str:
        return _text(self.sources, language, self.context)


@strawberry.type(description="What became of a strategy.", directives=[RULES])
class StrategyTracking:
    recommended: int = strawberry.field(description="To how many customers it is recommended now.")
    planned: int = strawberry.field(description="Actions planned.")
    done: int = strawberry.field(description="Actions done.")
    declined: int = strawberry.field(description="Actions declined.")
    succeeded: int = strawberry.field(description="Actions that succeeded.")
    no_effect: int = strawberry.field(description="Actions without effect.")
    failed: int = strawberry.field(description="Actions that failed.")


def strategy_offer(key: str, content: Mapping[str, Any], context: Context) -> StrategyOffer:
    return StrategyOffer(
        key=content.get("key", key),
        products=list(content.get("products", [])),
        departments=list(content.get("departments", [])),
        discount=float(content.get("discount", 0)),
        names=content["name"],
        context=context,
    )


def strategy_gain(
    gain: Mapping[str, Any], document: Mapping[str, Any], context: Context
) -> StrategyGain:
    found = document.get("measured")
    measured = (
        None
        if found is None
        else MeasuredUplift(
            uplift=found["uplift"],
            low=found["low"],
            high=found["high"],
            customers=found["n"],
            sources=found["source"],
            context=context,
        )
    )
    return StrategyGain(
        share_of=gain["share_of"],
        rate=gain["rate"],
        measured=measured,
        sources=gain["source"],
        context=context,
    )
