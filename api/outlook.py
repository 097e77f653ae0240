"""Levers of value and due purchases, under the names of the business's own systems."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from api.mining import Mine, Row

if TYPE_CHECKING:
    from ml.sample import Sample


def value_levers(mine: Mine) -> list[Row]:
    """What each buyer's value within the value horizon consists of, most valuable first, and what
    a tenth more of each lever adds. Who never bought has no row."""
    import numpy as np

    from ml.mining.outlook import levers_of

    model, sample = mine.value_model_and_sample()
    found = levers_of(model.habit, sample, model.horizon_days)
    gains = found.gains
    money = {
        "amount_per_purchase": found.amount,
        "value": found.value,
        "adds_frequency": gains.frequency,
        "adds_amount": gains.amount,
        "adds_lifetime": gains.lifetime,
        "adds_retention": gains.churn,
    }
    unit, digits = 10**mine.currency_exponent, mine.currency_exponent
    return [
        {
            "customer": mine.names[int(sample.customer_id[at])],
            "purchases_per_year": round(float(found.rate_per_year[at]), 3),
            "active_days": round(float(found.active_days[at]), 1),
            "gone": round(float(found.gone[at]), 6),
            **{name: round(float(column[at]) / unit, digits) for name, column in money.items()},
            "basis": model.basis,
            "horizon_days": model.horizon_days,
        }
        for at in np.lexsort((sample.customer_id, -found.value))
        if _wanted(mine, sample, at)
    ]


def due_customers(mine: Mine) -> list[Row]:
    """When each buyer is expected next: the overdue first, those with most at stake ahead, then
    the others by day. Who never bought has no row."""
    from ml.mining.outlook import due

    model, sample = mine.model_and_sample()
    found = due(model.habit, sample)
    coming = found.coming
    unit, digits = 10**mine.currency_exponent, mine.currency_exponent
    return [
        {
            "customer": mine.names[int(sample.customer_id[at])],
            "overdue": bool(coming.overdue[at]),
            "silent_days": int(found.silent_days[at]),
            "expected_on": _day(mine, coming.days[at]),
            "earliest": _day(mine, coming.early[at]),
            "latest": _day(mine, coming.late[at]),
            "chance": round(float(coming.chance[at]), 6),
            "amount": round(float(found.amount[at]) / unit, digits),
        }
        for at in found.order
        if _wanted(mine, sample, at)
    ]


def _wanted(mine: Mine, sample: Sample, row: int) -> bool:
    return mine.customer_id in (None, int(sample.customer_id[row]))


def _day(mine: Mine, days: float) -> str:
    """The date so many days after the end of the day that is looked at."""
    return (mine.day + dt.timedelta(days=1 + int(days))).isoformat()
