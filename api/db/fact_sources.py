"""Where each fact table comes from: its SELECT on either database, in the contract's columns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.contracts import (
    ACCOUNT_BALANCES,
    ATTRIBUTES,
    CUSTOMERS,
    FEEDBACK,
    INTERACTIONS,
    INVOICES,
    ORDER_LINES,
    PURCHASE_INTENTS,
    REFERRALS,
    SERVICE_COSTS,
    FactTable,
    cutoff_of,
)

_SELECTS: Mapping[str, str] = {
    CUSTOMERS.name: "SELECT id, kind, {known_at}, batch_id FROM customers",
    ATTRIBUTES.name: "SELECT a.customer_id, a.name, {valid_from}, a.text_value, a.number_value, "
    "a.batch_id FROM customer_attributes a JOIN attribute_definitions d ON d.name = a.name "
    "WHERE NOT d.sensitive",
    ORDER_LINES.name: "SELECT l.order_id, l.line_no, o.customer_id, {ordered_at}, l.product_id, "
    "l.quantity_milli, l.amount_minor, l.discount_minor, l.cost_minor, l.batch_id "
    "FROM order_lines l JOIN orders o ON o.id = l.order_id",
    INTERACTIONS.name: "SELECT id, customer_id, {occurred_at}, channel, direction, kind, "
    "response_seconds, batch_id FROM interactions",
    FEEDBACK.name: "SELECT id, customer_id, {given_at}, category, score, batch_id FROM feedback",
    INVOICES.name: "SELECT id, customer_id, {issued_on}, {issued_on}, {due_on}, {paid_on}, "
    "amount_minor, batch_id FROM invoices",
    SERVICE_COSTS.name: "SELECT customer_id, {incurred_on}, {incurred_on}, activity, "
    "amount_minor, batch_id FROM service_costs",
    ACCOUNT_BALANCES.name: "SELECT account, customer_id, {day}, {day}, balance_minor, batch_id "
    "FROM account_balances",
    PURCHASE_INTENTS.name: "SELECT customer_id, {stated_at}, intent, {expected_on}, batch_id "
    "FROM purchase_intents",
    REFERRALS.name: "SELECT referrer_id, referred_id, {referred_at}, batch_id FROM referrals",
}
"""Columns in the contract's order, then the batch; of a fact that has only a day the moment is its
day, until `ends_of_days` makes it one.

What a line says of its product is looked up afterwards: as a join it takes three times as long.
"""
_MOMENTS = (
    "known_at",
    "valid_from",
    "ordered_at",
    "occurred_at",
    "given_at",
    "stated_at",
    "referred_at",
)
_DAYS = ("issued_on", "due_on", "paid_on", "incurred_on", "day", "expected_on")
PRODUCT_COLUMNS = ("department", "brand")
HASHED_COLUMNS = frozenset({"account_id"})
"""Texts in the database that would name somebody's account: the store holds a number instead."""


def source(table: FactTable, dialect: str) -> str:
    if dialect == "sqlite":
        moment = "CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER)"  # it'd round fractions up
        day = "CAST(julianday({0}) - 2440587.5 AS INTEGER)"
    else:
        moment = "floor(extract(epoch from {0}))::bigint"
        day = "({0} - DATE '1970-01-01')::bigint"
    return _SELECTS[table.name].format(
        **{name: moment.format(name) for name in _MOMENTS},
        **{name: day.format(name) for name in _DAYS},
    )


def ends_of_days(days: pa.Array, time_zone: str) -> pa.Array:
    """The last second of each business day; days are counted from 1970-01-01."""
    found = days.dictionary_encode()
    names = np.array(found.dictionary.to_pylist(), dtype="datetime64[D]").tolist()
    ends = pa.array([cutoff_of(name, time_zone) - 1 for name in names], pa.int64())
    return ends.take(found.indices)


def numbers_of(texts: pa.Array) -> pa.Array:
    """A number for each text, the same in every run; two texts share one with odds of 1 in 2^64."""
    found = pc.cast(texts, pa.string()).dictionary_encode()
    hashed = [
        int.from_bytes(
            hashlib.blake2b(text.encode(), digest_size=8).digest(), "little", signed=True
        )
        for text in found.dictionary.to_pylist()
    ]
    return pa.array(hashed, pa.int64()).take(found.indices)
