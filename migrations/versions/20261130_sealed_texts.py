"""what customers said in their own words, and where proofs of consents are, encrypted"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXTS = {"purchase_intents": ("refusal_reason", "wanted_feature"), "consents": ("proof",)}
KEYS = {
    "purchase_intents": ("id",),
    "consents": ("customer_id", "purpose", "channel", "recorded_at"),
}
ROWS = 5_000
"""So many are held in memory at once."""


def upgrade() -> None:
    for table, columns in TEXTS.items():
        for column in columns:
            op.add_column(table, sa.Column(f"{column}_encrypted", sa.LargeBinary(), nullable=True))
        for column in columns:
            _seal(table, column)
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)


def downgrade() -> None:
    """The texts are given up: an earlier version can't open them."""
    for table, columns in TEXTS.items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(sa.Column(column, sa.String(length=400), nullable=True))
                batch.drop_column(f"{column}_encrypted")


def _seal(table: str, column: str) -> None:
    """Encrypt what is stored in the clear; the secret is asked for only where there is some."""
    connection, keys = op.get_bind(), KEYS[table]
    listed = ", ".join(f"t.{key}" for key in keys)
    some = sa.text(
        f"SELECT {listed}, t.{column} AS said, c.external_id AS owner FROM {table} t "  # noqa: S608
        f"JOIN customers c ON c.id = t.customer_id WHERE t.{column} IS NOT NULL LIMIT {ROWS}"
    )
    same = " AND ".join(f"{key} = :{key}" for key in keys)
    move = sa.text(
        f"UPDATE {table} SET {column}_encrypted = :sealed, {column} = NULL WHERE {same}"  # noqa: S608
    )
    while rows := connection.execute(some).mappings().all():
        cipher: Any = context.config.attributes["cipher"]()
        connection.execute(
            move,
            [
                {key: row[key] for key in keys}
                | {"sealed": cipher.encrypt(column, row["owner"], row["said"])}
                for row in rows
            ],
        )
