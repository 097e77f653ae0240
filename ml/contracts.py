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


def _table(name: str, key: tuple[str, ...], moment: str, /, **columns: ColumnType) -> FactTable:
    return FactTable(name, key, moment, MappingProxyType(columns))


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
FACT_TABLES = (CUSTOMERS, ATTRIBUTES, ORDER_LINES, INTERACTIONS, FEEDBACK)
"""`order_lines` with a negative quantity or amount are returns; `cost_minor` may be null;
`feedback.score` runs from 0 (worst) to 1 (best)."""


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
    }
)
"""What decisions read about every customer known at the cut-off, buyers and prospects alike; null
where there is no order (or no second one). Only buyers get a row of `PREDICTION_COLUMNS`."""


def cutoff_of(as_of: dt.date, time_zone: str) -> int:
    """The first second after the business day `as_of`: facts below it are known, others are not."""
    midnight = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(), ZoneInfo(time_zone))
    return int(midnight.timestamp())


def day_of(moment: int, time_zone: str) -> dt.date:
    """The business day that a moment lies in."""
    return dt.datetime.fromtimestamp(moment, ZoneInfo(time_zone)).date()
