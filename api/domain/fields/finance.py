"""Invoices and accounts."""

from __future__ import annotations

from api.domain.fields.field import COUNT, MONEY, Field, profile, windows

FINANCE: tuple[Field, ...] = (
    *windows("invoice_count", "number", "Invoices", "发票数", (365,), **COUNT),
    profile("overdue_amount", "money", "Amount overdue", "逾期金额", **MONEY),
    profile(
        "overdue_days",
        "number",
        "Days the oldest open invoice is overdue",
        "最长逾期天数",
        unit="days",
        whole=True,
        lowest=0,
    ),
    profile(
        "late_payment_share",
        "number",
        "Share of invoices paid late (365 days)",
        "近 365 天逾期付款占比",
        unit="share",
        lowest=0,
        highest=1,
    ),
    profile("balance", "money", "Balance of all accounts", "账户总余额", **MONEY),
    profile(
        "avg_daily_balance_month",
        "money",
        "Average daily balance of the last complete month",
        "上一完整自然月日均余额",
        unit="currency",
    ),
)
