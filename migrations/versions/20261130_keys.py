"""clients with two keys while they change them, whose customers a key sees, its documents"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("api_keys") as batch:
        batch.drop_constraint(op.f("uq_api_keys_name"), type_="unique")
        batch.add_column(sa.Column("owner", sa.String(length=100), nullable=True))
        batch.add_column(
            sa.Column("documents", sa.String(length=10), nullable=False, server_default="allow")
        )
    op.create_index("ix_api_keys_name", "api_keys", ["name"])


def downgrade() -> None:
    # Of a client's keys the newest keeps its name; an older schema can't hold the others.
    op.execute("DELETE FROM api_keys WHERE id NOT IN (SELECT max(id) FROM api_keys GROUP BY name)")
    op.drop_index("ix_api_keys_name", table_name="api_keys")
    with op.batch_alter_table("api_keys") as batch:
        batch.drop_column("documents")
        batch.drop_column("owner")
        batch.create_unique_constraint(op.f("uq_api_keys_name"), ["name"])
