"""Customers: everything known about one, and how to find them."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from api.db.findings import Found
from api.db.snapshots import Record
from api.graphql.access import CUSTOMERS, PERSONAL
from api.graphql.cases import CustomerCase, StrategyAction, actions_of, cases_of
from api.graphql.classes import Classes, CustomerKind, classes
from api.graphql.consents import Consent, consent
from api.graphql.context import Context
from api.graphql.customer_lists import CustomerLists
from api.graphql.described import field, loaded
from api.graphql.explanations import AsOf, TierDecision, WhatIf, tier_decision_of
from api.graphql.findings import (
    ChurnHint,
    CustomerGroup,
    PreferredChannel,
    RecommendedProduct,
    churn_hints,
    group_of,
    preferred_channels,
    recommended_products,
)
from api.graphql.ids import Node, global_id
from api.graphql.language import Language, LanguageChoice
from api.graphql.loaders import known
from api.graphql.overrides import Override, override
from api.graphql.reasons import Reason, reasons
from api.graphql.scores import Prediction, prediction
from api.graphql.sensitivity import hides_class
from api.graphql.strategies import (
    MOST_RECOMMENDATIONS,
    Recommendation,
    load_recommendations,
    recommendations_of,
)
from api.graphql.tiers import CustomerTier, customer_tier, load_names
from api.graphql.withheld import CustomerNeed, WithheldStrategy, needs_of, withheld_from

MOST_OVERRIDES = 50


@strawberry.type(description="A custom attribute of a customer.", directives=[CUSTOMERS])
class Attribute:
    name: str = strawberry.field(description="Its name.")
    type: str = strawberry.field(description="Its type: number, text, boolean or date.")
    value: JSON | None = strawberry.field(description="Its value; dates as text.")
    since: dt.datetime = strawberry.field(description="When it became so.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Its name for people.")
    def label(self, language: LanguageChoice = None) -> str:
        chinese = (language or self.context.language) is not Language.EN
        return str(self.row.label_zh if chinese else self.row.label_en)


@strawberry.type(description="A customer's stay in a segment.", directives=[CUSTOMERS])
class CustomerSegment:
    key: str = strawberry.field(description="Key of the segment.")
    since: dt.date = strawberry.field(description="First day in it.")
    reasons: list[Reason] = strawberry.field(description="What let the customer in.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("Name for people.")
    def name(self, language: LanguageChoice = None) -> str:
        chinese = (language or self.context.language) is not Language.EN
        return str(self.row.name_zh if chinese else self.row.name_en)


def _by(loader: str) -> Callable[[Customer], Awaitable[Any]]:
    """Loads a customer's rows with one of the loaders."""

    def load(customer: Customer) -> Awaitable[Any]:
        found: Awaitable[Any] = getattr(customer.context.loaders, loader).load(customer.row.id)
        return found

    return load


async def _present_tier(customer: Customer) -> None:
    row = await customer.context.loaders.tier.load(customer.row.id)
    if row is not None:
        await load_names((row,), customer.context)


def _recommendations(customer: Customer, first: int = MOST_RECOMMENDATIONS) -> Awaitable[Any]:
    return load_recommendations(customer.row.id, first, customer.context)


def _grouped(customer: Customer) -> Awaitable[Any]:
    loaders = customer.context.loaders
    return asyncio.gather(loaders.findings.load(customer.row.id), loaders.mining_run.all())


@strawberry.type(description="Somebody the business deals with.", directives=[CUSTOMERS])
class Customer(Node, CustomerLists):
    external_id: str = strawberry.field(description="The business's own customer number.")
    kind: CustomerKind = strawberry.field(description="Whom the business deals with.")
    known_since: dt.date = strawberry.field(description="First day the business knew them.")
    industry: str | None = strawberry.field(description="Their industry.")
    region: str | None = strawberry.field(description="Where they are.")
    owner: str | None = strawberry.field(
        description="The business's own identifier of who looks after them."
    )
    version: int = strawberry.field(
        description="Raised by each change of the record: what `updateCustomer` expects."
    )

    @field("Their name.", needs=PERSONAL)
    def name(self) -> str | None:
        return self._opened("name")

    @field("Their e-mail address.", needs=PERSONAL)
    def email(self) -> str | None:
        return self._opened("email")

    @field("Their phone number, as +E.164.", needs=PERSONAL)
    def phone(self) -> str | None:
        return self._opened("phone")

    def _opened(self, field: str) -> str | None:
        sealed = self.row._mapping[f"{field}_encrypted"]
        if sealed is None:
            return None
        return self.context.cipher.decrypt(field, self.external_id, bytes(sealed))

    @loaded(
        "Custom attributes, the latest value of each; sensitive ones (age, income ...) only "
        "with pii:read.",
        _by("attributes"),
    )
    def attributes(self) -> list[Attribute]:
        rows = known(self.context.loaders.attributes, self.row.id) or ()
        everything = self.context.caller.may("pii:read")
        shown = [row for row in rows if everything or not row.sensitive]
        for row in shown:
            if row.sensitive:
                self.context.personal.note(f"attribute.{row.name}", (self.row.id,))
        return [_attribute(row, self.context) for row in shown]

    @loaded("What they allow: the latest word for each purpose and channel.", _by("consents"))
    def consents(self) -> list[Consent]:
        rows = known(self.context.loaders.consents, self.row.id) or ()
        return [consent(row, self.external_id, self.context) for row in rows]

    @loaded("The present tier; none if below the lowest or not decided.", _present_tier)
    def tier(self) -> CustomerTier | None:
        row = known(self.context.loaders.tier, self.row.id)
        return None if row is None else customer_tier(row, self.context)

    @loaded("What they will probably do; none if not scored yet.", _by("prediction"))
    def prediction(self) -> Prediction | None:
        row = known(self.context.loaders.prediction, self.row.id)
        return None if row is None else prediction(row, self.context)

    @loaded("Measures and classes; none before the first refresh.", _by("profile"))
    def classes(self) -> Classes | None:
        row = known(self.context.loaders.profile, self.row.id)
        return None if row is None else classes(row, self.context)

    @loaded("The segments they are in now.", _by("customer_segments"))
    def segments(self) -> list[CustomerSegment]:
        rows = known(self.context.loaders.customer_segments, self.row.id) or ()
        for row in rows:
            if row.key in self.context.business.personal_segments:
                self.context.personal.note(f"segment.{row.key}", (self.row.id,))
        return [_customer_segment(row, self.context) for row in rows]

    @loaded("What to do with them, most worthwhile first.", _recommendations)
    def recommended_strategies(
        self,
        first: Annotated[int, strawberry.argument(description="How many, at most 20.")] = 20,
    ) -> list[Recommendation]:
        return recommendations_of(self.row.id, first, self.context)

    @loaded(
        "Tiers and classes set for them by hand: the latest 50, newest first.", _by("overrides")
    )
    def overrides(self) -> list[Override]:
        rows = known(self.context.loaders.overrides, self.row.id) or ()
        return [
            override(row, self.context)
            for row in rows[:MOST_OVERRIDES]
            if row.kind == "tier" or not hides_class(row.classification, self.context)
        ]

    @loaded("Products to offer them, best first; none before they are mined.", _by("findings"))
    def recommended_products(self) -> list[RecommendedProduct]:
        return recommended_products(self._found(), self.context)

    @loaded("Channels to reach them by, best first; none before mining.", _by("findings"))
    def preferred_channels(self) -> list[PreferredChannel]:
        return preferred_channels(self._found(), self.context)

    @loaded("What would lower their risk most; only for those at risk.", _by("findings"))
    def churn_hints(self) -> list[ChurnHint]:
        return churn_hints(self._found(), self.context)

    @loaded("Customers like them; none for who bought nothing for a year.", _grouped)
    def group(self) -> CustomerGroup | None:
        return group_of(self._found(), self.context.loaders.mining_run.known(), self.context)

    def _found(self) -> Found | None:
        return known(self.context.loaders.findings, self.row.id)

    @field("The tier decision of a day, replayed, with what would change it.")
    async def tier_decision(self, as_of: AsOf = None) -> TierDecision | None:
        return await tier_decision_of(self.row.id, as_of, self.context)

    @field("What would move their tier or their risk; none before a tier is decided.")
    async def what_if(self) -> WhatIf | None:
        decision = await tier_decision_of(self.row.id, None, self.context)
        return None if decision is None else await decision.what_if()

    @field("What is meant for them but not recommended, and why: decided again for them.")
    async def withheld_strategies(self) -> list[WithheldStrategy]:
        return await withheld_from(self.row.id, self.context)

    @field("Needs and ways of consuming they show, with the evidence and what suits them.")
    async def needs(self) -> list[CustomerNeed]:
        return await needs_of(self.row.id, self.context)

    @field("What was planned, done and declined for them by strategies: the latest 50.")
    async def strategy_actions(self) -> list[StrategyAction]:
        return await actions_of(self.row.id, self.context)

    @field("Cases about keeping them or winning them back: the latest 50, newest first.")
    async def cases(self) -> list[CustomerCase]:
        return await cases_of(self.row.id, self.context)


def _attribute(row: Record, context: Context) -> Attribute:
    value = row.text_value if row.number_value is None else row.number_value
    if row.value_type == "boolean" and value is not None:
        value = bool(value)
    return Attribute(
        name=row.name,
        type=row.value_type,
        value=value,
        since=row.valid_from,
        row=row,
        context=context,
    )


def _customer_segment(row: Record, context: Context) -> CustomerSegment:
    # A customer whom somebody put in by hand has a cause without reasons.
    return CustomerSegment(
        key=row.key,
        since=row.entered_on,
        reasons=reasons(row.cause.get("reasons", ()), context),
        row=row,
        context=context,
    )


def customer(row: Record, context: Context) -> Customer:
    return Customer(
        id=global_id("Customer", row.id),
        external_id=row.external_id,
        kind=CustomerKind(row.kind),
        known_since=row.known_at.astimezone(context.zone).date(),
        industry=row.industry,
        region=row.region,
        owner=row.owner,
        version=row.version,
        row=row,
        context=context,
    )
