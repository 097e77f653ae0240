"""Scores as a refresh publishes them: numbered on where they changed, and their ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager import dbapi as adbc

from api.db.arrow_columns import by_customer
from api.db.bulk import execute, fetch, merge
from api.db.consents import WITHDRAWN_SQL
from api.db.feed import JUDGED, REMEMBER
from api.db.filling import fill
from api.db.models import Prediction, PredictionHistory

PREDICTION_CONTENT = (
    "churn_probability",
    "churn_percentile",
    "risk_band",
    "clv_minor",
    "clv_low_minor",
    "clv_high_minor",
    "horizon_days",
    "clv_horizon_days",
    "expected_next_purchase_on",
    "as_of",
    "valid_until",
    "churn_reasons",
    "clv_reasons",
    "deleted",
)
"""What makes a prediction another one, beside its models; the moment and the run don't."""

HISTORY_COLUMNS = (
    "customer_id",
    "run_id",
    "churn_probability",
    "clv_minor",
    "clv_low_minor",
    "clv_high_minor",
)
LAST = "(SELECT last_revision FROM installation)"
RunSql = Callable[[str], int]


def first_scores(connection: adbc.Connection, dialect: str, predictions: pa.Table) -> int:
    """Fill the table that has none; how many there are."""
    predictions = _with_partners_view(connection, by_customer(predictions))
    last = fetch(connection, LAST.strip("()")).column(0)[0].as_py()
    revisions = pa.array(range(last + 1, last + 1 + predictions.num_rows), pa.int64())
    place = predictions.schema.get_field_index("revision")
    predictions = predictions.set_column(place, "revision", revisions)
    rows = fill(connection, dialect, Prediction, predictions)
    fill(connection, dialect, PredictionHistory, predictions.select(HISTORY_COLUMNS))
    execute(connection, f"UPDATE installation SET last_revision = last_revision + {rows}")
    return rows


def _with_partners_view(connection: adbc.Connection, predictions: pa.Table) -> pa.Table:
    """What stands beside a score for partners: the customer's number, and their consent."""
    known = fetch(
        connection,
        "SELECT c.id, c.external_id, CASE WHEN w.customer_id IS NULL THEN 1 ELSE 0 END "
        f"AS shared FROM customers c LEFT JOIN ({WITHDRAWN_SQL}) w ON w.customer_id = c.id",
    )
    places = pc.index_in(predictions["customer_id"], known["id"])
    shared = pc.cast(known["shared"].take(places), pa.bool_())
    external_ids = pc.cast(known["external_id"].take(places), pa.string())
    return predictions.append_column("external_id", external_ids).append_column("shared", shared)


def changed_scores(
    connection: adbc.Connection, dialect: str, columns: Sequence[str], models: tuple[int, int]
) -> int:
    """Number the staged rows that differ on from the feed's last revision; how many there are.

    `models` are the rows of those that predict churn and value now.
    """
    listed = ", ".join(f"s.{name}" for name in columns if name != "revision")
    previous = ", ".join(f"p.{name} AS previous_{name}" for name in (*JUDGED, "revision"))
    differs = " OR ".join(f"s.{name} IS DISTINCT FROM p.{name}" for name in PREDICTION_CONTENT)
    churn_model, clv_model = models
    execute(
        connection,
        f"CREATE TEMPORARY TABLE changed_predictions AS SELECT {listed}, {LAST} + "
        "ROW_NUMBER() OVER (ORDER BY s.customer_id) AS revision, c.external_id, "
        f"(w.customer_id IS NULL) AS shared, {previous}, "
        "(p.shared AND NOT p.deleted) AS previous_shown FROM staged_predictions s "
        "JOIN customers c ON c.id = s.customer_id "
        f"LEFT JOIN ({WITHDRAWN_SQL}) w ON w.customer_id = s.customer_id "
        "LEFT JOIN predictions p ON p.customer_id = s.customer_id "
        "LEFT JOIN refresh_runs r ON r.id = p.run_id "
        f"WHERE p.customer_id IS NULL OR r.churn_model_id <> {churn_model} "
        f"OR r.clv_model_id <> {clv_model} OR {differs}",
    )
    table = Prediction.__table__
    changed = merge(connection, dialect, "changed_predictions", table, ["customer_id"])
    history = ", ".join(HISTORY_COLUMNS)
    execute(
        connection,
        f"INSERT INTO prediction_history ({history}) SELECT {history} FROM changed_predictions",
    )
    execute(connection, _count_on("changed_predictions"))
    return changed.added + changed.changed


def bury_unscored(run_sql: RunSql, run_id: int) -> int:
    """Leave tombstones of those who are scored no longer, after all others; how many."""
    gone = (
        "SELECT customer_id FROM predictions p WHERE NOT deleted AND NOT EXISTS "
        "(SELECT 1 FROM staged_predictions s WHERE s.customer_id = p.customer_id)"
    )
    run_sql(
        f"CREATE TEMPORARY TABLE unscored AS SELECT customer_id, {LAST} + "
        f"ROW_NUMBER() OVER (ORDER BY customer_id) AS revision FROM ({gone}) g"
    )
    run_sql("CREATE UNIQUE INDEX unscored_key ON unscored (customer_id)")
    buried = run_sql(
        f"UPDATE predictions SET {REMEMBER}, deleted = TRUE, run_id = {run_id}, revision = "
        "(SELECT u.revision FROM unscored u WHERE u.customer_id = predictions.customer_id) "
        "WHERE customer_id IN (SELECT customer_id FROM unscored)"
    )
    run_sql(_count_on("unscored"))
    return buried


def _count_on(numbered: str) -> str:
    return (
        f"UPDATE installation SET last_revision = last_revision + (SELECT COUNT(*) FROM {numbered})"
    )
