"""Invented purchase logs and labelled tables, as files that people might have."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ml.synthetic import Business, invent

BUSINESS = Business(customers=300, days=240)
FEW = Business(customers=120, days=240)
LAST_DAY = BUSINESS.last_day.isoformat()
Row = Sequence[object]


def purchases(business: Business = BUSINESS, seed: int = 1) -> list[tuple[str, str, float]]:
    """Customer with leading zeros, day, amount: a row for each line."""
    return [
        (
            f"{line['customer_id']:05}",
            datetime.fromtimestamp(line["ordered_at"], UTC).strftime("%Y-%m-%d"),
            line["amount_minor"] / 100,
        )
        for line in invent(business, seed)["order_lines"]
    ]


def write_csv(
    path: Path, rows: Iterable[Row], names: Sequence[str] = ("who", "day", "paid")
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
    return path


def labelled(rows: int = 240, seed: int = 3) -> list[tuple[str, int, str, str, str]]:
    """Id, months, plan, gender, left: who is new and without a plan leaves more often."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(rows):
        months, plan = int(random.integers(1, 60)), str(random.choice(["none", "gold"]))
        risk = 0.6 * (months < 20) + 0.3 * (plan == "none")
        left = "yes" if random.random() < risk else "no"
        found.append((f"c-{number:04}", months, plan, str(random.choice(["f", "m"])), left))
    return found


TABLE_NAMES = ("customer_id", "months", "plan", "gender", "left")
