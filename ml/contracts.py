"""What crosses the border between `api` and `ml`: column names, types and the reason shape.

Standard library only, so that either side may import it. Moments are int64 seconds since
1970-01-01 UTC, money is int64 minor units of the base currency, and keys are int64.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

ColumnType = Literal["int64", "float64", "string", "bool"]

DAY = 86_400
"""Seconds."""


@dataclass(frozen=True)
class FactTable:
    """One table of the fact store: a folder of Parquet files with these columns, in this order."""

    name: str
    key: tuple[str, ...]
    moment: str
    """The column that says when the fact became true; features see it only below the cut-off."""
    columns: Mapping[str, ColumnType]
    day: str | None = None
    """The column of the business day at whose end the fact became true, where only it is known."""


def _table(name: str, key: tuple[str, ...], moment: str, /, **columns: ColumnType) -> FactTable:
    return FactTable(name, key, moment, MappingProxyType(columns))


def _daily(
    name: str, key: tuple[str, ...], moment: str, day: str, /, **columns: ColumnType
) -> FactTable:
    return FactTable(name, key, moment, MappingProxyType(columns), day)


CUSTOMERS = _table(
    "customers", ("customer_id",), "known_at", customer_id="int64", kind="string", known_at="int64"
)
ATTRIBUTES = _table(
    "attributes",
    ("customer_id", "name", "valid_from"),
    "valid_from",
    customer_id="int64",
    name="string",
    valid_from="int64",
    text_value="string",
    number_value="float64",
)
ORDER_LINES = _table(
    "order_lines",
    ("order_id", "line_no"),
    "ordered_at",
    order_id="int64",
    line_no="int64",
    customer_id="int64",
    ordered_at="int64",
    product_id="int64",
    department="string",
    brand="string",
    quantity_milli="int64",
    amount_minor="int64",
    discount_minor="int64",
    cost_minor="int64",
)
INTERACTIONS = _table(
    "interactions",
    ("interaction_id",),
    "occurred_at",
    interaction_id="int64",
    customer_id="int64",
    occurred_at="int64",
    channel="string",
    direction="string",
    kind="string",
    response_seconds="int64",
)
FEEDBACK = _table(
    "feedback",
    ("feedback_id",),
    "given_at",
    feedback_id="int64",
    customer_id="int64",
    given_at="int64",
    category="string",
    score="float64",
)
INVOICES = _daily(
    "invoices",
    ("invoice_id",),
    "issued_at",
    "issued_day",
    invoice_id="int64",
    customer_id="int64",
    issued_at="int64",
    issued_day="int64",
    due_day="int64",
    paid_day="int64",
    amount_minor="int64",
)
SERVICE_COSTS = _daily(
    "service_costs",
    ("customer_id", "incurred_day", "activity"),
    "incurred_at",
    "incurred_day",
    customer_id="int64",
    incurred_at="int64",
    incurred_day="int64",
    activity="string",
    amount_minor="int64",
)
ACCOUNT_BALANCES = _daily(
    "account_balances",
    ("account_id", "day"),
    "known_at",
    "day",
    account_id="int64",
    customer_id="int64",
    known_at="int64",
    day="int64",
    balance_minor="int64",
)
PURCHASE_INTENTS = _table(
    "purchase_intents",
    ("customer_id", "stated_at"),
    "stated_at",
    customer_id="int64",
    stated_at="int64",
    intent="string",
    expected_day="int64",
)
REFERRALS = _table(
    "referrals",
    ("referrer_id", "referred_id"),
    "referred_at",
    referrer_id="int64",
    referred_id="int64",
    referred_at="int64",
)
FACT_TABLES = (
    CUSTOMERS,
    ATTRIBUTES,
    ORDER_LINES,
    INTERACTIONS,
    FEEDBACK,
    INVOICES,
    SERVICE_COSTS,
    ACCOUNT_BALANCES,
    PURCHASE_INTENTS,
    REFERRALS,
)
"""`order_lines` with a negative quantity or amount are returns; `cost_minor` may be null;
`feedback.score` runs from 0 (worst) to 1 (best). Columns `*day` count business days from
1970-01-01. An invoice's `paid_day` is null while it is unpaid, and counts as null before that day.
`account_id` stands for an account without naming it; its balance is that of the day's end, and the
customer of the account's latest record owns it."""


@dataclass(frozen=True)
class AttributeField:
    """A custom attribute that models may use: a number, or one of a few texts.

    Which texts is a matter of the day: `ml.dataset.known_attributes` fills in the `choices`.
    """

    name: str
    value_type: Literal["number", "choice", "boolean"]
    choices: tuple[str, ...] = ()


PREDICTION_COLUMNS: Mapping[str, ColumnType] = MappingProxyType(
    {
        "customer_id": "int64",
        "churn_probability": "float64",
        "clv_minor": "int64",
        "clv_low_minor": "int64",
        "clv_high_minor": "int64",
        "expected_next_purchase_at": "int64",
        "churn_reasons": "string",
        "clv_reasons": "string",
    }
)
"""`*_reasons` hold a JSON list, strongest first, of objects `{"code", "value", "effect"}`: `code`
is a feature's name, `value` its value (null if unknown) and `effect` its exact TreeSHAP
contribution (log-odds for churn, log of value for CLV; positive raises the prediction).
`expected_next_purchase_at` is null where no purchase is expected within a year."""

MEASURE_COLUMNS: Mapping[str, ColumnType] = MappingProxyType(
    {
        "customer_id": "int64",
        "recency_days": "float64",
        "order_count": "int64",
        "net_spend_minor": "int64",
        "net_spend_365d_minor": "int64",
        "tenure_days": "float64",
        "mean_gap_days": "float64",
        "interaction_count": "int64",
        "first_order_at": "int64",
        "last_order_at": "int64",
        "net_spend_month_minor": "int64",
        "order_count_28d": "int64",
        "order_count_84d": "int64",
        "order_count_182d": "int64",
        "order_count_365d": "int64",
        "net_spend_28d_minor": "int64",
        "net_spend_84d_minor": "int64",
        "net_spend_182d_minor": "int64",
        "net_spend_previous_365d_minor": "int64",
        "mean_basket_minor": "float64",
        "margin_365d_minor": "int64",
        "service_cost_365d_minor": "int64",
        "profit_365d_minor": "int64",
        "discount_share": "float64",
        "return_share": "float64",
        "top_brand_share": "float64",
        "department_count": "int64",
        "interaction_count_84d": "int64",
        "interaction_count_365d": "int64",
        "inbound_count_84d": "int64",
        "last_interaction_days": "float64",
        "response_hours": "float64",
        "satisfaction": "float64",
        "last_satisfaction": "float64",
        "complaint_count_365d": "int64",
        "price_feedback_count_365d": "int64",
        "service_feedback_count_365d": "int64",
        "product_feedback_count_365d": "int64",
        "intent": "string",
        "intent_age_days": "float64",
        "intent_expected_on": "int64",
        "referral_count": "int64",
        "referred_net_spend_minor": "int64",
        "invoice_count_365d": "int64",
        "overdue_amount_minor": "int64",
        "overdue_days": "int64",
        "late_payment_share": "float64",
        "balance_minor": "int64",
        "avg_daily_balance_month_minor": "float64",
    }
)
"""What decisions read about every customer known at the cut-off, buyers and prospects alike; null
where there is nothing to measure (no order, no rating, no account). Only buyers get a row of
`PREDICTION_COLUMNS`. `ml.measures` says what each one is; `net_spend_month_minor` is that of
the calendar month of the cut-off's day so far; `intent_expected_on` counts days since
1970-01-01."""


def cutoff_of(as_of: dt.date, time_zone: str) -> int:
    """The first second after the business day `as_of`: facts below it are known, others are not."""
    midnight = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), ZoneInfo(time_zone))
    return int(midnight.timestamp())


def day_of(moment: int, time_zone: str) -> dt.date:
    """The business day that a moment lies in."""
    return dt.datetime.fromtimestamp(moment, ZoneInfo(time_zone)).date()
