"""What an invented business knows of its customers beside orders: bills, accounts, intents."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.contracts import DAY
from ml.synthetic import Business

INTENTS = ("interested", "hesitating", "not_now", "refused")


def dealings(business: Business, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Rows of invoices, costs, balances, intents and referrals, at random days of the business."""
    random = np.random.default_rng(seed)
    first = business.start // DAY
    count = 3 * business.customers
    customers = random.integers(1, business.customers + 1, count).tolist()
    days = (first + random.integers(0, business.days, count)).tolist()
    amounts = random.integers(1, 90_000, count).tolist()
    pairs = [
        (number, customer, day, amount)
        for number, (customer, day, amount) in enumerate(
            zip(customers, days, amounts, strict=True), start=1
        )
    ]
    paid = [None if each > 60 else each for each in random.integers(0, 90, count).tolist()]
    return {
        "invoices": [
            {"invoice_id": n, "customer_id": customer, "issued_at": end_of(day), "issued_day": day}
            | {"due_day": day + 30, "amount_minor": amount}
            | {"paid_day": None if paid[n - 1] is None else day + paid[n - 1]}
            for n, customer, day, amount in pairs
        ],
        "service_costs": [
            {"customer_id": customer, "incurred_at": end_of(day), "incurred_day": day}
            | {"activity": f"call {n}", "amount_minor": amount}
            for n, customer, day, amount in pairs
        ],
        "account_balances": [
            {"account_id": n // 5, "customer_id": (n // 5 + n % 3) % business.customers + 1}
            | {"known_at": end_of(first + n % 5 * 60), "day": first + n % 5 * 60}
            | {"balance_minor": amount}
            for n, _, _, amount in pairs
        ],
        **_said(business, pairs),
    }


def _said(
    business: Business, pairs: list[tuple[int, int, int, int]]
) -> dict[str, list[dict[str, Any]]]:
    first = business.start // DAY
    return {
        "purchase_intents": [
            {"customer_id": customer, "stated_at": end_of(day) - n, "expected_day": day + n % 50}
            | {"intent": INTENTS[n % 4]}
            for n, customer, day, _ in pairs
        ],
        "referrals": [
            {"referrer_id": customer, "referred_id": customer % business.customers + 1}
            | {"referred_at": first * DAY + customer * DAY // 2}
            for customer in range(1, business.customers + 1)
        ],
    }


def end_of(day: int) -> int:
    """The last second of a day in UTC."""
    return (day + 1) * DAY - 1
