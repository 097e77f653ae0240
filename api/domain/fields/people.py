"""Who a customer is, and what was decided about them: classes, tier, segments."""

from __future__ import annotations

from api.domain.fields.field import Field, choices, profile, stored

CUSTOMER_KINDS = choices(
    b2b=("business", "企业客户"), b2c=("consumer", "个人客户"), internal=("internal", "内部客户")
)
RISK_BANDS = choices(low=("low", "低"), medium=("medium", "中"), high=("high", "高"))
ABC_CLASSES = choices(A=("A", "A 类"), B=("B", "B 类"), C=("C", "C 类"))
LIFECYCLE_STAGES = choices(
    prospect=("prospect", "潜在客户"),
    first_purchase=("first purchase", "首次购买"),
    repeat=("repeat buyer", "重复购买"),
    loyal=("loyal", "忠诚"),
    at_risk=("at risk", "有流失风险"),
    churned=("churned", "已流失"),
)
RFM_GROUPS = choices(
    champions=("champions", "冠军客户"),
    loyal=("loyal", "忠诚客户"),
    potential_loyalist=("potential loyalists", "潜在忠诚客户"),
    new_customers=("new customers", "新客户"),
    promising=("promising", "有潜力客户"),
    need_attention=("need attention", "需要关注"),
    about_to_sleep=("about to sleep", "即将沉睡"),
    at_risk=("at risk", "有风险客户"),
    cannot_lose=("cannot lose", "不能失去"),
    hibernating=("hibernating", "休眠客户"),
    lost=("lost", "流失客户"),
)
INTENTS = choices(
    interested=("interested", "有意向"),
    hesitating=("hesitating", "犹豫"),
    not_now=("not now", "暂不购买"),
    refused=("refused", "拒绝"),
)

_SCORE: dict[str, object] = {"unit": "score", "whole": True, "lowest": 1, "highest": 5}

SEGMENT = Field(
    "segment",
    "choice",
    "Segment",
    "客户分群",
    "segment_memberships",
    "segment_id",
    decides_tiers=False,
    many=True,
)
TIER = Field(
    "tier", "choice", "Tier", "客户等级", "tier_assignments", "tier_key", decides_tiers=False
)

OWNER = stored("customers", "owner", "text", "Account manager", "客户经理", decides_tiers=False)
"""Filters may ask for it; rules may not, for it says nothing of the customer."""

PEOPLE: tuple[Field, ...] = (
    stored("customers", "kind", "choice", "Kind of customer", "客户类型", choices=CUSTOMER_KINDS),
    stored("customers", "industry", "text", "Industry", "行业"),
    stored("customers", "region", "text", "Region", "地区"),
    stored("customers", "external_id", "text", "Customer number", "客户编号", decides_tiers=False),
    stored("customers", "known_at", "date", "Known since", "建档日期"),
    profile("r_score", "number", "Recency score", "近度得分", **_SCORE),
    profile("f_score", "number", "Frequency score", "频度得分", **_SCORE),
    profile("m_score", "number", "Monetary score", "额度得分", **_SCORE),
    profile("rfm_group", "choice", "RFM group", "RFM 分组", choices=RFM_GROUPS),
    profile("abc_class", "choice", "ABC class", "ABC 分类", choices=ABC_CLASSES),
    profile(
        "lifecycle_stage", "choice", "Lifecycle stage", "生命周期阶段", choices=LIFECYCLE_STAGES
    ),
    TIER,
    SEGMENT,
)
