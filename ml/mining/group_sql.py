"""Monthly statistics of each buyer: SQL of the same dialect as the features'.

A month is 28 days counted back from the cut-off; the last MONTHS of them count.
"""

from __future__ import annotations

from ml.contracts import DAY

MONTH_DAYS = 28
MONTHS = 12

MONTHS_SQL = f"""WITH lines AS (
    SELECT l.customer_id, l.order_id, l.department, l.amount_minor, l.discount_minor,
        CASE WHEN l.quantity_milli > 0 AND l.amount_minor >= 0 THEN 1 ELSE 0 END AS bought,
        CASE WHEN l.quantity_milli < 0 OR l.amount_minor < 0 THEN 1 ELSE 0 END AS back,
        CAST(floor((c.cutoff - 1 - l.ordered_at) / {MONTH_DAYS * DAY}) AS BIGINT) AS month
    FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
),
first AS (
    SELECT customer_id, max(month) AS first_month FROM lines WHERE bought = 1 GROUP BY customer_id
),
monthly AS (
    SELECT customer_id, month,
        count(DISTINCT CASE WHEN bought = 1 THEN order_id END) AS orders,
        count(DISTINCT CASE WHEN bought = 1 THEN department END) AS departments,
        CAST(sum(bought * amount_minor) AS BIGINT) AS spend,
        CAST(sum(bought * discount_minor) AS BIGINT) AS discount,
        CAST(sum(bought) AS BIGINT) AS lines, CAST(sum(back) AS BIGINT) AS back
    FROM lines WHERE month < {MONTHS} GROUP BY customer_id, month
),
talked AS (
    SELECT x.customer_id, count(*) AS contacts
    FROM interactions x JOIN cutoffs c ON x.occurred_at < c.cutoff
        AND x.occurred_at >= c.cutoff - {MONTHS * MONTH_DAYS * DAY}
    GROUP BY x.customer_id
),
total AS (
    SELECT customer_id, CAST(sum(orders) AS BIGINT) AS orders,
        CAST(sum(orders * orders) AS BIGINT) AS order_squares,
        CAST(sum(CASE WHEN month < 3 THEN orders ELSE 0 END) AS BIGINT) AS recent_orders,
        CAST(sum(CASE WHEN orders > 0 THEN 1 ELSE 0 END) AS BIGINT) AS active_months,
        CAST(sum(departments) AS BIGINT) AS departments,
        CAST(sum(spend) AS BIGINT) AS spend, CAST(sum(discount) AS BIGINT) AS discount,
        CAST(sum(lines) AS BIGINT) AS lines, CAST(sum(back) AS BIGINT) AS back
    FROM monthly GROUP BY customer_id
)
SELECT f.customer_id, CAST(least(f.first_month + 1, {MONTHS}) AS BIGINT) AS months,
    coalesce(t.orders, 0) AS orders, coalesce(t.order_squares, 0) AS order_squares,
    coalesce(t.recent_orders, 0) AS recent_orders,
    coalesce(t.active_months, 0) AS active_months, coalesce(t.departments, 0) AS departments,
    coalesce(t.spend, 0) AS spend, coalesce(t.discount, 0) AS discount,
    coalesce(t.lines, 0) AS lines, coalesce(t.back, 0) AS back,
    coalesce(x.contacts, 0) AS contacts
FROM first f LEFT JOIN total t ON t.customer_id = f.customer_id
LEFT JOIN talked x ON x.customer_id = f.customer_id
ORDER BY f.customer_id
"""
"""One row per customer who ever bought; all but `months` count the last MONTHS only."""
