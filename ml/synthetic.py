"""A small invented business whose customers' departures are known, for tests and first trials.

Each customer buys at a rate of their own and leaves for good after a purchase with a probability
of their own (MBG/NBD), so that fitted models can be held against the truth.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ml.btyd import Rhythm
from ml.contracts import DAY, AttributeField
from ml.facts import TABLES, FactStoreWriter, Manifest, arrow_schema

DEPARTMENTS = ("bakery", "dairy", "produce", "household")
BRANDS = ("own", "national")
REGIONS = ("north", "south")
ATTRIBUTE_FIELDS = (
    AttributeField("region", "choice", REGIONS),
    AttributeField("floor_space", "number"),
    AttributeField("newsletter", "boolean"),
)
TRUTH = Rhythm(r=1.2, alpha=16.0, a=0.9, b=6.0)
_NOON = DAY // 2


@dataclass(frozen=True)
class Business:
    """What to invent. Customers arrive evenly over the first two thirds of the time."""

    customers: int = 300
    days: int = 300
    first_day: dt.date = dt.date(2024, 1, 1)
    with_cost: bool = False
    truth: Rhythm = TRUTH

    @property
    def start(self) -> int:
        return int(dt.datetime.combine(self.first_day, dt.time(), dt.UTC).timestamp())

    @property
    def last_day(self) -> dt.date:
        return self.first_day + dt.timedelta(days=self.days - 1)


def write_synthetic(path: Path, business: Business, seed: int = 0) -> Manifest:
    """Write the business's fact store."""
    writer = FactStoreWriter(
        path,
        epoch=1,
        watermark=1,
        base_currency="USD",
        currency_exponent=2,
        time_zone="UTC",
        attributes=ATTRIBUTE_FIELDS,
        keep=None,
    )
    for name, rows in invent(business, seed).items():
        table = TABLES[name]
        columns = arrow_schema(table.columns)
        writer.append(table, pa.Table.from_pylist(rows, schema=columns).to_batches())
    return writer.commit()


def invent(business: Business, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Plain rows of each table by its name: tests change them before they are written."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for customer in range(1, business.customers + 1):
        arrival = float(random.uniform(0, business.days * 2 / 3))
        known_at = business.start + int(arrival) * DAY
        rows["customers"].append({"customer_id": customer, "kind": "B2C", "known_at": known_at})
        rows["attributes"] += _attributes(random, customer, known_at)
        taste = float(random.lognormal(7.0, 0.5))
        for day in purchase_days(random, business.truth, arrival, business.days):
            moment = business.start + int(day) * DAY + _NOON
            order_id = len(rows["order_lines"]) + 1
            rows["order_lines"] += _order(random, business, order_id, customer, moment, taste)
            _talk(random, rows, customer, moment)
    return rows


def purchase_days(
    random: np.random.Generator, truth: Rhythm, arrival: float, end: float
) -> list[float]:
    """Moments of purchase, in days; the first one is the arrival."""
    rate = random.gamma(truth.r, 1.0 / truth.alpha)
    leaves = random.beta(truth.a, truth.b)
    found, now = [arrival], arrival
    while random.random() >= leaves:
        now += float(random.exponential(1.0 / rate))
        if now >= end:
            break
        found.append(now)
    return found


def _attributes(random: np.random.Generator, customer: int, known_at: int) -> list[dict[str, Any]]:
    said: Sequence[tuple[str, str | None, float | None]] = (
        ("region", str(random.choice(REGIONS)), None),
        ("floor_space", None, float(random.integers(40, 200))),
        ("newsletter", str(random.choice(("true", "false"))), None),
    )
    return [
        {
            "customer_id": customer,
            "name": name,
            "valid_from": known_at,
            "text_value": text,
            "number_value": number,
        }
        for name, text, number in said
    ]


def _order(
    random: np.random.Generator,
    business: Business,
    order_id: int,
    customer: int,
    moment: int,
    taste: float,
) -> list[dict[str, Any]]:
    lines = []
    for line_no in range(1, int(random.integers(1, 4)) + 1):
        product = int(random.integers(1, 40))
        price = max(50, int(random.lognormal(np.log(taste), 0.3)))
        back = random.random() < 0.02
        lines.append(
            {
                "order_id": order_id,
                "line_no": line_no,
                "customer_id": customer,
                "ordered_at": moment,
                "product_id": product,
                "department": DEPARTMENTS[product % len(DEPARTMENTS)],
                "brand": BRANDS[product % len(BRANDS)],
                "quantity_milli": -1000 if back else 1000,
                "amount_minor": -price if back else price,
                "discount_minor": price // 10 if random.random() < 0.3 else 0,
                "cost_minor": (-price if back else price) * 6 // 10 if business.with_cost else None,
            }
        )
    return lines


def _talk(
    random: np.random.Generator,
    rows: dict[str, list[dict[str, Any]]],
    customer: int,
    moment: int,
) -> None:
    if random.random() < 0.3:
        inbound = bool(random.random() < 0.5)
        rows["interactions"].append(
            {
                "interaction_id": len(rows["interactions"]) + 1,
                "customer_id": customer,
                "occurred_at": moment + 3600,
                "channel": "mail",
                "direction": "inbound" if inbound else "outbound",
                "kind": "coupon_redemption" if inbound else "campaign",
                "response_seconds": int(random.integers(600, 90_000)) if inbound else None,
            }
        )
    if random.random() < 0.1:
        rows["feedback"].append(
            {
                "feedback_id": len(rows["feedback"]) + 1,
                "customer_id": customer,
                "given_at": moment + 7200,
                "category": "product",
                "score": float(random.integers(0, 11)) / 10.0,
            }
        )
