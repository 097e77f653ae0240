"""what lists are sorted by"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_customers_known_at": ("customers", ["known_at", "id"]),
    "ix_customer_cases_kind_opened_on": ("customer_cases", ["kind", "opened_on", "id"]),
    "ix_segment_memberships_segment_id_entered_on": (
        "segment_memberships",
        ["segment_id", "entered_on", "id"],
    ),
    "ix_tier_assignments_customer_id_since": ("tier_assignments", ["customer_id", "since", "id"]),
}


def upgrade() -> None:
    for name, (table, columns) in INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, (table, _columns) in INDEXES.items():
        op.drop_index(name, table)
