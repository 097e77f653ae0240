"""measures of everyone, and the numbers of each month"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MEASURES: tuple[tuple[str, sa.types.TypeEngine[object]], ...] = (
    ("order_count_28d", sa.Integer()),
    ("order_count_84d", sa.Integer()),
    ("order_count_182d", sa.Integer()),
    ("order_count_365d", sa.Integer()),
    ("net_spend_28d_minor", sa.BigInteger()),
    ("net_spend_84d_minor", sa.BigInteger()),
    ("net_spend_182d_minor", sa.BigInteger()),
    ("net_spend_previous_365d_minor", sa.BigInteger()),
    ("mean_basket_minor", sa.Float(precision=53)),
    ("margin_365d_minor", sa.BigInteger()),
    ("service_cost_365d_minor", sa.BigInteger()),
    ("profit_365d_minor", sa.BigInteger()),
    ("discount_share", sa.Float(precision=53)),
    ("return_share", sa.Float(precision=53)),
    ("top_brand_share", sa.Float(precision=53)),
    ("department_count", sa.Integer()),
    ("interaction_count_84d", sa.Integer()),
    ("interaction_count_365d", sa.Integer()),
    ("inbound_count_84d", sa.Integer()),
    ("last_interaction_days", sa.Float(precision=53)),
    ("response_hours", sa.Float(precision=53)),
    ("satisfaction", sa.Float(precision=53)),
    ("last_satisfaction", sa.Float(precision=53)),
    ("complaint_count_365d", sa.Integer()),
    ("price_feedback_count_365d", sa.Integer()),
    ("service_feedback_count_365d", sa.Integer()),
    ("product_feedback_count_365d", sa.Integer()),
    ("intent", sa.String(length=10)),
    ("intent_age_days", sa.Float(precision=53)),
    ("intent_expected_on", sa.Date()),
    ("referral_count", sa.Integer()),
    ("referred_net_spend_minor", sa.BigInteger()),
    ("invoice_count_365d", sa.Integer()),
    ("overdue_amount_minor", sa.BigInteger()),
    ("overdue_days", sa.Integer()),
    ("late_payment_share", sa.Float(precision=53)),
    ("balance_minor", sa.BigInteger()),
    ("avg_daily_balance_month_minor", sa.Float(precision=53)),
)


def upgrade() -> None:
    for name, kind in MEASURES:
        op.add_column("customer_profiles", sa.Column(name, kind, nullable=True))
    op.create_table(
        "monthly_statistics",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("measure", sa.String(length=40), nullable=False),
        sa.Column("dimension", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("whole", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.Float(precision=53), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint(
            "month", "measure", "dimension", "key", name=op.f("pk_monthly_statistics")
        ),
    )


def downgrade() -> None:
    op.drop_table("monthly_statistics")
    with op.batch_alter_table("customer_profiles", schema=None) as batch_op:
        for name, _ in reversed(MEASURES):
            batch_op.drop_column(name)
