"""What happened after a cut-off: the SQL of labels, of the same dialect as the features'.

A label window is [cutoff, cutoff + horizon): the first second counts, the last one doesn't.
"""

from __future__ import annotations

from ml.contracts import DAY


def labels_sql(horizon_days: int) -> str:
    """Purchases and exact money in the window, for each cut-off and customer who had any line.

    `costed_minor` is the part of `net_minor` whose cost is known.
    """
    end = f"c.cutoff + {int(horizon_days) * DAY}"
    return f"""SELECT c.cutoff, l.customer_id,
    max(CASE WHEN l.quantity_milli > 0 AND l.amount_minor >= 0 THEN 1 ELSE 0 END) AS purchased,
    CAST(sum(l.amount_minor) AS BIGINT) AS net_minor,
    CAST(sum(CASE WHEN l.cost_minor IS NOT NULL THEN l.amount_minor ELSE 0 END) AS BIGINT)
        AS costed_minor,
    CAST(sum(coalesce(l.cost_minor, 0)) AS BIGINT) AS cost_minor
FROM order_lines l JOIN cutoffs c ON l.ordered_at >= c.cutoff AND l.ordered_at < {end}
GROUP BY c.cutoff, l.customer_id
"""


SPAN_SQL = """SELECT min(l.ordered_at) AS first_at, max(l.ordered_at) AS last_at,
    count(DISTINCT l.customer_id) AS buyers, count(*) AS lines,
    CAST(sum(l.amount_minor) AS BIGINT) AS amount_minor,
    CAST(sum(CASE WHEN l.cost_minor IS NOT NULL THEN l.amount_minor ELSE 0 END) AS BIGINT)
        AS costed_minor,
    CAST(sum(coalesce(l.cost_minor, 0)) AS BIGINT) AS cost_minor
FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
WHERE l.quantity_milli > 0 AND l.amount_minor >= 0
"""
"""The purchases known at the one cut-off: their span, how many, and how much cost is known."""
