"""A made-up population of any size, as scoring hands it to the decisions; the same for a seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.contracts import DAY, MEASURE_COLUMNS, PREDICTION_COLUMNS

Column = npt.NDArray[Any]
ARROW = {"int64": pa.int64(), "float64": pa.float64(), "string": pa.string(), "bool": pa.bool_()}
PROSPECTS = 0.1
INTENTS = np.array(["interested", "hesitating", "not_now", "refused"], dtype=object)


@dataclass(frozen=True)
class Invented:
    """What scoring returns."""

    measures: pa.Table
    predictions: pa.Table


def invent(customers: int, cutoff: int, seed: int) -> Invented:
    """Measures of customers 1..n and predictions of those who bought."""
    random = np.random.default_rng(seed)
    known = _behaviour(random, customers, cutoff)
    known["customer_id"] = np.arange(1, customers + 1)
    return Invented(_measures(random, known), _predictions(random, known, cutoff))


def one_in_a_hundred_bought(before: Invented, seed: int) -> Invented:
    """The same population after each hundredth customer has bought once more."""
    random = np.random.default_rng(seed)
    ids = before.measures["customer_id"].to_numpy()
    bought = random.random(len(ids)) < 0.01
    measures = before.measures
    for name, more in (("net_spend_minor", 4_000), ("order_count", 1)):
        values = measures[name].to_numpy() + np.where(bought, more, 0)
        measures = measures.set_column(measures.column_names.index(name), name, pa.array(values))
    predictions = before.predictions
    scored = np.isin(predictions["customer_id"].to_numpy(), ids[bought])
    probability = predictions["churn_probability"].to_numpy()
    probability = np.where(scored, probability / 2, probability)
    place = predictions.column_names.index("churn_probability")
    return Invented(
        measures, predictions.set_column(place, "churn_probability", pa.array(probability))
    )


def _behaviour(random: np.random.Generator, size: int, cutoff: int) -> dict[str, Column]:
    """Purchases at rates that differ from customer to customer, until some of them stop."""
    buyer = random.random(size) >= PROSPECTS
    gap = random.gamma(2.0, 20.0, size) + 1
    tenure = np.round(random.uniform(1, 1_460, size), 4)
    active = np.minimum(tenure, random.exponential(900, size))
    orders = np.where(buyer, 1 + random.poisson(active / gap), 0)
    several: Column = orders > 1
    basket = random.lognormal(3.2, 0.8, size) * 100
    spend = np.round(orders * basket).astype(np.int64)
    recency = np.round(np.where(several, tenure - active + gap * random.random(size), tenure), 4)
    recency = np.minimum(recency, tenure)
    last_year = np.clip((365 - recency) / np.maximum(tenure, 365), 0, 1)
    known: dict[str, Column] = {
        "recency_days": np.where(buyer, recency, np.nan),
        "tenure_days": np.where(buyer, tenure, np.nan),
        "mean_gap_days": np.where(several, np.round(active / np.maximum(orders - 1, 1), 4), np.nan),
        "order_count": orders,
        "net_spend": spend,
        "mean_basket": np.where(buyer, np.round(basket), np.nan),
        "first_order_at": np.where(buyer, cutoff - tenure * DAY, np.nan),
        "last_order_at": np.where(buyer, cutoff - recency * DAY, np.nan),
        "net_spend_previous_365d": np.round(spend * last_year * random.random(size)),
    }
    for days in (28, 84, 182, 365):
        share = last_year * days / 365
        known[f"order_count_{days}d"] = np.round(orders * share)
        known[f"net_spend_{days}d"] = np.round(spend * share)
    return known | _relations(random, known)


def _relations(random: np.random.Generator, known: Mapping[str, Column]) -> dict[str, Column]:
    """What comes beside purchases: margin, contacts, feedback, intents, invoices, balances."""
    spend = known["net_spend_365d"]
    size = len(spend)

    def some(share: float, values: Column) -> Column:
        return np.where(random.random(size) < share, values, np.nan)

    margin, cost = np.round(spend * random.beta(4, 8, size)), random.poisson(0.6, size) * 350
    contacts, overdue = random.poisson(2.5, size), some(0.06, random.integers(1, 90, size))
    balance = np.round(random.lognormal(9, 2, size) * 100)
    intent = np.where(random.random(size) < 0.15, random.choice(INTENTS, size), None)
    stated = np.not_equal(intent, None)
    return {
        "margin_365d": margin,
        "service_cost_365d": cost,
        "profit_365d": margin - cost,
        "discount_share": np.round(random.beta(1, 6, size), 4),
        "return_share": np.round(random.beta(1, 20, size), 4),
        "top_brand_share": np.round(random.beta(3, 3, size), 4),
        "department_count": np.minimum(known["order_count"], random.integers(1, 12, size)),
        "interaction_count": contacts,
        "interaction_count_365d": contacts,
        "interaction_count_84d": random.binomial(contacts, 0.23),
        "inbound_count_84d": random.binomial(contacts, 0.1),
        "last_interaction_days": np.where(contacts > 0, random.integers(0, 365, size), np.nan),
        "response_hours": some(0.4, np.round(random.gamma(2, 12, size), 2)),
        "satisfaction": some(0.25, np.round(random.beta(5, 2, size), 2)),
        "last_satisfaction": some(0.25, np.round(random.beta(5, 2, size), 2)),
        **_counts(random, size),
        "intent": intent,
        "intent_age_days": np.where(stated, random.integers(0, 120, size), np.nan),
        "intent_expected_on": some(0.05, random.integers(20_550, 20_650, size)),
        "referral_count": random.poisson(0.05, size),
        "referred_net_spend": random.poisson(0.05, size) * 20_000,
        "overdue_days": np.nan_to_num(overdue),
        "overdue_amount": np.where(np.isnan(overdue), 0, np.round(spend * 0.1)),
        "late_payment_share": some(0.3, np.round(random.beta(1, 8, size), 4)),
        "balance": balance,
        "avg_daily_balance_month": balance * 0.9,
    }  # fmt: skip


def _counts(random: np.random.Generator, size: int) -> dict[str, Column]:
    rates = {
        "complaint": 0.08,
        "price_feedback": 0.05,
        "service_feedback": 0.05,
        "product_feedback": 0.1,
        "invoice": 1.5,
    }
    return {f"{kind}_count_365d": random.poisson(rate, size) for kind, rate in rates.items()}


def _measures(random: np.random.Generator, known: Mapping[str, Column]) -> pa.Table:
    size = len(known["customer_id"])
    columns = {}
    for name, kind in MEASURE_COLUMNS.items():
        plain = name.removesuffix("_minor")
        values = known[plain] if plain in known else _unheard_of(random, kind, size)
        columns[name] = _arrow(values, ARROW[kind])
    return pa.table(columns)


def _unheard_of(random: np.random.Generator, kind: str, size: int) -> Column:
    """A measure that this file does not know yet: the bench still runs."""
    match kind:
        case "float64":
            return random.random(size)
        case "int64":
            return random.poisson(1.0, size)
        case "bool":
            return random.random(size) < 0.5
    return np.full(size, None, dtype=object)


def _predictions(random: np.random.Generator, known: Mapping[str, Column], cutoff: int) -> pa.Table:
    bought = known["order_count"] > 0
    size = int(bought.sum())
    silence = known["recency_days"][bought] / (40 + np.nan_to_num(known["mean_gap_days"][bought]))
    churn = 1 / (1 + np.exp(1.2 - silence + random.normal(0, 0.5, size)))
    yearly = known["net_spend_365d"][bought]
    clv = np.round((yearly + 500) * (1 - churn) * random.lognormal(0, 0.3, size))
    gaps = np.nan_to_num(known["mean_gap_days"][bought], nan=60.0)
    columns: dict[str, Any] = {
        "customer_id": known["customer_id"][bought],
        "churn_probability": churn,
        "clv_minor": clv,
        "clv_low_minor": np.round(clv * 0.3),
        "clv_high_minor": np.round(clv * 2.2),
        "expected_next_purchase_at": np.where(churn < 0.8, cutoff + gaps * DAY, np.nan),
        "churn_reasons": _reasons(known["recency_days"][bought], "recency_days"),
        "clv_reasons": _reasons(known["net_spend_365d"][bought], "net_spend_365d"),
    }
    return pa.table(
        {name: _arrow(columns[name], ARROW[kind]) for name, kind in PREDICTION_COLUMNS.items()}
    )


def _reasons(values: Column, code: str) -> list[str]:
    """Three reasons each, as long as those of the real models."""
    others = [
        {"code": "order_count_84d", "value": 3.0, "effect": -0.2183},
        {"code": "interaction_count_84d", "value": 1.0, "effect": 0.1017},
    ]
    tail = json.dumps(others)[1:]
    return [
        f'[{{"code": "{code}", "value": {value}, "effect": 0.4412}}, {tail}' for value in values
    ]


def _arrow(values: Any, kind: pa.DataType) -> pa.Array:
    if isinstance(values, np.ndarray) and values.dtype.kind == "f" and pa.types.is_integer(kind):
        missing = np.isnan(values)
        return pa.array(np.where(missing, 0, values).astype(np.int64), kind, mask=missing)
    if isinstance(values, np.ndarray) and pa.types.is_floating(kind):
        return pa.array(values.astype(np.float64), kind, from_pandas=True)
    return pa.array(values, kind)
