"""The catalogue of fields that filters, segments, policies and strategies may read, as data.

Columns hold money in minor units, days as `datetime64[D]` in the business's time zone, missing
numbers as NaN and missing texts as None. Membership of a segment is a boolean column of its own,
`segment.KEY`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from api.errors import InvalidInput

FieldType = Literal["number", "money", "text", "choice", "boolean", "date"]
Unit = Literal["currency", "probability", "percentile", "days", "count", "score", ""]
AttributeType = Literal["number", "text", "boolean", "date"]


@dataclass(frozen=True)
class Choice:
    value: str
    label_en: str
    label_zh: str


@dataclass(frozen=True)
class Field:
    """One thing that is known about a customer. Two fields are equal when name and type are."""

    name: str
    type: FieldType
    label_en: str = field(compare=False)
    label_zh: str = field(compare=False)
    table: str = field(compare=False)
    column: str = field(compare=False)
    unit: Unit = field(default="", compare=False)
    whole: bool = field(default=False, compare=False)
    """A number without fractions, stored as an integer."""
    lowest: float | None = field(default=None, compare=False)
    highest: float | None = field(default=None, compare=False)
    choices: tuple[Choice, ...] = field(default=(), compare=False)
    """What a `choice` may be; empty where the installation's own documents say."""
    decides_tiers: bool = field(default=True, compare=False)
    """False for identifiers, for what follows from the tier, and for sensitive attributes."""
    many: bool = field(default=False, compare=False)
    """A customer may have several values at once: only `eq` and `in` make sense."""

    @property
    def predicted(self) -> bool:
        return self.table == "predictions"

    @property
    def attribute(self) -> str | None:
        """The custom attribute's name, if this is one."""
        return self.name.removeprefix("attribute.") if self.name.startswith("attribute.") else None

    def label(self, language: str) -> str:
        return self.label_en if language == "en" else self.label_zh


def _choices(**labels: tuple[str, str]) -> tuple[Choice, ...]:
    return tuple(Choice(value, en, zh) for value, (en, zh) in labels.items())


CUSTOMER_KINDS = _choices(
    b2b=("business", "企业客户"), b2c=("consumer", "个人客户"), internal=("internal", "内部客户")
)
RISK_BANDS = _choices(low=("low", "低"), medium=("medium", "中"), high=("high", "高"))
ABC_CLASSES = _choices(A=("A", "A 类"), B=("B", "B 类"), C=("C", "C 类"))
LIFECYCLE_STAGES = _choices(
    prospect=("prospect", "潜在客户"),
    first_purchase=("first purchase", "首次购买"),
    repeat=("repeat buyer", "重复购买"),
    loyal=("loyal", "忠诚"),
    at_risk=("at risk", "有流失风险"),
    churned=("churned", "已流失"),
)
RFM_GROUPS = _choices(
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


def _customer(name: str, kind: FieldType, en: str, zh: str, **more: object) -> Field:
    return Field(name, kind, en, zh, "customers", name, **more)  # type: ignore[arg-type]


def _profile(name: str, kind: FieldType, en: str, zh: str, **more: object) -> Field:
    column = f"{name}_minor" if kind == "money" else name
    return Field(name, kind, en, zh, "customer_profiles", column, **more)  # type: ignore[arg-type]


def _prediction(name: str, kind: FieldType, en: str, zh: str, **more: object) -> Field:
    column = f"{name}_minor" if kind == "money" else name
    return Field(name, kind, en, zh, "predictions", column, **more)  # type: ignore[arg-type]


_COUNT: dict[str, object] = {"unit": "count", "whole": True, "lowest": 0}
_DAYS: dict[str, object] = {"unit": "days", "lowest": 0}
_SCORE: dict[str, object] = {"unit": "score", "whole": True, "lowest": 1, "highest": 5}
_MONEY: dict[str, object] = {"unit": "currency", "whole": True}

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

_ALL = (
    _prediction(
        "churn_probability",
        "number",
        "Churn probability",
        "流失概率",
        unit="probability",
        lowest=0,
        highest=1,
    ),
    _prediction(
        "churn_percentile",
        "number",
        "Churn percentile",
        "流失概率百分位",
        unit="percentile",
        lowest=0,
        highest=100,
    ),
    _prediction("risk_band", "choice", "Risk band", "风险等级", choices=RISK_BANDS),
    _prediction("clv", "money", "Predicted lifetime value", "预测客户终身价值", **_MONEY),
    _profile("recency_days", "number", "Days since the last purchase", "距上次购买天数", **_DAYS),
    _profile("order_count", "number", "Number of orders", "订单数", **_COUNT),
    _profile("net_spend", "money", "Net spend", "净消费额", **_MONEY),
    _profile("net_spend_365d", "money", "Net spend in 365 days", "近 365 天净消费额", **_MONEY),
    _profile("tenure_days", "number", "Days since the first purchase", "距首次购买天数", **_DAYS),
    _profile("mean_gap_days", "number", "Mean days between purchases", "平均购买间隔天数", **_DAYS),
    _profile("interaction_count", "number", "Number of interactions", "互动次数", **_COUNT),
    _profile("r_score", "number", "Recency score", "近度得分", **_SCORE),
    _profile("f_score", "number", "Frequency score", "频度得分", **_SCORE),
    _profile("m_score", "number", "Monetary score", "额度得分", **_SCORE),
    _profile("rfm_group", "choice", "RFM group", "RFM 分组", choices=RFM_GROUPS),
    _profile("abc_class", "choice", "ABC class", "ABC 分类", choices=ABC_CLASSES),
    _profile(
        "lifecycle_stage", "choice", "Lifecycle stage", "生命周期阶段", choices=LIFECYCLE_STAGES
    ),
    _customer("kind", "choice", "Kind of customer", "客户类型", choices=CUSTOMER_KINDS),
    _customer("industry", "text", "Industry", "行业"),
    _customer("region", "text", "Region", "地区"),
    _customer("external_id", "text", "Customer number", "客户编号", decides_tiers=False),
    _customer("known_at", "date", "Known since", "建档日期"),
    TIER,
    SEGMENT,
)

FIELDS: Mapping[str, Field] = MappingProxyType({each.name: each for each in _ALL})


def attribute_field(
    name: str, value_type: AttributeType, label_en: str, label_zh: str, *, sensitive: bool = False
) -> Field:
    """The field of a custom attribute; numbers and booleans (0 or 1) are stored as numbers."""
    return Field(
        f"attribute.{name}",
        value_type,
        label_en,
        label_zh,
        "customer_attributes",
        "number_value" if value_type in ("number", "boolean") else "text_value",
        decides_tiers=not sensitive,
    )


def known_fields(attributes: Iterable[Field] = ()) -> Mapping[str, Field]:
    """The built-in fields and an installation's attributes, by name."""
    return MappingProxyType({**FIELDS, **{each.name: each for each in attributes}})


def find_field(name: object, fields: Mapping[str, Field], path: str) -> Field:
    """A field by name.

    Raises:
        InvalidInput: there is none; the message names the nearest one.
    """
    if isinstance(name, str) and (found := fields.get(name)) is not None:
        return found
    raise InvalidInput(f"{path}: there is no field {shown(name)}{nearest(name, fields)}.")


def nearest(name: object, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all if they are few."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(names)})" if names else ""


def shown(value: object) -> str:
    """A value of a document as a message may quote it: short."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
