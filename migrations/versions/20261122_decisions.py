"""what a tier decision was made of, what it is now, and the past to try policies on"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATE = (
    "watch_since",
    "watch_until",
    "evaluated_on",
    "state_on",
    "watch_before",
    "evaluated_before",
)
OPEN_AND_NEAR = "ended_on IS NULL AND gap_share IS NOT NULL"


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    json = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    with op.batch_alter_table("tier_assignments") as batch:
        batch.alter_column("tier_key", existing_type=sa.String(length=40), nullable=True)
        batch.add_column(sa.Column("margin_to_lower", json, nullable=True))
        batch.add_column(sa.Column("now", json, nullable=True))
        batch.add_column(sa.Column("next_tier_key", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("gap_share", sa.Float(precision=53), nullable=True))
        for name in STATE:
            batch.add_column(sa.Column(name, sa.Date(), nullable=True))
    op.create_index(
        "ix_tier_assignments_nearest",
        "tier_assignments",
        ["next_tier_key", "gap_share", "customer_id"],
        sqlite_where=sa.text(OPEN_AND_NEAR),
        postgresql_where=sa.text(OPEN_AND_NEAR),
    )
    op.create_table(
        "replay_months",
        sa.Column("month_end", sa.Date(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("fields", json, nullable=False),
        sa.PrimaryKeyConstraint("month_end", name=op.f("pk_replay_months")),
    )
    op.create_table(
        "replay_inputs",
        sa.Column("month_end", sa.Date(), nullable=False),
        sa.Column("customer_id", big, nullable=False, autoincrement=False),
        sa.Column("inputs", json, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_replay_inputs_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["month_end"],
            ["replay_months.month_end"],
            name=op.f("fk_replay_inputs_month_end"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("month_end", "customer_id", name=op.f("pk_replay_inputs")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_replay_inputs_customer_id"), "replay_inputs", ["customer_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_replay_inputs_customer_id"), table_name="replay_inputs")
    op.drop_table("replay_inputs")
    op.drop_table("replay_months")
    op.drop_index("ix_tier_assignments_nearest", table_name="tier_assignments")
    op.execute("DELETE FROM tier_assignments WHERE tier_key IS NULL")
    with op.batch_alter_table("tier_assignments") as batch:
        for name in ("margin_to_lower", "now", "next_tier_key", "gap_share", *STATE):
            batch.drop_column(name)
        batch.alter_column("tier_key", existing_type=sa.String(length=40), nullable=False)
