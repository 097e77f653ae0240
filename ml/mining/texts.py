"""Words for what mining found: reasons of recommendations, evidence of channels, hints."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ml.features import Language

_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bought_every": (
            "Bought every {every_days} days, last {last_days} days ago",
            "每 {every_days} 天购买一次，上次在 {last_days} 天前",
        ),
        "bought_before": ("Bought {last_days} days ago", "{last_days} 天前购买过"),
        "bought_together": ("Often bought by those who buy {product}", "购买 {product} 的客户常买"),
        "popular": (
            "Popular now: bought by {share} of recent customers",
            "当前热销：近期 {share} 的客户购买",
        ),
        "comes_by": (
            "Used for {inbound} of the customer's {contacts} contacts",
            "客户的 {contacts} 次联系中有 {inbound} 次使用",
        ),
        "answers": (
            "Answered {answered} of {sent}, after {hours} hours on average",
            "{sent} 次联系中回应 {answered} 次，平均 {hours} 小时",
        ),
        "never_answered": ("None of {sent} contacts answered", "{sent} 次联系均未回应"),
        "usual": (
            "Nothing known of this customer: what works best with all",
            "尚无该客户的记录：对全体客户效果最好",
        ),
        "purchase": ("One more purchase now", "现在再购买一次"),
        "larger_purchase": (
            "One more purchase now, half as large again as usual",
            "现在再购买一次，金额比平时多一半",
        ),
        "new_department": (
            "One more purchase now, in a department new to them",
            "现在再购买一次，并尝试新的部门",
        ),
        "coupon": ("Redeem a 10% coupon on a purchase now", "现在使用九折优惠券购买一次"),
        "contact": ("A contact by us now", "我方现在联系一次"),
        "good_rating": ("A problem solved, rated with full marks", "解决问题并获得满分评价"),
        "faster_answers": ("Answers within 4 hours", "在 4 小时内答复"),
    }
)
CODES = frozenset(_TEXTS)


def mining_text(code: str, params: Mapping[str, Any], language: Language = "en") -> str:
    """A sentence for a code and its numbers; `product` in `params` is a product's name."""
    english, chinese = _TEXTS[code]
    shown = {name: f"{value:.0%}" if name == "share" else value for name, value in params.items()}
    return (english if language == "en" else chinese).format(**shown)


def actions_text(codes: tuple[str, ...], language: Language = "en") -> str:
    """One sentence for an action or a pair of them."""
    texts = [mining_text(code, {}, language) for code in codes]
    return (" + " if language == "en" else "；同时").join(texts)
