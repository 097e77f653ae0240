"""records written by the million as plain JSON text"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TEXT, JSONB = sa.Text(), postgresql.JSONB(astext_type=sa.Text())
RECORDS = {
    "tier_assignments": ("reasons", "inputs", "gap_to_next", "margin_to_lower"),
    "predictions": ("churn_reasons", "clv_reasons"),
    "segment_memberships": ("cause",),
    "recommendations": ("reasons",),
    "customer_cases": ("reasons",),
}


def upgrade() -> None:
    _retype(TEXT, "{}::text")


def downgrade() -> None:
    _retype(JSONB, "{}::jsonb")


def _retype(kind: Any, cast: str) -> None:
    """SQLite keeps JSON as text anyway."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, columns in RECORDS.items():
        for column in columns:
            op.alter_column(table, column, type_=kind, postgresql_using=cast.format(column))
