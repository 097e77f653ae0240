"""what mining found about customers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    json = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "mining_runs",
        sa.Column("id", big, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("groups", json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mining_runs")),
    )
    op.create_table(
        "customer_findings",
        sa.Column("customer_id", big, autoincrement=False, nullable=False),
        sa.Column("group_key", sa.String(length=20), nullable=True),
        sa.Column("products", json, nullable=False),
        sa.Column("channels", json, nullable=False),
        sa.Column("hints", json, nullable=False),
        sa.Column("run_id", big, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_customer_findings_customer_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["mining_runs.id"], name=op.f("fk_customer_findings_run_id")
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_customer_findings")),
    )
    op.create_index(op.f("ix_customer_findings_group_key"), "customer_findings", ["group_key"])


def downgrade() -> None:
    op.drop_index(op.f("ix_customer_findings_group_key"), table_name="customer_findings")
    op.drop_table("customer_findings")
    op.drop_table("mining_runs")
