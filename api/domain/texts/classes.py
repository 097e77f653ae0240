"""Why a customer has a class, as sentences in English and simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CLASS_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "class.condition_met": ("{condition}", "{condition}"),
        "class.otherwise": ("No other class's conditions are met", "不符合其他类别的条件"),
        "class.share": (
            "Among the customers who bring the first {rate} together",
            "属于合计贡献前 {rate} 的客户",
        ),
        "class.points": (
            "{label} is {value}: {points} of {most} points",
            "{label}为 {value}，得 {points} 分（满分 {most} 分）",
        ),
        "class.measure": ("{label} is {value}", "{label}为 {value}"),
        "class.unknown": (
            "{label} is not known, so there is no class",
            "{label}未知，因此不归类",
        ),
        "class.outside": (
            "Not among the customers that this classification is about",
            "不属于该分类所涉及的客户",
        ),
        "class.set_by_hand": (
            "Set by hand until {until}: {note}",
            "人工设定，有效期至 {until}：{note}",
        ),
        "class.status_set": ("Set on {since}", "于 {since} 设定"),
    }
)
