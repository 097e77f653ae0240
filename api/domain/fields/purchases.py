"""What customers bought, and what it earned."""

from __future__ import annotations

from api.domain.fields.field import COUNT, DAYS, MONEY, SHARE, Field, profile, windows

ORDER_WINDOWS = (28, 84, 182, 365)
YEAR = (365,)

PURCHASES: tuple[Field, ...] = (
    profile("recency_days", "number", "Days since the last purchase", "距上次购买天数", **DAYS),
    profile("order_count", "number", "Number of orders", "订单数", **COUNT),
    *windows("order_count", "number", "Orders", "订单数", ORDER_WINDOWS, **COUNT),
    profile("net_spend", "money", "Net spend", "净消费额", **MONEY),
    *windows("net_spend", "money", "Net spend", "净消费额", ORDER_WINDOWS, **MONEY),
    profile(
        "net_spend_previous_365d",
        "money",
        "Net spend in the 365 days before the last 365",
        "上一个 365 天净消费额",
        **MONEY,
    ),
    profile("tenure_days", "number", "Days since the first purchase", "距首次购买天数", **DAYS),
    profile("mean_gap_days", "number", "Mean days between purchases", "平均购买间隔天数", **DAYS),
    profile("mean_basket", "money", "Mean amount of an order", "平均每单金额", unit="currency"),
    *windows("margin", "money", "Margin", "毛利", YEAR, **MONEY),
    *windows("service_cost", "money", "Cost to serve", "服务成本", YEAR, **MONEY),
    *windows(
        "profit", "money", "Profit after cost to serve", "扣除服务成本后的利润", YEAR, **MONEY
    ),
    profile("discount_share", "number", "Share of value discounted", "折扣占比", **SHARE),
    profile("return_share", "number", "Share of lines returned", "退货占比", **SHARE),
    profile("top_brand_share", "number", "Share of the main brand", "主要品牌占比", **SHARE),
    profile("department_count", "number", "Departments bought from", "购买过的部门数", **COUNT),
)
