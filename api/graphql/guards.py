"""Guards: revenue against customers kept, tiers against who stayed, answers against promises."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import strawberry

from api.db import guards as found
from api.domain.revenue import AGREES, DIVERGES, PARTS, Bridge, bridge
from api.domain.strategies.documents import parse_strategy
from api.domain.texts import shown_money
from api.errors import InvalidInput
from api.graphql.access import CUSTOMERS, OWN_STATISTICS, STATISTICS
from api.graphql.context import Context, Info
from api.graphql.described import choice, field
from api.graphql.language import LanguageChoice

SHOWN_BREACHES = 100
EARLIEST, LATEST = dt.date(1900, 1, 1), dt.date(9000, 1, 1)
"""Days around these can be reckoned with in every time zone."""
From = Annotated[dt.date, strawberry.argument(name="from", description="The first day.")]
To = Annotated[dt.date, strawberry.argument(name="to", description="The last day.")]


@strawberry.enum(description="What became of customers between two periods.")
class RevenuePart(Enum):
    NEW = choice("new", "Bought for the first time.")
    RETURNED = choice("returned", "Not in the earlier period, but before it.")
    GROWN = choice("grown", "In both, for more.")
    STEADY = choice("steady", "In both, for the same.")
    SHRUNK = choice("shrunk", "In both, for less.")
    LOST = choice("lost", "In the earlier period only.")


@strawberry.type(description="Customers of one part and what they bought.", directives=[STATISTICS])
class RevenueFlow:
    part: RevenuePart = strawberry.field(description="What became of them.")
    customers: int = strawberry.field(description="How many.")
    before: Decimal = strawberry.field(description="What they bought before, exact.")
    after: Decimal = strawberry.field(description="What they bought after, exact.")
    change: Decimal = strawberry.field(description="The difference, exact.")


@strawberry.type(
    description="How revenue came from one period to the next; the changes of the parts add up "
    "exactly.",
    directives=[STATISTICS],
)
class RevenueBridge:
    before: Decimal = strawberry.field(description="Revenue of the earlier period, exact.")
    after: Decimal = strawberry.field(description="Revenue of the later period, exact.")
    customers_before: int = strawberry.field(description="Who bought in the earlier period.")
    customers_after: int = strawberry.field(description="Who bought in the later period.")
    retention: float | None = strawberry.field(
        description="Share of the earlier customers who bought again."
    )
    flows: list[RevenueFlow] = strawberry.field(description="By what became of customers.")
    diverges: bool = strawberry.field(
        description="Revenue rises while there are fewer customers: no success yet."
    )
    found: strawberry.Private[Bridge]
    context: strawberry.Private[Context]

    @field("The outcome with its numbers, as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        context, found = self.context, self.found
        chinese = (language or context.language).value != "en"
        growth = found.after_minor - found.before_minor
        return (DIVERGES if found.diverges else AGREES)[chinese].format(
            growth=shown_money(growth, context.currency, context.exponent),
            lost=found.flows["lost"].customers,
            won=found.flows["new"].customers + found.flows["returned"].customers,
            before=found.customers_before,
            after=found.customers_after,
        )


@strawberry.type(description="How many customers of a tier bought again.", directives=[STATISTICS])
class TierRetention:
    tier: str | None = strawberry.field(description="The tier held on the first day.")
    customers: int = strawberry.field(description="Who held it.")
    retained: int = strawberry.field(description="Who bought after that day, up to the last one.")
    rate: float = strawberry.field(description="Their share, 0 to 1.")


@strawberry.type(
    description="Answers to customers of a tier against their service plan.",
    directives=[STATISTICS],
)
class TierAnswers:
    tier: str | None = strawberry.field(description="The present tier.")
    answered: int = strawberry.field(description="Contacts that were answered.")
    late: int = strawberry.field(description="Answered later than promised.")
    mean_hours_late: float | None = strawberry.field(description="By how much; none if none were.")


@strawberry.type(
    description="A contact that was answered later than promised.", directives=[CUSTOMERS]
)
class LateAnswer:
    external_id: str = strawberry.field(description="The business's own customer number.")
    tier: str | None = strawberry.field(description="The customer's present tier.")
    occurred_at: dt.datetime = strawberry.field(description="When the customer got in touch.")
    hours: float = strawberry.field(description="How long the answer took.")
    promised_hours: float = strawberry.field(description="What the service plan promises.")


@strawberry.type(
    description="Answers later than the customers' service plans promise.", directives=[STATISTICS]
)
class SlaBreaches:
    by_tier: list[TierAnswers] = strawberry.field(description="Counts by tier.")
    worst: list[LateAnswer] = strawberry.field(description="The latest ones, at most 100.")


@strawberry.type
class GuardQueries:
    @field(
        "Revenue of a period against the one before it, by what became of customers.",
        needs=OWN_STATISTICS,
        name="revenueBridge",
    )
    async def revenue_between(
        self,
        info: Info,
        start: From,
        end: To,
        previous_from: Annotated[
            dt.date | None,
            strawberry.argument(
                description="First day of the earlier period, which is as long as the later one; "
                "left out, it ends where the later one begins."
            ),
        ] = None,
    ) -> RevenueBridge | None:
        context = info.context
        days = _length(start, end)
        first = previous_from or _earlier(start, days)
        if first < EARLIEST:
            raise InvalidInput(f"previousFrom: takes days from {EARLIEST} on.")
        if first >= start or (last := first + dt.timedelta(days=days - 1)) >= start:
            raise InvalidInput(
                "revenueBridge: previousFrom: the earlier period reaches into the later one."
            )
        flows = await found.revenue_flows(
            context.snapshot, _period(first, last, context), _period(start, end, context)
        )
        return _bridge(bridge(flows), context)

    @field(
        "How many customers of each tier bought again: the tier held on the first day, purchases "
        "after it up to the last day.",
        needs=OWN_STATISTICS,
    )
    async def retention_by_tier(
        self, info: Info, start: From, end: To
    ) -> list[TierRetention] | None:
        context = info.context
        _length(start, end)
        after = start + dt.timedelta(days=1)
        rows = await found.tier_retention(context.snapshot, start, _period(after, end, context))
        return [
            TierRetention(tier=tier, customers=number, retained=kept, rate=kept / number)
            for tier, number, kept in rows
        ]

    @field(
        "Answers later than the service plans promise: of all active strategies with "
        "`response_hours` whose rule holds for the customer now, the strictest.",
        needs=OWN_STATISTICS,
    )
    async def sla_breaches(self, info: Info, start: From, end: To) -> SlaBreaches | None:
        context = info.context
        _length(start, end)
        plans = _plans(await context.loaders.strategies.all(), context)
        if not plans:
            return SlaBreaches(by_tier=[], worst=[])
        zone = context.business.installation.time_zone
        period = _period(start, end, context)
        tiers, worst = await found.late_answers(
            context.snapshot, plans, period, zone, SHOWN_BREACHES
        )
        return SlaBreaches(
            by_tier=[
                TierAnswers(
                    tier=tier,
                    answered=answered,
                    late=late,
                    mean_hours_late=None if beyond is None else float(beyond) / 3600,
                )
                for tier, answered, late, beyond in tiers
            ],
            worst=[
                LateAnswer(
                    external_id=row.external_id,
                    tier=row.tier_key,
                    occurred_at=row.occurred_at,
                    hours=row.response_seconds / 3600,
                    promised_hours=float(row.promised) / 3600,
                )
                for row in worst
            ],
        )


def _plans(rows: Any, context: Context) -> list[tuple[Any, float]]:
    """Rules of service plans, the strictest first."""
    plans = [
        parse_strategy(row.document, context.exponent, context.business.fields)
        for row in rows
        if row.active
        and row.document.get("response_hours") is not None
        and row.key not in context.hidden_strategies
    ]
    ordered = sorted(plans, key=lambda each: (each.response_hours or 0.0, each.key))
    return [(each.rule, each.response_hours or 0.0) for each in ordered]


def _length(start: dt.date, end: dt.date) -> int:
    """Raises:
    InvalidInput: the last day lies before the first, or a day is beyond what can be reckoned with.
    """
    if end < start:
        raise InvalidInput("to: the last day lies before the first.")
    if start < EARLIEST or end > LATEST:
        raise InvalidInput(f"from, to: take days from {EARLIEST} to {LATEST}.")
    return (end - start).days + 1


def _earlier(start: dt.date, days: int) -> dt.date:
    """Raises:
    InvalidInput: that is before anything can have happened.
    """
    if (start - EARLIEST).days < days:
        raise InvalidInput(f"previousFrom: the earlier period would begin before {EARLIEST}.")
    return start - dt.timedelta(days=days)


def _period(start: dt.date, end: dt.date, context: Context) -> found.Moments:
    """From the beginning of the first business day to the end of the last."""
    return (
        dt.datetime.combine(start, dt.time(), context.zone),
        dt.datetime.combine(end + dt.timedelta(days=1), dt.time(), context.zone),
    )


def _bridge(made: Bridge, context: Context) -> RevenueBridge:
    return RevenueBridge(
        before=context.exact(made.before_minor),
        after=context.exact(made.after_minor),
        customers_before=made.customers_before,
        customers_after=made.customers_after,
        retention=made.retention,
        flows=[
            RevenueFlow(
                part=RevenuePart(part),
                customers=made.flows[part].customers,
                before=context.exact(made.flows[part].before_minor),
                after=context.exact(made.flows[part].after_minor),
                change=context.exact(made.flows[part].change_minor),
            )
            for part in PARTS
        ],
        diverges=made.diverges,
        found=made,
        context=context,
    )
