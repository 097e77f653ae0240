"""One SQL text for the declared features: it runs verbatim on DuckDB and on Spark SQL.

It reads relations named after the fact tables and one more, `cutoffs`, and answers one row per
cut-off and customer known at it. Every source is filtered below the cut-off. A
purchase is an order with at least one line of positive quantity and non-negative amount;
a line with a negative quantity or amount is a return: it lowers net spend at its own moment and
is no purchase. Days are counted back from the cut-off, 0 being the last business day before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ml import measures
from ml.feature_catalogue import FEATURES, WINDOWS_DAYS
from ml.measures import of_sample

_SOURCES = """
order_totals AS (
    SELECT customer_id, order_id, min(ordered_at) AS ordered_at,
        CAST(sum(amount_minor) AS BIGINT) AS amount,
        CAST(sum(CASE WHEN quantity_milli >= 0 AND amount_minor >= 0
            THEN amount_minor ELSE 0 END) AS BIGINT) AS bought,
        CAST(sum(CASE WHEN quantity_milli >= 0 AND amount_minor >= 0
            THEN discount_minor ELSE 0 END) AS BIGINT) AS discount,
        CAST(sum(cost_minor) AS BIGINT) AS cost,
        CAST(sum(CASE WHEN cost_minor IS NOT NULL THEN amount_minor END) AS BIGINT) AS costed,
        CAST(sum(CASE WHEN quantity_milli > 0 AND amount_minor >= 0
            THEN 1 ELSE 0 END) AS BIGINT) AS lines,
        CAST(sum(CASE WHEN quantity_milli < 0 OR amount_minor < 0
            THEN 1 ELSE 0 END) AS BIGINT) AS return_lines
    FROM order_lines
    WHERE ordered_at < (SELECT max(cutoff) FROM cutoffs){orders_kept}
    GROUP BY customer_id, order_id
),
dated AS (
    SELECT c.cutoff, c.month_begins, t.*, CASE WHEN t.lines > 0 THEN 1 ELSE 0 END AS purchase,
        CAST(floor((c.cutoff - 1 - t.ordered_at) / 86400) AS BIGINT) AS days_ago
    FROM order_totals t JOIN cutoffs c ON t.ordered_at < c.cutoff
),"""

_GAPS = """
visits AS (
    SELECT DISTINCT cutoff, customer_id, days_ago FROM dated WHERE purchase = 1
),
steps AS (
    SELECT cutoff, customer_id, days_ago,
        lag(days_ago) OVER (PARTITION BY cutoff, customer_id ORDER BY days_ago DESC) - days_ago
            AS gap,
        row_number() OVER (PARTITION BY cutoff, customer_id ORDER BY days_ago) AS place
    FROM visits
),
g AS (
    SELECT cutoff, customer_id, count(*) AS visits, count(gap) AS gaps,
        CAST(sum(gap) AS BIGINT) AS gap_sum, CAST(sum(gap * gap) AS BIGINT) AS gap_square_sum,
        max(gap) AS gap_max, max(CASE WHEN place = 1 THEN gap END) AS gap_last
    FROM steps GROUP BY cutoff, customer_id
),"""

_MIX = """
bought AS (
    SELECT c.cutoff, l.customer_id, l.product_id, l.department, l.brand, count(*) AS lines,
        max(CASE WHEN l.ordered_at >= c.cutoff - 84 * 86400 THEN 1 ELSE 0 END) AS recent
    FROM order_lines l JOIN cutoffs c ON l.ordered_at < c.cutoff
    WHERE l.quantity_milli > 0 AND l.amount_minor >= 0{lines_kept}
    GROUP BY c.cutoff, l.customer_id, l.product_id, l.department, l.brand
),
p AS (
    SELECT cutoff, customer_id, CAST(sum(lines) AS BIGINT) AS lines,
        count(DISTINCT product_id) AS products
    FROM bought WHERE product_id IS NOT NULL GROUP BY cutoff, customer_id
),
by_department AS (
    SELECT cutoff, customer_id, department, CAST(sum(lines) AS BIGINT) AS lines,
        max(recent) AS recent
    FROM bought WHERE department IS NOT NULL GROUP BY cutoff, customer_id, department
),
d AS (
    SELECT cutoff, customer_id, count(*) AS departments,
        CAST(sum(recent) AS BIGINT) AS departments_84,
        max(lines) AS top, CAST(sum(lines) AS BIGINT) AS lines
    FROM by_department GROUP BY cutoff, customer_id
),
by_brand AS (
    SELECT cutoff, customer_id, brand, CAST(sum(lines) AS BIGINT) AS lines
    FROM bought WHERE brand IS NOT NULL GROUP BY cutoff, customer_id, brand
),
b AS (
    SELECT cutoff, customer_id, count(*) AS brands, max(lines) AS top,
        CAST(sum(lines) AS BIGINT) AS lines
    FROM by_brand GROUP BY cutoff, customer_id
),"""

_CONTACT = """
i AS (
    SELECT c.cutoff, x.customer_id, count(*) AS contacts,
        CAST(sum(CASE WHEN x.direction = 'inbound' THEN 1 ELSE 0 END) AS BIGINT) AS inbound,
        CAST(sum(CASE WHEN x.direction = 'outbound' THEN 1 ELSE 0 END) AS BIGINT) AS outbound,
        CAST(sum(CASE WHEN x.kind = 'coupon_redemption' THEN 1 ELSE 0 END) AS BIGINT)
            AS redemptions,
        CAST(sum(CASE WHEN x.occurred_at >= c.cutoff - 84 * 86400
            THEN 1 ELSE 0 END) AS BIGINT) AS recent,
        CAST(floor((max(c.cutoff) - 1 - max(x.occurred_at)) / 86400) AS BIGINT) AS recency,
        CAST(sum(x.response_seconds) AS BIGINT) AS response,
        count(x.response_seconds) AS responses,
        CAST(sum(CASE WHEN x.direction = 'inbound' AND x.occurred_at >= c.cutoff - 84 * 86400
            THEN 1 ELSE 0 END) AS BIGINT) AS inbound_84,
        CAST(sum(CASE WHEN x.occurred_at >= c.cutoff - 365 * 86400
            THEN 1 ELSE 0 END) AS BIGINT) AS contacts_365,
        CAST(sum(CASE WHEN x.kind = 'complaint' AND x.occurred_at >= c.cutoff - 365 * 86400
            THEN 1 ELSE 0 END) AS BIGINT) AS complaints_365,
        CAST(sum(CASE WHEN x.occurred_at >= c.cutoff - 365 * 86400
            THEN x.response_seconds END) AS BIGINT) AS response_365,
        count(CASE WHEN x.occurred_at >= c.cutoff - 365 * 86400
            THEN x.response_seconds END) AS responses_365
    FROM interactions x JOIN cutoffs c ON x.occurred_at < c.cutoff{x_kept}
    GROUP BY c.cutoff, x.customer_id
),
rated AS (
    SELECT c.cutoff, x.customer_id, CAST(floor(x.score * 1000000 + 0.5) AS BIGINT) AS score,
        row_number() OVER (PARTITION BY c.cutoff, x.customer_id
            ORDER BY x.given_at DESC, x.feedback_id DESC) AS place
    FROM feedback x JOIN cutoffs c ON x.given_at < c.cutoff
    WHERE x.score IS NOT NULL{x_kept}
),
f AS (
    SELECT cutoff, customer_id, count(*) AS ratings, CAST(sum(score) AS BIGINT) AS score,
        max(CASE WHEN place = 1 THEN score END) AS last_score
    FROM rated GROUP BY cutoff, customer_id
),"""

_KNOWN = """
k AS (
    SELECT c.cutoff, x.customer_id FROM customers x JOIN cutoffs c ON x.known_at < c.cutoff{kept}
    UNION
    SELECT cutoff, customer_id FROM dated WHERE 1 = 1{kept}
)"""


def _orders() -> str:
    """Totals over all time, per cut-off and customer; null days where nothing was bought."""
    return """
o AS (
    SELECT cutoff, customer_id, CAST(sum(purchase) AS BIGINT) AS orders,
        min(CASE WHEN purchase = 1 THEN days_ago END) AS recency,
        max(CASE WHEN purchase = 1 THEN days_ago END) AS tenure,
        min(CASE WHEN purchase = 1 THEN ordered_at END) AS first_at,
        max(CASE WHEN purchase = 1 THEN ordered_at END) AS last_at,
        CAST(sum(amount) AS BIGINT) AS net, CAST(sum(bought) AS BIGINT) AS bought,
        CAST(sum(discount) AS BIGINT) AS discount, CAST(sum(lines) AS BIGINT) AS lines,
        CAST(sum(return_lines) AS BIGINT) AS return_lines,
        CAST(sum(CASE WHEN purchase = 1 AND discount > 0 THEN 1 ELSE 0 END) AS BIGINT)
            AS discounted_orders,
        CAST(sum(cost) AS BIGINT) AS cost, CAST(sum(costed) AS BIGINT) AS costed_amount,
        max(CASE WHEN purchase = 1 THEN bought END) AS largest
    FROM dated GROUP BY cutoff, customer_id
),"""


def _windows() -> str:
    def total(what: str, days: int) -> str:
        return f"CAST(sum(CASE WHEN days_ago < {days} THEN {what} ELSE 0 END) AS BIGINT)"

    columns = [
        f"{total(what, days)} AS {name}_{days}"
        for days in WINDOWS_DAYS
        for name, what in (("orders", "purchase"), ("spend", "amount"))
    ]
    columns += [f"{total(what, 84)} AS {what}_84" for what in ("bought", "discount")]
    columns += [
        "CAST(sum(CASE WHEN days_ago >= 365 AND days_ago < 730 THEN amount ELSE 0 END) AS BIGINT) "
        "AS spend_previous_365",
        "CAST(sum(CASE WHEN ordered_at >= month_begins THEN amount ELSE 0 END) AS BIGINT) "
        "AS spend_month",
        "CAST(sum(CASE WHEN days_ago < 365 THEN costed - cost END) AS BIGINT) AS margin_365",
    ]
    listed = ",\n        ".join(columns)
    return f"""
w AS (
    SELECT cutoff, customer_id,
        {listed}
    FROM dated GROUP BY cutoff, customer_id
),"""


def literal(text: str) -> str:
    """A string literal that means the same to both engines; they disagree about \\ and ''."""
    parts, plain = [], ""
    for character in text:
        if character in "'\\":
            parts += [f"'{plain}'"] * bool(plain) + [f"chr({ord(character)})"]
            plain = ""
        else:
            plain += character
    parts += [f"'{plain}'"] * bool(plain or not parts)
    return parts[0] if len(parts) == 1 else f"concat({', '.join(parts)})"


def _attributes(columns: Iterable[tuple[str, str]]) -> str:
    listed = "".join(f",\n        max({value}) AS {alias}" for alias, value in columns)
    return f"""
stated AS (
    SELECT c.cutoff, x.customer_id, x.name, x.text_value, x.number_value,
        row_number() OVER (PARTITION BY c.cutoff, x.customer_id, x.name
            ORDER BY x.valid_from DESC) AS place
    FROM attributes x JOIN cutoffs c ON x.valid_from < c.cutoff
),
a AS (
    SELECT cutoff, customer_id{listed}
    FROM stated WHERE place = 1 GROUP BY cutoff, customer_id
),"""


def compose(attribute_columns: list[tuple[str, str]], *, with_measures: bool) -> str:
    """Features and, if wanted, measures; each attribute column is an alias and an expression over
    `stated`."""
    sources = [_SOURCES, _orders(), _windows(), _GAPS, _MIX, _CONTACT]
    columns = ["coalesce(g.visits, 0) AS visits"]
    joined = ["o", "w", "g", "d", "b", "p", "i", "f"]
    if with_measures:
        sources.append(measures.SOURCES)
        columns.append(measures.LISTED)
        joined += [name for name in measures.JOINED if name not in joined]
    columns += [f"CAST({feature.sql} AS FLOAT) AS {name}" for name, feature in FEATURES.items()]
    if attribute_columns:
        sources.append(_attributes(attribute_columns))
        columns += [f"CAST(a.{alias} AS FLOAT) AS {alias}" for alias, _ in attribute_columns]
        joined.append("a")
    return _filled(_query(sources, columns, joined), None)


def compose_measures(permille: int | None) -> str:
    """Measures alone, of everyone or of a sample of so many in a thousand customers."""
    sources = [_SOURCES, _orders(), _windows(), _GAPS, _MIX, _CONTACT, measures.SOURCES]
    return _filled(_query(sources, [measures.LISTED], measures.JOINED), permille)


def _query(sources: Iterable[str], columns: Iterable[str], joined: Iterable[str]) -> str:
    joins = "\n".join(
        f"LEFT JOIN {name} ON {name}.cutoff = k.cutoff AND {name}.customer_id = k.customer_id"
        for name in joined
    )
    listed = ",\n    ".join(columns)
    return f"""WITH{"".join(sources)}{_KNOWN}
SELECT k.cutoff, k.customer_id,
    {listed}
FROM k
{joins}
ORDER BY k.cutoff, k.customer_id
"""


def _filled(sql: str, permille: int | None) -> str:
    """The places where a sample is taken; more than its own is needed of whom it referred, and of
    accounts that moved."""
    places = dict.fromkeys(("orders_kept", "lines_kept", "x_kept", "accounts_kept", "kept"), "")
    if permille is not None:
        chosen, referrer = (of_sample(each, permille) for each in ("customer_id", "referrer_id"))
        referred = f"SELECT referred_id FROM referrals WHERE {referrer}"
        accounts = f"SELECT account_id FROM account_balances WHERE {chosen}"
        places = {
            "orders_kept": f" AND ({chosen} OR customer_id IN ({referred}))",
            "lines_kept": f" AND {of_sample('l.customer_id', permille)}",
            "x_kept": f" AND {of_sample('x.customer_id', permille)}",
            "accounts_kept": f" AND x.account_id IN ({accounts})",
            "kept": f" AND {chosen}",
        }
    for place, condition in places.items():
        sql = sql.replace(f"{{{place}}}", condition)
    return sql
