"""who looks after a customer, and the version of a customer's record"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("owner", sa.String(length=100), nullable=True))
    op.add_column(
        "customers", sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    )
    op.create_index("ix_customers_owner_id", "customers", ["owner", "id"])


def downgrade() -> None:
    op.drop_index("ix_customers_owner_id", table_name="customers")
    op.drop_column("customers", "version")
    op.drop_column("customers", "owner")
