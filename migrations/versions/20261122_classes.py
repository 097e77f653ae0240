"""classifications as versioned documents, classes on the profile, statuses set by people"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    json = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    op.create_table(
        "classifications",
        sa.Column("id", big, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", json, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=True),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("cutoffs", json, nullable=True),
        sa.Column("counts", json, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classifications")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_classifications_key_version")),
    )
    op.create_table(
        "relationship_statuses",
        sa.Column("id", big, nullable=False),
        sa.Column("customer_id", big, nullable=False),
        sa.Column("classification", sa.String(length=40), nullable=False),
        sa.Column("previous", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.id"],
            name=op.f("fk_relationship_statuses_customer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationship_statuses")),
    )
    op.create_index(
        "ix_relationship_statuses_customer_id",
        "relationship_statuses",
        ["customer_id", "classification", "since"],
    )
    op.add_column("customer_profiles", sa.Column("classes", json, nullable=True))
    op.add_column("customer_profiles", sa.Column("profiled_on", sa.Date(), nullable=True))
    # Who has a profile has had it at least since the first tier or the present stage began.
    op.execute(
        "UPDATE customer_profiles SET profiled_on = COALESCE((SELECT MIN(t.since) "
        "FROM tier_assignments t WHERE t.customer_id = customer_profiles.customer_id "
        "AND t.since < lifecycle_since), lifecycle_since)"
    )
    op.create_index(
        "ix_class_changes_feed",
        "class_changes",
        ["run_id", "changed_on", "classification", "customer_id"],
    )


def downgrade() -> None:
    op.drop_index("ix_class_changes_feed", table_name="class_changes")
    op.drop_column("customer_profiles", "profiled_on")
    op.drop_column("customer_profiles", "classes")
    op.drop_index("ix_relationship_statuses_customer_id", table_name="relationship_statuses")
    op.drop_table("relationship_statuses")
    op.drop_table("classifications")
