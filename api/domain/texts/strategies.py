"""What is said of segments and strategies: by code of a reason, in English and simplified Chinese.

`api.domain.texts` fills in the words in braces.
"""

from __future__ import annotations

from collections.abc import Mapping

_CONDITION = ("{condition}", "{condition}")
SEGMENT_TEXTS: Mapping[str, tuple[str, str]] = {
    "segment.condition_met": _CONDITION,
    "segment.condition_lost": _CONDITION,
    "segment.rule_changed": (
        "The segment's rule was set anew (version {version}, by {by})",
        "分群规则已重新设定（第 {version} 版，操作者：{by}）",
    ),
    "segment.other_changed": (
        "Who belongs to {segment}, on which it depends, was changed by {by}",
        "其所依赖的分群 {segment} 已由 {by} 变更",
    ),
    "segment.retired": ("The segment was given up by {by}", "该分群已由 {by} 停用"),
    "segment.added_by_hand": ("Added by {by}: {note}", "由 {by} 手动加入：{note}"),
    "segment.removed_by_hand": ("Removed by {by}: {note}", "由 {by} 手动移出：{note}"),
}
_AT_RISK = (
    "{amount} is at risk; acting keeps {rate} of it on average, for {cost}",
    "有 {amount} 面临流失；采取行动平均可挽回其中 {rate}，成本 {cost}",
)
_OF_CLV = (
    "{amount} is expected from this customer; acting adds {rate} on average, for {cost}",
    "预计该客户将带来 {amount}；采取行动平均可增加 {rate}，成本 {cost}",
)
_OF_SPEND = (
    "This customer has spent {amount}; acting brings back {rate} on average, for {cost}",
    "该客户累计消费 {amount}；采取行动平均可带回其中 {rate}，成本 {cost}",
)
_MEASURED = (
    " (measured on {n} customers: between {low} and {high})",
    "（基于 {n} 位客户的实测，区间 {low} 至 {high}）",
)


def _measured(text: tuple[str, str]) -> tuple[str, str]:
    return (text[0] + _MEASURED[0], text[1] + _MEASURED[1])


STRATEGY_TEXTS: Mapping[str, tuple[str, str]] = {
    "strategy.condition_met": _CONDITION,
    "strategy.for_everyone": ("This is for every customer", "适用于所有客户"),
    "strategy.value_at_risk": _AT_RISK,
    "strategy.share_of_clv": _OF_CLV,
    "strategy.share_of_net_spend": _OF_SPEND,
    "strategy.measured_value_at_risk": _measured(_AT_RISK),
    "strategy.measured_share_of_clv": _measured(_OF_CLV),
    "strategy.measured_share_of_net_spend": _measured(_OF_SPEND),
}
WITHHELD_TEXTS: Mapping[str, tuple[str, str]] = {
    "withheld.no_consent": (
        "The customer has not agreed to being contacted for {purpose} ({channel})",
        "客户未同意以此目的联系：{purpose}（渠道：{channel}）",
    ),
    "withheld.cooling_down": (
        "It was done {days_ago} days ago; not again for another {days_left} days",
        "已于 {days_ago} 天前执行，{days_left} 天内不再重复",
    ),
    "withheld.costs_more_than_it_brings": (
        "It would cost more than it is expected to bring: {amount} net of its cost",
        "预期收益低于要求：扣除成本后为 {amount}",
    ),
    "withheld.suppressed": (
        "Another strategy for this customer rules it out: {by}",
        "因该客户适用的另一策略而不予推荐：{by}",
    ),
    "withheld.too_dear": (
        "It costs more than may be spent on this customer because of: {by}",
        "成本超过对该客户的投入上限，原因：{by}",
    ),
    "withheld.something_better": (
        "Something of the same kind is expected to bring more: {by}",
        "同类策略中有预期收益更高者：{by}",
    ),
    "withheld.no_capacity": (
        "Those who would do it have no room left for this period: {role}",
        "负责人员本期已无余力：{role}",
    ),
    "withheld.over_budget": (
        "The budget of this period is spent on what brings more",
        "本期预算已用于收益更高的客户或策略",
    ),
    "withheld.further_down": (
        "It stands too far down this customer's list",
        "在该客户的推荐列表中排序过于靠后",
    ),
}
