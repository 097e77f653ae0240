"""The whole customer base in numbers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import strawberry

from api.db import portfolio as parts
from api.db.snapshots import Record
from api.graphql.access import OWN_STATISTICS, STATISTICS
from api.graphql.context import Context, Info
from api.graphql.described import field


@strawberry.type(description="A part of the customer base.", directives=[STATISTICS])
class Share:
    key: str = strawberry.field(description="Key of the tier, segment or risk band.")
    customers: int = strawberry.field(description="How many customers.")
    clv: float = strawberry.field(description="Their predicted lifetime value together.")
    mean_churn_probability: float | None = strawberry.field(
        description="Their mean churn probability; none if nobody is scored."
    )


@strawberry.type(
    description="The whole customer base in numbers; amounts in the base currency.",
    directives=[STATISTICS],
)
class Portfolio:
    as_of: dt.date | None = strawberry.field(
        description="The last day the scores know of; none before the first refresh."
    )
    currency: str = strawberry.field(description="ISO 4217 code of the base currency.")
    customers: int = strawberry.field(description="Everyone who is known.")
    scored_customers: int = strawberry.field(description="Those with a prediction.")
    revenue_365d: float = strawberry.field(
        name="revenue365d", description="Net revenue of the last 365 days."
    )
    clv: float = strawberry.field(description="Predicted lifetime value of all.")
    clv_at_risk: float = strawberry.field(
        description="Predicted lifetime value of those with a high churn risk."
    )
    mean_churn_probability: float | None = strawberry.field(
        description="Mean churn probability; none if nobody is scored."
    )
    context: strawberry.Private[Context]

    @field("By tier.")
    async def by_tier(self) -> list[Share]:
        return self._shares(await parts.by_tier(self.context.snapshot))

    @field("By segment; a customer may be in several or in none.")
    async def by_segment(self) -> list[Share]:
        return self._shares(await parts.by_segment(self.context.snapshot))

    @field("By risk band.")
    async def by_risk_band(self) -> list[Share]:
        return self._shares(await parts.by_risk_band(self.context.snapshot))

    def _shares(self, rows: Sequence[Record]) -> list[Share]:
        return [
            Share(
                key=row.key,
                customers=row.customers,
                clv=self.context.major(int(row.clv_minor)),
                mean_churn_probability=row.mean_churn,
            )
            for row in rows
        ]


@strawberry.type
class PortfolioQueries:
    @field("The customer base in numbers.", needs=OWN_STATISTICS, name="portfolio")
    async def whole_portfolio(self, info: Info) -> Portfolio | None:
        context = info.context
        row = await context.loaders.totals.all()
        return Portfolio(
            as_of=row.as_of,
            currency=context.currency,
            customers=row.customers,
            scored_customers=row.scored,
            revenue_365d=context.major(int(row.revenue_minor)),
            clv=context.major(int(row.clv_minor)),
            clv_at_risk=context.major(int(row.clv_at_risk_minor)),
            mean_churn_probability=row.mean_churn,
            context=context,
        )
