"""The declared features: what models may know about a customer at a cut-off, in both languages.

An expression reads the aggregates that `ml.feature_sql` prepares: `o` orders, `w` windows of
orders, `g` gaps between purchase days, `d` departments, `b` brands, `p` products, `i`
interactions, `f` feedback, `k` customer and cut-off. All of them are integers, so that every
engine gives the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Unit = Literal["days", "count", "money", "share", "ratio", "score", "hours"]


@dataclass(frozen=True)
class Feature:
    """One number about a customer. `sql` is empty where a model adds it after the query.

    Money is in minor units; shares and scores run from 0 to 1. `actionable` says whether a
    business can change it by something it does for the customer.
    """

    name: str
    sql: str
    unit: Unit
    label_en: str
    label_zh: str
    reason_en: str
    reason_zh: str
    actionable: bool = False


def _over(part: str, whole: str) -> str:
    return f"CAST({part} AS DOUBLE) / nullif({whole}, 0)"


_RFM = (
    Feature("recency_days", "o.recency", "days", "Days since last purchase", "距上次购买天数",
            "No purchase for {value} days", "已有 {value} 天未购买"),
    Feature("order_count", "o.orders", "count", "Purchases", "购买次数",
            "Purchases so far: {value}", "累计购买 {value} 次"),
    Feature("net_spend", "o.net", "money", "Net spend", "净消费额",
            "Net spend of {value} so far", "累计净消费 {value}"),
    Feature("tenure_days", "o.tenure", "days", "Days since first purchase", "距首次购买天数",
            "A customer for {value} days", "成为客户已 {value} 天"),
    Feature("purchase_days", "g.visits", "count", "Days with a purchase", "有购买的天数",
            "Days with a purchase: {value}", "在 {value} 个不同日子购买过"),
)  # fmt: skip

_REGULARITY = (
    Feature("mean_gap_days", _over("g.gap_sum", "g.gaps"), "days", "Mean days between purchases",
            "平均购买间隔天数", "Buys every {value} days on average", "平均每 {value} 天购买一次"),
    Feature("gap_cv", f"sqrt({_over('g.gap_square_sum * g.gaps - g.gap_sum * g.gap_sum', 'g.gaps')}"
            " / nullif(g.gaps - 1, 0)) / nullif(CAST(g.gap_sum AS DOUBLE) / nullif(g.gaps, 0), 0)",
            "ratio", "Irregularity of purchases", "购买间隔的不规律程度",
            "Irregularity of the time between purchases: {value}",
            "购买间隔的不规律程度为 {value}"),
    Feature("recency_over_mean_gap", _over("o.recency * g.gaps", "g.gap_sum"), "ratio",
            "Silence relative to rhythm", "沉默期与购买节奏之比",
            "Silent for {value} times the usual gap", "沉默时间为平时间隔的 {value} 倍", True),
    Feature("recency_over_longest_gap", _over("o.recency", "g.gap_max"), "ratio",
            "Silence relative to longest gap", "沉默期与最长间隔之比",
            "Silent for {value} times the longest gap so far",
            "沉默时间为历史最长间隔的 {value} 倍", True),
    Feature("longest_gap_days", "g.gap_max", "days", "Longest gap between purchases",
            "最长购买间隔天数", "Once stayed away for {value} days", "曾有 {value} 天没有购买"),
    Feature("last_gap_days", "g.gap_last", "days", "Days between the last two purchases",
            "最近两次购买间隔天数", "The last two purchases were {value} days apart",
            "最近两次购买相隔 {value} 天"),
    Feature("days_since_second_last", "o.recency + g.gap_last", "days",
            "Days since second-last purchase", "距倒数第二次购买天数",
            "The purchase before the last was {value} days ago", "倒数第二次购买在 {value} 天前"),
)  # fmt: skip


def _window_counts(days: int) -> tuple[Feature, Feature]:
    return (
        Feature(
            f"orders_{days}d", f"w.orders_{days}", "count",
            f"Purchases in the last {days} days", f"最近 {days} 天购买次数",
            f"{{value}} purchases in the last {days} days",
            f"最近 {days} 天购买 {{value}} 次", True,
        ),
        Feature(
            f"spend_{days}d", f"w.spend_{days}", "money",
            f"Net spend in the last {days} days", f"最近 {days} 天净消费额",
            f"Net spend of {{value}} in the last {days} days",
            f"最近 {days} 天净消费 {{value}}", True,
        ),
    )  # fmt: skip


WINDOWS_DAYS = (28, 56, 84, 182, 365)
_WINDOWS = tuple(feature for days in WINDOWS_DAYS for feature in _window_counts(days))


def _trend(short: int, long: int) -> tuple[Feature, Feature]:
    texts_en = f"of the last {long} days' {{what}} fell in the last {short} days"
    return (
        Feature(
            f"orders_share_{short}_of_{long}d", _over(f"w.orders_{short}", f"w.orders_{long}"),
            "share", f"Purchases: last {short} of {long} days",
            f"近 {short} 天占近 {long} 天购买次数",
            "{value} " + texts_en.format(what="purchases"),
            f"近 {long} 天的购买中有 {{value}} 在近 {short} 天", True,
        ),
        Feature(
            f"spend_share_{short}_of_{long}d", _over(f"w.spend_{short}", f"w.spend_{long}"),
            "share", f"Spend: last {short} of {long} days", f"近 {short} 天占近 {long} 天消费额",
            "{value} " + texts_en.format(what="spend"),
            f"近 {long} 天的消费中有 {{value}} 在近 {short} 天", True,
        ),
    )  # fmt: skip


_TRENDS = (
    *_trend(28, 56),
    *_trend(56, 182),
    *_trend(84, 365),
    Feature("pace_84d", _over("w.orders_84 * greatest(o.tenure, 1)",
                              "o.orders * least(greatest(o.tenure, 1), 84)"),
            "ratio", "Recent pace relative to lifetime", "近期购买频率与历史之比",
            "Buys at {value} times the lifetime pace", "近期购买频率为历史的 {value} 倍", True),
)  # fmt: skip

_BASKET = (
    Feature("mean_basket_value", _over("o.bought", "o.orders"), "money", "Mean basket value",
            "平均每单金额", "Spends {value} per purchase", "平均每单 {value}", True),
    Feature("mean_basket_84d", _over("w.bought_84", "w.orders_84"), "money",
            "Mean basket value in the last 84 days", "最近 84 天平均每单金额",
            "Spends {value} per purchase lately", "近期平均每单 {value}", True),
    Feature("largest_basket_value", "o.largest", "money", "Largest basket", "最大单金额",
            "Largest purchase: {value}", "最大一单为 {value}"),
    Feature("mean_basket_lines", _over("o.lines", "o.orders"), "count", "Products per purchase",
            "平均每单品项数", "{value} products per purchase", "平均每单 {value} 件品项", True),
    Feature("mean_line_value", _over("o.bought", "o.lines"), "money", "Value per product line",
            "平均每品项金额", "Spends {value} per product", "平均每品项 {value}"),
)  # fmt: skip

_MIX = (
    Feature("department_count", "d.departments", "count", "Departments bought from",
            "购买过的部门数", "Buys from {value} departments", "在 {value} 个部门购买", True),
    Feature("department_count_84d", "d.departments_84", "count",
            "Departments in the last 84 days", "最近 84 天购买的部门数",
            "Bought from {value} departments lately", "近期在 {value} 个部门购买", True),
    Feature("top_department_share", _over("d.top", "d.lines"), "share",
            "Share of the main department", "主要部门占比",
            "{value} of products come from one department", "{value} 的品项来自同一部门"),
    Feature("product_count", "p.products", "count", "Different products", "不同商品数",
            "Different products bought: {value}", "购买过 {value} 种商品", True),
    Feature("repeat_product_share", _over("p.lines - p.products", "p.lines"), "share",
            "Share of repeated products", "复购商品占比",
            "{value} of products were bought before", "{value} 的品项为复购"),
    Feature("brand_count", "b.brands", "count", "Brands bought", "购买过的品牌数",
            "Buys {value} brands", "购买 {value} 个品牌"),
    Feature("top_brand_share", _over("b.top", "b.lines"), "share", "Share of the main brand",
            "主要品牌占比", "{value} of products are of one brand", "{value} 的品项为同一品牌"),
)  # fmt: skip

_PRICE = (
    Feature("discount_share", _over("o.discount", "o.discount + o.bought"), "share",
            "Share of value discounted", "折扣占比", "{value} of the list value was discounted",
            "享受的折扣占原价的 {value}", True),
    Feature("discount_share_84d", _over("w.discount_84", "w.discount_84 + w.bought_84"), "share",
            "Share discounted in the last 84 days", "最近 84 天折扣占比",
            "{value} of the list value was discounted lately", "近期折扣占原价的 {value}", True),
    Feature("discounted_order_share", _over("o.discounted_orders", "o.orders"), "share",
            "Share of purchases with a discount", "含折扣购买占比",
            "{value} of purchases had a discount", "{value} 的购买含折扣", True),
    Feature("return_count", "o.return_lines", "count", "Returned lines", "退货品项数",
            "{value} returns", "退货 {value} 次", True),
    Feature("return_share", _over("o.return_lines", "o.lines"), "share", "Share of lines returned",
            "退货占比", "{value} of products were returned", "{value} 的品项被退货", True),
    Feature("margin_share", _over("o.costed_amount - o.cost", "o.costed_amount"), "share",
            "Margin", "毛利率", "Earns a margin of {value}", "毛利率为 {value}"),
)  # fmt: skip

_CONTACT = (
    Feature("inbound_count", "coalesce(i.inbound, 0)", "count", "Contacts by the customer",
            "客户主动联系次数", "Contacted us {value} times", "主动联系 {value} 次"),
    Feature("outbound_count", "coalesce(i.outbound, 0)", "count", "Contacts by the business",
            "我方联系次数", "We made contact {value} times", "我方联系 {value} 次", True),
    Feature("contacts_84d", "coalesce(i.recent, 0)", "count", "Contacts in the last 84 days",
            "最近 84 天联系次数", "{value} contacts in the last 84 days",
            "最近 84 天联系 {value} 次", True),
    Feature("redemption_count", "coalesce(i.redemptions, 0)", "count", "Coupons redeemed",
            "优惠券使用次数", "Redeemed {value} coupons", "使用优惠券 {value} 次", True),
    Feature("response_share", _over("i.inbound", "i.inbound + i.outbound"), "share",
            "Share of contacts made by the customer", "客户主动联系占比",
            "{value} of contacts came from the customer", "{value} 的联系由客户发起"),
    Feature("contact_recency_days", "i.recency", "days", "Days since last contact",
            "距上次联系天数", "No contact for {value} days", "已有 {value} 天未联系", True),
    Feature("response_hours", _over("i.response", "i.responses * 3600"), "hours",
            "Mean response time", "平均响应时间", "Answers took {value} hours",
            "平均响应时间 {value} 小时", True),
    Feature("feedback_count", "coalesce(f.ratings, 0)", "count", "Ratings given", "评价次数",
            "Gave {value} ratings", "给出 {value} 次评价"),
    Feature("feedback_mean", _over("f.score", "f.ratings * 1000000"), "score", "Mean rating",
            "平均评分", "Mean rating {value}", "平均评分 {value}", True),
    Feature("feedback_last", "CAST(f.last_score AS DOUBLE) / 1000000", "score", "Last rating",
            "最近评分", "Last rating {value}", "最近评分 {value}", True),
)  # fmt: skip


def _named(*features: Feature) -> Mapping[str, Feature]:
    return MappingProxyType({feature.name: feature for feature in features})


FEATURES: Mapping[str, Feature] = _named(
    *_RFM, *_REGULARITY, *_WINDOWS, *_TRENDS, *_BASKET, *_MIX, *_PRICE, *_CONTACT
)
"""Every feature that comes from SQL, in the order of the query's columns."""

DERIVED: Mapping[str, Feature] = _named(
    Feature("rhythm_absence", "", "share", "Absence expected from rhythm",
            "按购买节奏预计的流失概率", "By rhythm alone, no purchase with {value} probability",
            "仅按购买节奏，不再购买的概率为 {value}"),
    Feature("rhythm_orders", "", "count", "Purchase days expected from rhythm",
            "按购买节奏预计的购买天数", "Usual habits promise {value} purchase days",
            "按平时的购买习惯，预计有 {value} 个购买日"),
    Feature("rhythm_value", "", "money", "Value expected from rhythm", "按购买节奏预计的价值",
            "Usual habits promise a value of {value}",
            "按平时的购买习惯，预计价值 {value}"),
    Feature("rhythm_alive", "", "share", "Probability of being a customer still",
            "按购买节奏仍是客户的概率",
            "By rhythm alone, still a customer with {value} probability",
            "仅按购买节奏，仍是客户的概率为 {value}"),
    Feature("rhythm_basket", "", "money", "Spend expected on a purchase day",
            "预计每个购买日的消费额", "Expected to spend {value} on a purchase day",
            "预计每个购买日消费 {value}"),
    Feature("recency_share", "", "share", "Silence relative to the time as a customer",
            "沉默期占客户时间的比例", "Silent for {value} of the time as a customer",
            "沉默期占成为客户以来时间的 {value}"),
    Feature("recency_over_horizon", "", "ratio", "Silence relative to the time looked ahead",
            "沉默期与预测期之比", "Silent for {value} times as long as is looked ahead",
            "沉默时间为预测期的 {value} 倍"),
    Feature("tenure_over_horizon", "", "ratio", "Time as a customer relative to the time ahead",
            "客户时间与预测期之比", "A customer for {value} times as long as is looked ahead",
            "成为客户的时间为预测期的 {value} 倍"),
    Feature("horizon_days", "", "days", "Days looked ahead", "预测天数",
            "Looks {value} days ahead", "预测未来 {value} 天"),
)  # fmt: skip
"""What a buy-till-you-die model says about the same customer, and time measured by the horizon, so
that one model can learn from windows of several lengths."""
