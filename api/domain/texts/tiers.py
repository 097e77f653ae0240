"""Why a tier was decided, as sentences in English and simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_CONDITION = ("{condition}", "{condition}")
TIER_TEXTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "tier.condition_met": _CONDITION,
        "tier.kept_despite_risk": (
            "The tier is kept although the customer may leave: {condition}",
            "虽有流失风险，仍保留该等级：{condition}",
        ),
        "tier.chosen_by": ("Decided by the rules for {condition}", "适用规则依据：{condition}"),
        "tier.kept_by_band": (
            "Below the threshold, but near enough to keep the tier: {condition}",
            "略低于门槛，仍在保级范围内：{condition}",
        ),
        "tier.enter_band": (
            "A better tier's threshold is met, but not by the margin that moving up takes",
            "已达到更高等级的门槛，但未超出晋级所需的幅度",
        ),
        "tier.one_level_down": (
            "The tier's conditions were missed for too long: one level down",
            "持续未达到原等级条件，下调一级",
        ),
        "tier.watch": (
            "On watch since {since}: the tier's conditions are missed, and it is kept until "
            "{until}",
            "自 {since} 起处于观察期：未达到等级条件，保留至 {until}",
        ),
        "tier.missed": ("Missed: {condition}", "未达标：{condition}"),
        "tier.minimum_stay": (
            "In this tier since {since}; no tier is lost before {until}",
            "自 {since} 起为该等级；{until} 之前不降级",
        ),
        "tier.not_evaluated": (
            "Decided on {on}; the next evaluation is still to come",
            "于 {on} 评定，尚未到下次评定时间",
        ),
        "tier.override": (
            "Set by hand until {until}; the policy alone would give {tier}",
            "人工设定，有效期至 {until}；按规则应为 {tier}",
        ),
        "tier.contribution": (
            "{label}: {value} brings {points} of {most} points",
            "{label}：{value}，得 {points} 分（满分 {most} 分）",
        ),
        "tier.otherwise": (
            "No better tier's conditions are met",
            "未达到更高等级的条件",
        ),
        "tier.below_lowest": (
            "Not even the lowest tier's conditions are met",
            "未达到最低等级的条件",
        ),
        "tier.fallback_no_prediction": (
            "There is no prediction yet, so past behaviour decides",
            "尚无预测结果，按历史行为判定",
        ),
        "tier.fallback_stale_prediction": (
            "The prediction is out of date, so past behaviour decides",
            "预测结果已过期，按历史行为判定",
        ),
    }
)
"""By code: English, simplified Chinese."""
