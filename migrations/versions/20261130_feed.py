"""what the score feed remembers of each score, and up to where its tombstones are gone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ENDED = sa.text("deleted OR NOT shared")
# Withheld are those whose latest word on a purpose and channel is a withdrawal; their scores moved
# when they said it.
FILLED = """UPDATE predictions SET
external_id = (SELECT c.external_id FROM customers c WHERE c.id = predictions.customer_id),
shared = customer_id NOT IN (SELECT w.customer_id FROM consents w
    WHERE w.purpose IN ('partner_sharing', 'profiling') AND NOT w.granted AND NOT EXISTS (
        SELECT 1 FROM consents n WHERE n.customer_id = w.customer_id AND n.purpose = w.purpose
        AND n.channel = w.channel AND n.recorded_at > w.recorded_at))"""


def upgrade() -> None:
    op.add_column(
        "installation", sa.Column("feed_floor", BIG_ID, nullable=False, server_default="0")
    )
    added = (
        sa.Column("external_id", sa.String(length=200), nullable=False, server_default=""),
        sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("previous_revision", BIG_ID, nullable=True),
        sa.Column("previous_churn_probability", sa.Float(precision=53), nullable=True),
        sa.Column("previous_churn_percentile", sa.Float(precision=53), nullable=True),
        sa.Column("previous_risk_band", sa.String(length=10), nullable=True),
        sa.Column("previous_clv_minor", sa.BigInteger(), nullable=True),
        sa.Column("previous_shown", sa.Boolean(), nullable=True),
    )
    for column in added:
        op.add_column("predictions", column)
    op.execute(FILLED)
    with op.batch_alter_table("predictions") as batch:
        batch.alter_column("external_id", server_default=None)
    op.create_index(
        "ix_predictions_ended",
        "predictions",
        ["revision"],
        postgresql_where=ENDED,
        sqlite_where=ENDED,
    )


def downgrade() -> None:
    op.drop_index("ix_predictions_ended", table_name="predictions")
    with op.batch_alter_table("predictions") as batch:
        for name in (
            "previous_shown",
            "previous_clv_minor",
            "previous_risk_band",
            "previous_churn_percentile",
            "previous_churn_probability",
            "previous_revision",
            "shared",
            "external_id",
        ):
            batch.drop_column(name)
    with op.batch_alter_table("installation") as batch:
        batch.drop_column("feed_floor")
