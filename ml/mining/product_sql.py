"""Who bought which product, how often and how long ago: SQL of the same dialect as the features'.

Each text reads the relations `order_lines`, `customers` and a `cutoffs` of one row. A line with a
negative quantity or amount is a return: it is no purchase, and takes one back.
"""

from __future__ import annotations

from ml.contracts import DAY

_BOUGHT = "l.quantity_milli > 0 AND l.amount_minor >= 0"
_BACK = "l.quantity_milli < 0 OR l.amount_minor < 0"


def pairs_sql(lookback_days: int) -> str:
    """One row per customer and product bought within the lookback, returned ones left out.

    `visits` counts days with a purchase of the product, in all and in the last 28 and 84 days;
    `last` and `first` are days before the cut-off, 0 being the last one.
    """
    return f"""WITH days AS (
    SELECT l.customer_id, l.product_id,
        CAST(floor((c.cutoff - 1 - l.ordered_at) / 86400) AS BIGINT) AS days_ago,
        max(CASE WHEN {_BOUGHT} THEN 1 ELSE 0 END) AS bought,
        max(CASE WHEN {_BACK} THEN 1 ELSE 0 END) AS back
    FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
        AND l.ordered_at >= c.cutoff - {int(lookback_days) * DAY}
    WHERE l.product_id IS NOT NULL
    GROUP BY l.customer_id, l.product_id,
        CAST(floor((c.cutoff - 1 - l.ordered_at) / 86400) AS BIGINT)
)
SELECT customer_id, product_id, CAST(sum(bought) AS INT) AS visits,
    CAST(sum(CASE WHEN days_ago < 28 THEN bought ELSE 0 END) AS INT) AS visits_28,
    CAST(sum(CASE WHEN days_ago < 84 THEN bought ELSE 0 END) AS INT) AS visits_84,
    CAST(min(CASE WHEN bought = 1 THEN days_ago END) AS INT) AS last_days,
    CAST(max(CASE WHEN bought = 1 THEN days_ago END) AS INT) AS first_days
FROM days
GROUP BY customer_id, product_id
HAVING sum(bought) > sum(back)
ORDER BY customer_id, product_id
"""


DEPARTMENTS_SQL = """SELECT l.product_id, max(l.department) AS department
FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
WHERE l.product_id IS NOT NULL
GROUP BY l.product_id ORDER BY l.product_id
"""


def bought_next_sql(horizon_days: int) -> str:
    """What each customer bought in the window [cutoff, cutoff + horizon)."""
    return f"""SELECT DISTINCT l.customer_id, l.product_id
FROM order_lines l JOIN cutoffs c ON l.ordered_at >= c.cutoff
    AND l.ordered_at < c.cutoff + {int(horizon_days) * DAY}
WHERE l.product_id IS NOT NULL AND {_BOUGHT}
ORDER BY l.customer_id, l.product_id
"""


KNOWN_SQL = """SELECT DISTINCT customer_id FROM (
    SELECT x.customer_id FROM customers x JOIN cutoffs c ON x.known_at < c.cutoff
    UNION ALL
    SELECT l.customer_id FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
) everyone ORDER BY customer_id
"""
"""Everyone known at the cut-off, buyers or not."""
