"""What mining found about the seeded customers: every fourth has none of it."""

from __future__ import annotations

from typing import Any

from tests.api.seed_facts import ago

RUN = 1_000
GROUPS = {
    "format": 1,
    "names": {
        "g1": {"en": "Frequent, large baskets", "zh": "购买频繁、单次金额高", "customers": 12},
        "g2": {"en": "Rare", "zh": "购买稀少", "customers": 7},
    },
}
PRODUCTS = [
    {
        "product_id": 1,
        "probability": 0.61,
        "code": "bought_every",
        "params": {"every_days": 9, "last_days": 11},
    },
    {
        "product_id": 2,
        "probability": 0.2,
        "code": "bought_together",
        "params": {"product_id": 1},
    },
    {"product_id": 404, "probability": 0.1, "code": "popular", "params": {"share": 0.3}},
]
"""The last product is not there any more."""
CHANNELS = [
    {"channel": "phone", "score": 0.7, "code": "comes_by", "params": {"inbound": 3, "contacts": 4}},
    {"channel": "mail", "score": 0.3, "code": "usual", "params": {}},
]
HINTS = [{"actions": ["contact", "good_rating"], "before": 0.7, "after": 0.5}]


def run() -> dict[str, Any]:
    return {"id": RUN, "as_of": ago(1).date(), "published_at": ago(0.1), "groups": GROUPS}


def findings(number: int) -> list[dict[str, Any]]:
    if number % 4 == 0:
        return []
    return [
        {
            "customer_id": number,
            "group_key": (None, "g1", "asleep", "g2")[number % 4],
            "products": PRODUCTS,
            "channels": CHANNELS,
            "hints": HINTS if number % 2 else [],
            "run_id": RUN,
        }
    ]
