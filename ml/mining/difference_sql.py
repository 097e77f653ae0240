"""Who bought what in two groups, and what was bought at once: SQL of the features' dialect.

Beside the facts it reads `cutoffs` of one row and `members(customer_id, inside)`, where inside is
1 or 0. A customer counts once for each value, however often it was bought.
"""

from __future__ import annotations

from typing import Literal

from ml.contracts import DAY

What = Literal["department", "brand", "product"]
_COLUMN = {"department": "department", "brand": "brand", "product": "product_id"}


def _bought(what: What, lookback_days: int) -> str:
    column = _COLUMN[what]
    return f"""SELECT DISTINCT m.inside, l.customer_id, l.order_id,
        CAST(l.{column} AS {"BIGINT" if what == "product" else "STRING"}) AS value
    FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
        AND l.ordered_at >= c.cutoff - {int(lookback_days) * DAY}
    JOIN members m ON m.customer_id = l.customer_id
    WHERE l.{column} IS NOT NULL AND l.quantity_milli > 0 AND l.amount_minor >= 0"""


def buyers_sql(what: What, lookback_days: int) -> str:
    """How many members inside and outside bought each value."""
    return f"""WITH bought AS (
    {_bought(what, lookback_days)}
)
SELECT value,
    count(DISTINCT CASE WHEN inside = 1 THEN customer_id END) AS inside,
    count(DISTINCT CASE WHEN inside = 0 THEN customer_id END) AS outside
FROM bought GROUP BY value ORDER BY value
"""


def orders_sql(what: What, lookback_days: int, most_values: int) -> str:
    """Orders of the members inside, a row per value, of their most frequent values only."""
    return f"""WITH bought AS (
    {_bought(what, lookback_days)}
),
most AS (
    SELECT value FROM bought WHERE inside = 1
    GROUP BY value ORDER BY count(*) DESC, value LIMIT {int(most_values)}
)
SELECT order_id, value FROM bought
WHERE inside = 1 AND value IN (SELECT value FROM most) ORDER BY order_id, value
"""
