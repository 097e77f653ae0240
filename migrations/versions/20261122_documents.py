"""documents with their past; tiers and classes set by people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATE_KNOWN = "ck_tier_policy_versions_state_known"
POLICY_COLUMNS: tuple[tuple[str, sa.types.TypeEngine[object]], ...] = (
    ("author", sa.String(length=100)),
    ("activated_by", sa.String(length=100)),
    ("activated_at", sa.DateTime(timezone=True)),
    ("reason", sa.String(length=500)),
    ("restores_version", sa.Integer()),
)


def upgrade() -> None:
    _create_document_versions()
    _create_overrides()
    with op.batch_alter_table("tier_policy_versions") as batch:
        batch.add_column(
            sa.Column("state", sa.String(length=10), nullable=False, server_default="activated")
        )
        for name, kind in POLICY_COLUMNS:
            batch.add_column(sa.Column(name, kind, nullable=True))
        batch.create_check_constraint(op.f(STATE_KNOWN), "state IN ('draft', 'activated')")
    # The first policy decided whatever was decided before its first day.
    op.execute(
        "UPDATE tier_policy_versions SET effective_from = NULL "
        "WHERE id = (SELECT MIN(id) FROM tier_policy_versions)"
    )


def _create_document_versions() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "document_versions",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", json, nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("shipped", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", "version", name=op.f("pk_document_versions")),
    )


def _create_overrides() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "overrides",
        sa.Column("id", big, nullable=False),
        sa.Column("customer_id", big, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("classification", sa.String(length=40), nullable=True),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=100), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("kind IN ('tier', 'class')", name=op.f("ck_overrides_kind_known")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_overrides_customer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overrides")),
    )
    op.create_index("ix_overrides_customer_id_kind", "overrides", ["customer_id", "kind"])


def downgrade() -> None:
    op.drop_table("overrides")
    op.drop_table("document_versions")
    # What was never activated means nothing to the schema before this one.
    op.execute("DELETE FROM tier_policy_versions WHERE state = 'draft'")
    with op.batch_alter_table("tier_policy_versions") as batch:
        batch.drop_constraint(op.f(STATE_KNOWN), type_="check")
        batch.drop_column("state")
        for name, _ in POLICY_COLUMNS:
            batch.drop_column(name)
