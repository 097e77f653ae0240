"""The customer base month by month: what stays comparable later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Annotated

import strawberry

from api.db.months import statistics_between
from api.db.snapshots import Record
from api.domain.monthly import EVERYBODY
from api.errors import InvalidInput
from api.graphql.access import STATISTICS
from api.graphql.context import Context, Info
from api.graphql.described import field

MOST_MONTHS = 60
USUAL_MONTHS = 13
EARLIEST = dt.date(1900, 1, 1)

Month = dt.date
FromMonth = Annotated[
    Month | None,
    strawberry.argument(
        name="from", description="A day of the first month; by default a year before the last."
    ),
]
ToMonth = Annotated[
    Month | None,
    strawberry.argument(name="to", description="A day of the last month; by default the newest."),
]


@strawberry.type(
    description="Customers in numbers at the end of a month; amounts in major units.",
    directives=[STATISTICS],
)
class MonthNumbers:
    key: str | None = strawberry.field(
        description="Key of the tier or class; none: those without, or everybody."
    )
    customers: int = strawberry.field(description="How many there are.")
    buyers: int = strawberry.field(description="How many of them bought in the month.")
    new_buyers: int = strawberry.field(description="How many bought for the first time.")
    lost: int = strawberry.field(description="How many became churned in the month.")
    net_spend: Decimal = strawberry.field(description="What they bought in it less returns.")
    net_spend_365d: Decimal = strawberry.field(
        name="netSpend365d", description="Net spend of the 365 days before its end."
    )
    clv: Decimal = strawberry.field(description="Predicted lifetime value of all of them.")
    mean_churn_probability: float | None = strawberry.field(
        description="Mean churn probability; none if nobody is scored."
    )


@strawberry.type(description="A month as its last refresh found it.", directives=[STATISTICS])
class MonthStatistics:
    month: Month = strawberry.field(description="Its first day.")
    as_of: dt.date = strawberry.field(description="The last day of it that the numbers know of.")
    currency: str = strawberry.field(description="ISO 4217 code of the base currency.")
    total: MonthNumbers = strawberry.field(description="Everybody.")
    by_tier: list[MonthNumbers] = strawberry.field(description="By tier at that time.")
    by_lifecycle_stage: list[MonthNumbers] = strawberry.field(description="By lifecycle stage.")
    by_abc_class: list[MonthNumbers] = strawberry.field(description="By ABC class.")


def _numbers(rows: Iterable[Record], key: str, context: Context) -> MonthNumbers:
    every = list(rows)
    whole = {row.measure: int(row.whole or 0) for row in every}
    mean = next((row.number for row in every if row.measure == "churn_probability"), None)
    return MonthNumbers(
        key=key or None,
        customers=whole["customers"],
        buyers=whole["buyers"],
        new_buyers=whole["new_buyers"],
        lost=whole["lost"],
        net_spend=context.exact(whole["net_spend"]),
        net_spend_365d=context.exact(whole["net_spend_365d"]),
        clv=context.exact(whole["clv"]),
        mean_churn_probability=mean,
    )


def _month(rows: list[Record], context: Context) -> MonthStatistics:
    found = {
        (dimension, key): _numbers(part, key, context)
        for (dimension, key), part in groupby(rows, key=lambda row: (row.dimension, row.key))
    }

    def by(dimension: str) -> list[MonthNumbers]:
        return [numbers for (name, _), numbers in found.items() if name == dimension]

    return MonthStatistics(
        month=rows[0].month,
        as_of=rows[0].as_of,
        currency=context.currency,
        total=found[EVERYBODY, ""],
        by_tier=by("tier"),
        by_lifecycle_stage=by("lifecycle_stage"),
        by_abc_class=by("abc_class"),
    )


def _earlier(month: Month, months: int) -> Month:
    place = month.year * 12 + month.month - 1 - months
    return dt.date(place // 12, place % 12 + 1, 1)


@strawberry.type
class MonthlyQueries:
    @field(
        f"The customer base month by month, oldest first; up to {MOST_MONTHS} months.",
        needs=STATISTICS,
    )
    async def monthly_statistics(
        self, info: Info, start: FromMonth = None, end: ToMonth = None
    ) -> list[MonthStatistics] | None:
        context = info.context
        if end is None:
            end = (await context.loaders.totals.all()).as_of or context.now.date()
        if end < EARLIEST:
            raise InvalidInput(f"to: takes days from {EARLIEST} on.")
        last = end.replace(day=1)
        first = _earlier(last, USUAL_MONTHS - 1) if start is None else start.replace(day=1)
        if first > last:
            raise InvalidInput("monthlyStatistics: `from` is after `to`.")
        if _earlier(last, MOST_MONTHS - 1) > first:
            raise InvalidInput(f"monthlyStatistics: ask for {MOST_MONTHS} months at most.")
        rows = await statistics_between(context.snapshot, first, last)
        return [_month(list(part), context) for _, part in groupby(rows, key=lambda row: row.month)]
