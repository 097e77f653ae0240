"""What decisions read about everyone, as SQL beside the features: exact integers, one division.

An expression reads the aggregates of `ml.feature_sql` (`o` orders, `w` windows of orders, `g` gaps,
`d` departments, `b` brands, `i` interactions, `f` feedback) and those below: `y` a year's feedback,
`n` the latest intent, `r` referrals, `v` invoices, `s` cost to serve, `m` account balances. Windows
end at the cut-off; those of invoices and costs, known by day, count business days. A rating of at
most 0.4 is a complaint.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SOURCES = """
y AS (
    SELECT c.cutoff, x.customer_id,
        CAST(sum(CAST(floor(x.score * 1000000 + 0.5) AS BIGINT)) AS BIGINT) AS score,
        count(x.score) AS ratings,
        CAST(sum(CASE WHEN floor(x.score * 1000000 + 0.5) <= 400000
            THEN 1 ELSE 0 END) AS BIGINT) AS complaints,
        CAST(sum(CASE WHEN x.category = 'price' THEN 1 ELSE 0 END) AS BIGINT) AS price,
        CAST(sum(CASE WHEN x.category = 'service' THEN 1 ELSE 0 END) AS BIGINT) AS service,
        CAST(sum(CASE WHEN x.category = 'product' THEN 1 ELSE 0 END) AS BIGINT) AS product
    FROM feedback x JOIN cutoffs c
        ON x.given_at < c.cutoff AND x.given_at >= c.cutoff - 365 * 86400{x_kept}
    GROUP BY c.cutoff, x.customer_id
),
stated_intents AS (
    SELECT c.cutoff, x.customer_id, x.intent, x.expected_day,
        CAST(floor((c.cutoff - 1 - x.stated_at) / 86400) AS BIGINT) AS age,
        row_number() OVER (PARTITION BY c.cutoff, x.customer_id
            ORDER BY x.stated_at DESC, x.intent, coalesce(x.expected_day, 0)) AS place
    FROM purchase_intents x JOIN cutoffs c ON x.stated_at < c.cutoff{x_kept}
),
n AS (
    SELECT cutoff, customer_id, intent, expected_day, age FROM stated_intents WHERE place = 1
),
r AS (
    SELECT c.cutoff, x.referrer_id AS customer_id, count(*) AS referrals,
        CAST(sum(coalesce(o.net, 0)) AS BIGINT) AS net
    FROM referrals x JOIN cutoffs c ON x.referred_at < c.cutoff
    LEFT JOIN o ON o.cutoff = c.cutoff AND o.customer_id = x.referred_id
    GROUP BY c.cutoff, x.referrer_id
),
bills AS (
    SELECT c.cutoff, c.today, x.customer_id, x.issued_day, x.due_day, x.amount_minor,
        CASE WHEN x.paid_day <= c.today THEN 1 ELSE 0 END AS paid,
        CASE WHEN x.paid_day <= c.today THEN x.paid_day ELSE c.today END AS open_until
    FROM invoices x JOIN cutoffs c ON x.issued_at < c.cutoff
    WHERE x.amount_minor > 0{x_kept}
),
v AS (
    SELECT cutoff, customer_id,
        CAST(sum(CASE WHEN issued_day > today - 365 THEN 1 ELSE 0 END) AS BIGINT) AS invoices,
        CAST(sum(CASE WHEN paid = 0 AND due_day < today THEN amount_minor ELSE 0 END) AS BIGINT)
            AS overdue,
        max(CASE WHEN paid = 0 AND due_day < today THEN today - due_day ELSE 0 END)
            AS overdue_days,
        CAST(sum(CASE WHEN due_day > today - 365 AND due_day <= today
            THEN 1 ELSE 0 END) AS BIGINT) AS due,
        CAST(sum(CASE WHEN due_day > today - 365 AND due_day < open_until
            THEN 1 ELSE 0 END) AS BIGINT) AS late
    FROM bills GROUP BY cutoff, customer_id
),
s AS (
    SELECT c.cutoff, x.customer_id, CAST(sum(x.amount_minor) AS BIGINT) AS cost
    FROM service_costs x JOIN cutoffs c
        ON x.incurred_at < c.cutoff AND x.incurred_day > c.today - 365{x_kept}
    GROUP BY c.cutoff, x.customer_id
),
opening AS (
    SELECT c.cutoff, x.account_id, max(x.day) AS day
    FROM account_balances x JOIN cutoffs c ON x.known_at < c.cutoff
        AND x.day < c.month_first{accounts_kept}
    GROUP BY c.cutoff, x.account_id
),
spans AS (
    SELECT c.cutoff, c.month_first, c.month_after, x.customer_id, x.day, x.balance_minor,
        lead(x.day) OVER (PARTITION BY c.cutoff, x.account_id ORDER BY x.day) AS next_day
    FROM account_balances x JOIN cutoffs c ON x.known_at < c.cutoff
    LEFT JOIN opening p ON p.cutoff = c.cutoff AND p.account_id = x.account_id
    WHERE x.day >= coalesce(p.day, x.day){accounts_kept}
),
m AS (
    SELECT cutoff, customer_id,
        CAST(sum(CASE WHEN next_day IS NULL THEN balance_minor ELSE 0 END) AS BIGINT) AS balance,
        CAST(sum(balance_minor * greatest(least(coalesce(next_day, month_after), month_after)
            - greatest(day, month_first), 0)) AS BIGINT) AS day_sum,
        max(month_after - month_first) AS days
    FROM spans GROUP BY cutoff, customer_id
),"""
JOINED = ("o", "w", "g", "d", "b", "i", "f", "y", "n", "r", "v", "s", "m")

_PROFIT = "coalesce(w.margin_365, w.spend_365, 0) - coalesce(s.cost, 0)"


def _over(part: str, whole: str) -> str:
    return f"CAST({part} AS DOUBLE) / nullif({whole}, 0)"


EXPRESSIONS: Mapping[str, str] = MappingProxyType(
    {
        "recency_days": "CAST(o.recency AS DOUBLE)",
        "order_count": "coalesce(o.orders, 0)",
        "net_spend_minor": "coalesce(o.net, 0)",
        "net_spend_365d_minor": "coalesce(w.spend_365, 0)",
        "tenure_days": "CAST(o.tenure AS DOUBLE)",
        "mean_gap_days": _over("g.gap_sum", "g.gaps"),
        "interaction_count": "coalesce(i.contacts, 0)",
        "first_order_at": "o.first_at",
        "last_order_at": "o.last_at",
        "net_spend_month_minor": "coalesce(w.spend_month, 0)",
        "order_count_28d": "coalesce(w.orders_28, 0)",
        "order_count_84d": "coalesce(w.orders_84, 0)",
        "order_count_182d": "coalesce(w.orders_182, 0)",
        "order_count_365d": "coalesce(w.orders_365, 0)",
        "net_spend_28d_minor": "coalesce(w.spend_28, 0)",
        "net_spend_84d_minor": "coalesce(w.spend_84, 0)",
        "net_spend_182d_minor": "coalesce(w.spend_182, 0)",
        "net_spend_previous_365d_minor": "coalesce(w.spend_previous_365, 0)",
        "mean_basket_minor": _over("o.bought", "o.orders"),
        "margin_365d_minor": "w.margin_365",
        "service_cost_365d_minor": "coalesce(s.cost, 0)",
        "profit_365d_minor": _PROFIT,
        "discount_share": _over("o.discount", "o.discount + o.bought"),
        "return_share": _over("o.return_lines", "o.lines"),
        "top_brand_share": _over("b.top", "b.lines"),
        "department_count": "coalesce(d.departments, 0)",
        "interaction_count_84d": "coalesce(i.recent, 0)",
        "interaction_count_365d": "coalesce(i.contacts_365, 0)",
        "inbound_count_84d": "coalesce(i.inbound_84, 0)",
        "last_interaction_days": "CAST(i.recency AS DOUBLE)",
        "response_hours": _over("i.response_365", "i.responses_365 * 3600"),
        "satisfaction": _over("y.score", "y.ratings * 1000000"),
        "last_satisfaction": "CAST(f.last_score AS DOUBLE) / 1000000",
        "complaint_count_365d": "coalesce(y.complaints, 0) + coalesce(i.complaints_365, 0)",
        "price_feedback_count_365d": "coalesce(y.price, 0)",
        "service_feedback_count_365d": "coalesce(y.service, 0)",
        "product_feedback_count_365d": "coalesce(y.product, 0)",
        "intent": "n.intent",
        "intent_age_days": "CAST(n.age AS DOUBLE)",
        "intent_expected_on": "n.expected_day",
        "referral_count": "coalesce(r.referrals, 0)",
        "referred_net_spend_minor": "coalesce(r.net, 0)",
        "invoice_count_365d": "coalesce(v.invoices, 0)",
        "overdue_amount_minor": "coalesce(v.overdue, 0)",
        "overdue_days": "coalesce(v.overdue_days, 0)",
        "late_payment_share": _over("v.late", "v.due"),
        "balance_minor": "m.balance",
        "avg_daily_balance_month_minor": _over("m.day_sum", "m.days"),
    }
)
"""Each measure of `ml.contracts.MEASURE_COLUMNS`, in its order."""

LISTED = ",\n    ".join(f"{sql} AS {name}_measure" for name, sql in EXPRESSIONS.items())


def of_sample(column: str, permille: int) -> str:
    """Whether a customer is in a sample that is the same at each cut-off and in every run."""
    return f"({column} % 999983) * 7919 % 1000 < {permille}"
