"""What passed between business and customer: contacts, feedback, intents, referrals."""

from __future__ import annotations

from api.domain.fields.field import COUNT, DAYS, MONEY, Field, profile, windows
from api.domain.fields.people import INTENTS

YEAR = (365,)
_RATING: dict[str, object] = {"unit": "score", "lowest": 0, "highest": 1}

CONTACTS: tuple[Field, ...] = (
    profile("interaction_count", "number", "Number of interactions", "互动次数", **COUNT),
    *windows("interaction_count", "number", "Interactions", "互动次数", (84, 365), **COUNT),
    *windows(
        "inbound_count", "number", "Contacts by the customer", "客户主动联系次数", (84,), **COUNT
    ),
    profile(
        "last_interaction_days", "number", "Days since the last contact", "距上次联系天数", **DAYS
    ),
    profile(
        "response_hours",
        "number",
        "Mean response time in hours (365 days)",
        "近 365 天平均响应小时数",
        unit="hours",
        lowest=0,
    ),
    profile("satisfaction", "number", "Satisfaction (365 days)", "近 365 天满意度", **_RATING),
    profile("last_satisfaction", "number", "Latest satisfaction", "最近一次满意度", **_RATING),
    *windows("complaint_count", "number", "Complaints", "投诉次数", YEAR, **COUNT),
    *windows(
        "price_feedback_count", "number", "Remarks about prices", "价格方面反馈次数", YEAR, **COUNT
    ),
    *windows(
        "service_feedback_count",
        "number",
        "Remarks about service",
        "服务方面反馈次数",
        YEAR,
        **COUNT,
    ),
    *windows(
        "product_feedback_count",
        "number",
        "Remarks about products",
        "产品方面反馈次数",
        YEAR,
        **COUNT,
    ),
    profile("intent", "choice", "Purchase intent", "购买意向", choices=INTENTS),
    profile("intent_age_days", "number", "Days since the intent", "表达意向以来天数", **DAYS),
    profile("intent_expected_on", "date", "Purchase expected on", "预计购买日期"),
    profile("referral_count", "number", "Customers referred", "推荐客户数", **COUNT),
    profile(
        "referred_net_spend",
        "money",
        "Net spend of referred customers",
        "所推荐客户的净消费额",
        **MONEY,
    ),
)
