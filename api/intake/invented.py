"""An invented business for those who build against the API: the same on every machine.

Nobody in it exists: customers are called by their numbers, mail goes to a domain that is reserved
for examples, and telephone numbers are from the range that is reserved for fiction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from ml.synthetic import BRANDS, DEPARTMENTS, REGIONS, Business, invent

BUSINESS = Business(customers=400, days=730, first_day=dt.date(2024, 1, 1), with_cost=True)
AS_OF = BUSINESS.last_day
SEED = 20_240_101
PRODUCTS = 40
FICTION = "+4420794{:05d}"
"""London numbers from 7946 0000 to 7946 0999 are given to nobody."""
OWNERS = ("team-east", "team-west")
EPOCH = dt.datetime(1970, 1, 1)


def invented_tables(exponent: int) -> Iterator[tuple[str, pa.Table]]:
    """Kinds of facts with their rows, in the order to import them; amounts in major units."""
    rows = invent(BUSINESS, SEED)
    yield "products", _products()
    yield "customers", _customers(rows)
    yield "order_lines", _order_lines(rows["order_lines"], exponent)
    yield "interactions", _interactions(rows["interactions"])
    yield "feedback", _feedback(rows["feedback"])
    yield "consents", _consents(rows["customers"])


def _name(customer: int) -> str:
    return f"T{customer:05d}"


def _moment(seconds: int) -> dt.datetime:
    return EPOCH + dt.timedelta(seconds=seconds)


def _products() -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "product_id": f"P{number:03d}",
                "name": f"Product {number}",
                "department": DEPARTMENTS[number % len(DEPARTMENTS)],
                "brand": BRANDS[number % len(BRANDS)],
            }
            for number in range(1, PRODUCTS)
        ]
    )


def _customers(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> pa.Table:
    said: dict[int, dict[str, str]] = {}
    for row in rows["attributes"]:
        value = row["text_value"]
        text = f"{row['number_value']:g}" if value is None else value
        said.setdefault(row["customer_id"], {})[f"attributes.{row['name']}"] = text
    return pa.Table.from_pylist(
        [_customer(row["customer_id"], row["known_at"]) | said[row["customer_id"]]
         for row in rows["customers"]]
    )  # fmt: skip


def _customer(number: int, known_at: int) -> dict[str, Any]:
    return {
        "customer_id": _name(number),
        "known_at": _moment(known_at),
        "name": f"Customer {number:05d}",
        "email": f"customer.{number:05d}@example.com",
        "phone": FICTION.format(60_000 + number),
        "owner": OWNERS[number % len(OWNERS)],
        "region": REGIONS[number % len(REGIONS)],
    }


def _order_lines(rows: Sequence[Mapping[str, Any]], exponent: int) -> pa.Table:
    def major(minor: int) -> str:
        return str(Decimal(minor).scaleb(-exponent))

    return pa.Table.from_pylist(
        [
            {
                "order_id": f"O{row['order_id']:06d}",
                "line_no": row["line_no"],
                "customer_id": _name(row["customer_id"]),
                "ordered_at": _moment(row["ordered_at"]),
                "product_id": f"P{row['product_id']:03d}",
                "quantity": str(row["quantity_milli"] // 1000),
                "amount": major(row["amount_minor"]),
                "discount": major(row["discount_minor"]),
                "cost": major(row["cost_minor"]),
                "channel": "store",
            }
            for row in rows
        ]
    )


def _interactions(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    same = ("channel", "direction", "kind", "response_seconds")
    return pa.Table.from_pylist(
        [
            {
                "interaction_id": f"I{row['interaction_id']:06d}",
                "customer_id": _name(row["customer_id"]),
                "occurred_at": _moment(row["occurred_at"]),
            }
            | {name: row[name] for name in same}
            for row in rows
        ]
    )


def _feedback(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "feedback_id": f"F{row['feedback_id']:06d}",
                "customer_id": _name(row["customer_id"]),
                "given_at": _moment(row["given_at"]),
                "category": row["category"],
                "score": row["score"],
            }
            for row in rows
        ]
    )


def _consents(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Two of three permit marketing by mail, so both answers can be met."""
    return pa.Table.from_pylist(
        [
            {
                "customer_id": _name(row["customer_id"]),
                "purpose": "marketing",
                "channel": "email",
                "recorded_at": _moment(row["known_at"]),
                "granted": str(row["customer_id"] % 3 != 0).lower(),
                "proof": "invented",
            }
            for row in rows
        ]
    )
