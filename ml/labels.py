"""What happened after a cut-off, and what could be known of the business at one: SQL of the same
dialect as the features'.

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


MARGIN_SQL = """SELECT c.cutoff, CAST(sum(l.amount_minor) AS BIGINT) AS costed_minor,
    CAST(sum(l.cost_minor) AS BIGINT) AS cost_minor
FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
WHERE l.quantity_milli > 0 AND l.amount_minor >= 0 AND l.cost_minor IS NOT NULL
GROUP BY c.cutoff
"""
"""What had been sold at a known cost by each cut-off."""


def choices_sql(most: int) -> str:
    """The attributes stated before the one cut-off, with each text value that they had by then.

    An attribute with more than `most` different texts is left out.
    """
    known = "FROM attributes x JOIN cutoffs c ON x.valid_from < c.cutoff"
    return f"""SELECT x.name, x.text_value {known}
WHERE x.name IN (SELECT x.name {known}
    GROUP BY x.name HAVING count(DISTINCT x.text_value) <= {int(most)})
GROUP BY x.name, x.text_value
"""
