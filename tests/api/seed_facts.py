"""What is known about the seeded customers beside decisions: attributes, orders, contacts."""

from __future__ import annotations

import datetime as dt
from typing import Any

NOW = dt.datetime(2026, 4, 1, 6, 0, tzinfo=dt.UTC)
BATCH = 1


def ago(days: float) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


def external_id(number: int) -> str:
    return f"C{number:05d}"


def attribute_definitions() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value_type": kind,
            "sensitive": name == "income",
            "label_en": name,
            "label_zh": zh,
        }
        for name, kind, zh in (
            ("income", "text", "收入"),
            ("household_size", "number", "家庭人数"),
            ("owner", "boolean", "房主"),
        )
    ]


def attributes(number: int) -> list[dict[str, Any]]:
    """`income` has an older value that no longer counts."""
    rows: list[tuple[str, float, str | None, float | None]] = [
        ("income", 200, "old", None),
        ("income", 100, ("low", "high")[number % 2], None),
        ("household_size", 100, None, float(number % 4 + 1)),
        ("owner", 100, None, float(number % 2)),
    ]
    return [
        {
            "customer_id": number,
            "name": name,
            "valid_from": ago(days),
            "text_value": text,
            "number_value": value,
            "batch_id": BATCH,
        }
        for name, days, text, value in rows
    ]


def orders(number: int) -> list[dict[str, Any]]:
    """Two of the orders of a customer have the same moment."""
    return [
        {
            "id": number * 10 + place,
            "external_id": f"O{number}-{place}",
            "customer_id": number,
            "ordered_at": ago(10 + place // 2 * 30),
            "batch_id": BATCH,
        }
        for place in range(number % 6)
    ]


def lines(number: int) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order["id"],
            "line_no": place,
            "product_id": 1 if place else None,
            "quantity_milli": 1_500,
            "amount_minor": 1_010 * (place + 1),
            "discount_minor": 5,
            "batch_id": BATCH,
        }
        for order in orders(number)
        for place in range(2)
    ]


def interactions(number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": number * 10 + place,
            "external_id": f"I{number}-{place}",
            "customer_id": number,
            "occurred_at": ago(5 + place),
            "channel": "mail",
            "direction": "outbound",
            "kind": "campaign",
            "batch_id": BATCH,
        }
        for place in range(number % 3)
    ]
