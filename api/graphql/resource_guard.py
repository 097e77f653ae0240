"""The resource guard: whether what is spent on tiers follows what they are worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from enum import Enum

import strawberry

from api.db.guards import resource_plan, tier_uses
from api.domain.resource_plans import parse_resource_plan
from api.domain.resources import TEXTS, Alert, TierUse, guard
from api.domain.texts import shown_money
from api.graphql.access import STATISTICS
from api.graphql.context import Context, Info
from api.graphql.described import choice, field
from api.graphql.language import LanguageChoice, written

Names = Mapping[str, Mapping[str, str]]


@strawberry.enum(description="What is wrong with how service is spread.")
class ResourceAlertKind(Enum):
    INVERSION = choice("inversion", "A less valuable tier gets more than a more valuable one.")
    EQUAL_SHARES = choice("equal_shares", "All get the same although their value differs widely.")


@strawberry.enum(description="What is spent on customers.")
class ResourceMeasure(Enum):
    SERVICE_COST = choice("service_cost", "Recorded cost to serve, of the last 365 days.")
    CONTACT_HOURS = choice("contact_hours", "Time of contacts, of the last 365 days.")


@strawberry.type(
    description="A tier's customers, their value and what serving them took.",
    directives=[STATISTICS],
)
class TierResources:
    tier: str = strawberry.field(description="Key of the tier.")
    customers: int = strawberry.field(description="How many have it now.")
    value: float = strawberry.field(description="Their predicted value, in the base currency.")
    service_cost: float = strawberry.field(
        description="What serving them cost in the last 365 days, in the base currency."
    )
    contact_hours: float = strawberry.field(
        description="Hours of contacts in the last 365 days, by the usual time of each channel."
    )
    value_share: float | None = strawberry.field(description="Of all tiers' value, 0 to 1.")
    service_cost_share: float | None = strawberry.field(description="Of all cost, 0 to 1.")
    contact_hours_share: float | None = strawberry.field(description="Of all hours, 0 to 1.")


@strawberry.type(
    description="A fault in how service is spread over tiers.", directives=[STATISTICS]
)
class ResourceAlert:
    kind: ResourceAlertKind = strawberry.field(description="What is wrong.")
    measure: ResourceMeasure = strawberry.field(description="In which measure.")
    tier: str = strawberry.field(description="The less valuable tier.")
    other: str = strawberry.field(description="The more valuable tier it is compared with.")
    alert: strawberry.Private[Alert]
    names: strawberry.Private[Names]
    context: strawberry.Private[Context]

    @field("The fault with its numbers, as a sentence.")
    def text(self, language: LanguageChoice = None) -> str:
        alert, context = self.alert, self.context
        chosen = written(language or context.language)
        chinese = chosen != "en"

        def money(minor: float) -> str:
            return shown_money(round(minor), context.currency, context.exponent)

        def spent(each: float) -> str:
            if alert.measure == "service_cost":
                return money(each)
            return f"{each:,.1f} 小时" if chinese else f"{each:,.1f} hours"

        return TEXTS[alert.kind, alert.measure][chinese].format(
            tier=self._name(alert.tier, chosen),
            other=self._name(alert.other, chosen),
            value=money(alert.value_each),
            other_value=money(alert.other_value_each),
            spent=spent(alert.spent_each),
            other_spent=spent(alert.other_spent_each),
        )

    def _name(self, tier: str, language: str) -> str:
        return self.names.get(tier, {}).get(language[:2], tier)


@strawberry.type(
    description="What tiers are worth against what is spent on them.", directives=[STATISTICS]
)
class ResourceGuard:
    tiers: list[TierResources] = strawberry.field(description="By tier, best value first.")
    alerts: list[ResourceAlert] = strawberry.field(description="Faults; empty where all is well.")


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _resources(uses: Sequence[TierUse], context: Context) -> list[TierResources]:
    value = sum(use.value_minor for use in uses)
    cost = sum(use.service_cost_minor for use in uses)
    hours = sum(use.contact_hours for use in uses)
    return [
        TierResources(
            tier=use.tier,
            customers=use.customers,
            value=context.major(use.value_minor),
            service_cost=context.major(use.service_cost_minor),
            contact_hours=use.contact_hours,
            value_share=_share(use.value_minor, value),
            service_cost_share=_share(use.service_cost_minor, cost),
            contact_hours_share=_share(use.contact_hours, hours),
        )
        for use in sorted(uses, key=lambda use: (-use.value_each, use.tier))
    ]


def _alert(alert: Alert, names: Names, context: Context) -> ResourceAlert:
    return ResourceAlert(
        kind=ResourceAlertKind(alert.kind),
        measure=ResourceMeasure(alert.measure),
        tier=alert.tier,
        other=alert.other,
        alert=alert,
        names=names,
        context=context,
    )


@strawberry.type
class ResourceGuardQueries:
    @field("Whether service follows value: a fault raises an alert.", needs=STATISTICS)
    async def resource_guard(self, info: Info) -> ResourceGuard | None:
        context = info.context
        plan = parse_resource_plan(await resource_plan(context.snapshot), context.exponent)
        day = context.business.installation.last_whole_day(context.now)
        end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), context.zone)
        uses = await tier_uses(
            context.snapshot,
            plan.contact_minutes,
            plan.usual_contact_minutes,
            (end - dt.timedelta(days=365), end),
        )
        policies = await context.loaders.policies.all()
        active = next((row for row in policies if row.active), None)
        tiers = active.document.get("tiers", ()) if active is not None else ()
        names = {tier["key"]: tier["name"] for tier in tiers}
        return ResourceGuard(
            tiers=_resources(uses, context),
            alerts=[_alert(alert, names, context) for alert in guard(uses)],
        )
