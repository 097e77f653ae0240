"""families of segments and why they were left, actions, cases and resource plans"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("segments", sa.Column("family", sa.String(length=40), nullable=True))
    op.add_column("segments", sa.Column("retired_on", sa.Date(), nullable=True))
    op.add_column("segment_memberships", sa.Column("left_cause", JSON, nullable=True))
    op.create_index("ix_orders_ordered_at", "orders", ["ordered_at"])
    _create_actions()
    _create_cases()
    op.create_table(
        "resource_plans",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_resource_plans")),
    )


def _create_actions() -> None:
    op.create_table(
        "strategy_actions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("customer_id", BIG_ID, nullable=False),
        sa.Column("strategy_id", BIG_ID, nullable=False),
        sa.Column("strategy_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("note_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(length=100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status IN ('planned', 'done', 'declined')",
            name=op.f("ck_strategy_actions_status_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'no_effect', 'failed')",
            name=op.f("ck_strategy_actions_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_strategy_actions_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_strategy_actions_strategy_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_actions")),
    )
    op.create_index(
        "ix_strategy_actions_customer_id_recorded_at",
        "strategy_actions",
        ["customer_id", "recorded_at"],
    )
    op.create_index(
        "ix_strategy_actions_strategy_id_status",
        "strategy_actions",
        ["strategy_id", "status", "customer_id"],
    )


def _create_cases() -> None:
    op.create_table(
        "customer_cases",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("customer_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("strategy_id", BIG_ID, nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("reasons", JSON, nullable=False),
        sa.Column("run_id", BIG_ID, nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("cause", sa.String(length=10), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("note_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('retention', 'win_back')", name=op.f("ck_customer_cases_kind_known")
        ),
        sa.CheckConstraint(
            "cause IN ('product', 'service', 'price', 'competitor', 'moved', 'no_need', "
            "'other', 'unknown')",
            name=op.f("ck_customer_cases_cause_known"),
        ),
        sa.CheckConstraint(
            "outcome IN ('stayed', 'returned', 'left', 'no_answer')",
            name=op.f("ck_customer_cases_outcome_known"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_cases_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategies.id"], name=op.f("fk_customer_cases_strategy_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["refresh_runs.id"], name=op.f("fk_customer_cases_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_cases")),
    )
    op.create_index("ix_customer_cases_customer_id", "customer_cases", ["customer_id"])
    op.create_index(
        "ix_customer_cases_kind_closed_on", "customer_cases", ["kind", "closed_on", "id"]
    )
    op.create_index(
        "uq_customer_cases_open",
        "customer_cases",
        ["customer_id", "kind"],
        unique=True,
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("resource_plans")
    op.drop_table("customer_cases")
    op.drop_table("strategy_actions")
    op.drop_index("ix_orders_ordered_at", table_name="orders")
    op.drop_column("segment_memberships", "left_cause")
    op.drop_column("segments", "retired_on")
    op.drop_column("segments", "family")
