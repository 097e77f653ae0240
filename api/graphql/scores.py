"""Predictions: of one customer, and as the feed that partners follow."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Annotated

import strawberry

from api.db.feed import FeedPosition
from api.db.rules import rule_to_sql
from api.db.scores import count_scores, feed_page
from api.db.snapshots import Record
from api.domain.conditions import Condition
from api.domain.rules import AllOf, Rule
from api.graphql.access import CUSTOMERS, SCORES
from api.graphql.comparisons import (
    Comparison,
    NumberComparison,
    conditions,
    given,
    spelled,
)
from api.graphql.context import Context, Info
from api.graphql.described import choice, field, option
from api.graphql.ids import global_id
from api.graphql.pagination import After, Connection, First
from api.graphql.reasons import PredictionReason, prediction_reasons
from api.graphql.scalars import BigInt
from api.graphql.score_feed import FeedListing, feed_connection, feed_name

LARGEST_FEED_PAGE = 5_000


@strawberry.enum(description="Churn risk in words.")
class RiskBand(Enum):
    LOW = choice("low", "Will most likely stay.")
    MEDIUM = choice("medium", "May leave.")
    HIGH = choice("high", "Will more likely leave than stay.")


@strawberry.type(description="What a customer will probably do.", directives=[CUSTOMERS])
class Prediction:
    churn_probability: float = strawberry.field(
        description="Probability of no purchase within `horizonDays` after `asOf`, 0 to 1."
    )
    churn_percentile: float = strawberry.field(
        description="Share of customers, 0 to 100, who are at most as likely to leave."
    )
    risk_band: RiskBand = strawberry.field(description="The probability in words.")
    clv: float = strawberry.field(
        description="Expected spend within `clvHorizonDays` after `asOf`, in `currency`."
    )
    clv_low: float = strawberry.field(description="A tenth of such customers will spend less.")
    clv_high: float = strawberry.field(description="A tenth of such customers will spend more.")
    currency: str = strawberry.field(description="ISO 4217 code of the base currency.")
    horizon_days: int = strawberry.field(description="How far the churn probability looks.")
    clv_horizon_days: int = strawberry.field(description="How far the lifetime value looks.")
    expected_next_purchase_on: dt.date | None = strawberry.field(
        description="The most likely day of the next purchase; none if not within a year."
    )
    as_of: dt.date = strawberry.field(description="The last day whose facts it knows.")
    scored_at: dt.datetime = strawberry.field(description="When it was computed.")
    valid_until: dt.datetime = strawberry.field(description="From then on it is stale.")
    stale: bool = strawberry.field(description="Whether it is out of date by now.")
    model_version: str = strawberry.field(description="The versions of both models.")
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("What drives the churn probability, strongest first.")
    def reasons(self) -> list[PredictionReason]:
        return prediction_reasons(self.row.churn_reasons, self.context)

    @field("What drives the lifetime value, strongest first.")
    def clv_reasons(self) -> list[PredictionReason]:
        return prediction_reasons(self.row.clv_reasons, self.context)


@strawberry.type(
    description="An entry of the score feed: a customer's newest score, or its end.",
    directives=[SCORES],
)
class RiskScore:
    customer_id: strawberry.ID = strawberry.field(description="Opaque id of the customer.")
    external_id: str = strawberry.field(description="The business's own customer number.")
    churn_probability: float | None = strawberry.field(
        description="Probability of no purchase within `horizonDays`; none once deleted."
    )
    churn_percentile: float | None = strawberry.field(
        description="Share of customers, 0 to 100, at most as likely to leave; none once deleted."
    )
    risk_band: RiskBand | None = strawberry.field(description="In words; none once deleted.")
    clv: float | None = strawberry.field(
        description="Expected spend in the base currency; none once deleted."
    )
    horizon_days: int = strawberry.field(description="How far the churn probability looks.")
    as_of: dt.date = strawberry.field(description="The last day whose facts it knows.")
    scored_at: dt.datetime = strawberry.field(description="When it was computed.")
    valid_until: dt.datetime = strawberry.field(description="From then on it is stale.")
    model_version: str = strawberry.field(description="The versions of both models.")
    revision: BigInt = strawberry.field(description="Newer is larger; no reader skips one.")
    deleted: bool = strawberry.field(
        description="True: forget this customer's score. It has ended, left the filter's range, "
        "or the customer took their consent back."
    )
    row: strawberry.Private[Record]
    context: strawberry.Private[Context]

    @field("What drives the churn probability; empty once deleted.")
    def reasons(self) -> list[PredictionReason]:
        return [] if self.deleted else prediction_reasons(self.row.churn_reasons, self.context)


@strawberry.input(
    description="Which scores to hold. A score that leaves the filter's range is delivered once "
    "more, as deleted."
)
class RiskScoreFilter:
    churn_probability: NumberComparison | None = option("By churn probability.")
    churn_percentile: NumberComparison | None = option("By percentile.")
    risk_band: Comparison[RiskBand] | None = option("By risk band.")
    clv: NumberComparison | None = option("By predicted lifetime value.")


def model_version(row: Record) -> str:
    return f"churn-{row.churn_version}/clv-{row.clv_version}"


def prediction(row: Record, context: Context) -> Prediction:
    return Prediction(
        churn_probability=row.churn_probability,
        churn_percentile=row.churn_percentile,
        risk_band=RiskBand(row.risk_band),
        clv=context.major(row.clv_minor),
        clv_low=context.major(row.clv_low_minor),
        clv_high=context.major(row.clv_high_minor),
        currency=context.currency,
        horizon_days=row.horizon_days,
        clv_horizon_days=row.clv_horizon_days,
        expected_next_purchase_on=row.expected_next_purchase_on,
        as_of=row.as_of,
        scored_at=row.scored_at,
        valid_until=row.valid_until,
        stale=row.valid_until <= context.stale_from,
        model_version=model_version(row),
        row=row,
        context=context,
    )


def risk_score(row: Record, context: Context) -> RiskScore:
    deleted = row.ended
    return RiskScore(
        customer_id=global_id("Customer", row.customer_id),
        external_id=row.external_id,
        churn_probability=None if deleted else row.churn_probability,
        churn_percentile=None if deleted else row.churn_percentile,
        risk_band=None if deleted else RiskBand(row.risk_band),
        clv=None if deleted else context.major(row.clv_minor),
        horizon_days=row.horizon_days,
        as_of=row.as_of,
        scored_at=row.scored_at,
        valid_until=row.valid_until,
        model_version=model_version(row),
        revision=row.revision,
        deleted=deleted,
        row=row,
        context=context,
    )


def _rule(given_filter: RiskScoreFilter | None, context: Context) -> Rule:
    parts: list[Condition] = []
    if given_filter is not None:
        for name, comparison in given(given_filter, "filter"):
            path = f"filter.{spelled(name)}"
            fields = context.business.fields
            parts += conditions(name, comparison, path, fields, context.exponent)
    return AllOf(tuple(parts))


@strawberry.type
class ScoreQueries:
    @field(
        "All scores in the order in which they were published. Keep the last "
        "`endCursor`: given as `after`, it delivers what has changed since, and as deleted what "
        "is gone, left the filter or may no longer be shared.",
        needs=SCORES,
    )
    async def risk_scores(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        filter: Annotated[
            RiskScoreFilter | None, strawberry.argument(description="Which scores to deliver.")
        ] = None,
    ) -> Connection[RiskScore] | None:
        context = info.context
        rule = _rule(filter, context)
        where = rule_to_sql(rule)

        async def count() -> int:
            return await count_scores(context.snapshot, where)

        listing = FeedListing(feed_name(rule), (), context.cursors, LARGEST_FEED_PAGE)
        request = listing.request(first, after, None, None)
        position = FeedPosition(*request.after) if request.after else None
        if context.ahead is not None:
            whole: Connection[RiskScore] | None = await context.ahead.scores(
                info, where, position, request.size, listing, count
            )
            if whole is not None:
                return whole
        page = await feed_page(context.snapshot, where, position, request.size)
        return feed_connection(listing, page, lambda row: risk_score(row, context), count)
