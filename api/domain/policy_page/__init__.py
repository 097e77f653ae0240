"""The policy in force as a document people can read, in English or Chinese, from the same data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from api.domain.classes import Classification
from api.domain.documents import Bilingual
from api.domain.policies import PolicyDocument
from api.domain.policy_page.blocks import Block, Page, Section, Table
from api.domain.policy_page.classes import class_section
from api.domain.policy_page.rendering import to_html, to_html_page, to_markdown
from api.domain.policy_page.tiers import TierSections
from api.domain.policy_page.words import Words
from api.domain.strategies.documents import Strategy
from api.domain.texts import Language

__all__ = [
    "Page",
    "Sources",
    "Version",
    "Words",
    "policy_page",
    "to_html",
    "to_html_page",
    "to_markdown",
]

TEXTS = MappingProxyType(
    {
        "title": ("Tier policy: {name}", "客户分级政策：{name}"),
        "version": ("Version", "版本"),
        "from": ("In force from", "生效日期"),
        "ever": ("the beginning", "自始"),
        "to": ("In force until", "失效日期"),
        "open": ("another version takes over", "至新版本接替为止"),
        "draft": ("not in force: a draft", "未生效（草稿）"),
        "by": ("Put in force by", "批准人"),
        "at": ("Put in force at", "批准时间"),
        "reason": ("Reason of the last change", "最近一次变更原因"),
        "restores": ("Brings back version", "恢复的版本"),
        "currency": ("Amounts in", "金额单位"),
        "not_kept": ("not recorded", "未记录"),
        "tiers": ("Tiers", "等级"),
        "tiers_why": (
            "Tiers stand from best to lowest: a customer gets the first one whose conditions "
            "hold. Thresholds are inclusive.",
            "等级由高到低排列，客户取得首个符合条件的等级；门槛值均含本数。",
        ),
        "below": (
            "Customers below the lowest tier have none.",
            "低于最低等级的客户不设等级。",
        ),
        "matrix": ("Tiers by {row} and {column}", "按{row}与{column}划分的等级"),
        "scores": ("Scores", "综合评分"),
        "classes": ("Classes the policy reads", "政策引用的客户分类"),
        "sensitive": ("Sensitive data that may decide", "可用于评定的敏感信息"),
        "attribute": ("Attribute", "属性"),
        "why": ("Reason", "理由"),
        "decides": ("Who decides", "评定与权限"),
        "decides_rule": (
            "The rules above decide every customer's tier. The reasons, the measures and the "
            "version of this policy are kept with each decision, so it can be replayed.",
            "每位客户的等级由上述规则评定。每次评定均保存原因、指标与政策版本，可随时复核。",
        ),
        "decides_hand": (
            "Whoever has the right to change customers may set a tier by hand, with a reason and "
            "a last day; on the next day the rules decide again.",
            "有客户修改权限者可人工设定等级，须注明原因与截止日期，到期后恢复按规则评定。",
        ),
        "decides_policy": (
            "Whoever has the right to change policies stores drafts, puts a version in force with "
            "a reason, and brings earlier versions back. No version is ever changed.",
            "有政策修改权限者可保存草稿、注明原因启用版本或恢复旧版本；任何版本一经保存不再更改。",
        ),
        "plan": ("Service and action plan", "服务与行动方案"),
        "strategy": ("Strategy", "策略"),
        "for": ("For whom", "适用客户"),
        "owner": ("Who", "负责人"),
        "due": ("Within days", "完成天数"),
        "answer": ("Answered within hours", "响应小时数"),
        "history": ("Versions", "历次版本"),
    }
)
ROLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "account_manager": ("account manager", "客户经理"),
        "automation": ("automated", "自动化"),
        "credit_control": ("credit control", "信用管理"),
        "customer_insight": ("customer insight", "客户洞察"),
        "marketing": ("marketing", "市场部"),
        "sales": ("sales", "销售"),
        "service_team": ("service team", "客服团队"),
        "store_team": ("store team", "门店团队"),
    }
)
"""Owner roles of the shipped strategies; a business's own stand for themselves."""


@dataclass(frozen=True)
class Version:
    """Which version of a policy, since when, and by whom."""

    number: int
    state: str
    """`draft` or `activated`"""
    effective_from: dt.date | None
    effective_to: dt.date | None
    activated_by: str | None
    activated_at: dt.datetime | None
    reason: str | None
    restores: int | None


@dataclass(frozen=True)
class Sources:
    """Everything the page is made from."""

    policy: PolicyDocument
    content: Mapping[str, Any]
    """The policy as it was written."""
    version: Version
    history: Sequence[Version]
    """All versions of the same policy, newest first."""
    classifications: Sequence[tuple[Classification, Mapping[str, Any] | None]] = ()
    """Those in force, with the cut-offs of the latest refresh."""
    strategies: Sequence[Strategy] = ()
    segments: Mapping[str, Bilingual] = field(default_factory=dict)
    """Names of segments by key."""


def policy_page(sources: Sources, language: Language, currency: str, exponent: int) -> Page:
    words = Words(language, currency, exponent, sources.segments)
    policy = sources.policy
    tiers = TierSections(policy, sources.strategies, words)
    sections = [
        _tiers(sources, tiers, words),
        tiers.changes(),
        tiers.fallback(),
        _group("scores", tiers.scores(), words),
        _classes(sources, words),
        _sensitive(policy, words),
        _decides(words),
        _plan(sources.strategies, words),
        _history(sources.history, words),
    ]
    return Page(
        language,
        words.say(TEXTS["title"], name=words.name(policy.name)),
        (words.name(policy.description), _facts(sources, words)),
        tuple(each for each in sections if each is not None),
    )


def _facts(sources: Sources, words: Words) -> Table:
    version = sources.version
    start, end = _days(version, words)
    at = version.activated_at
    rows = [
        ("version", f"{sources.policy.key} {version.number}"),
        ("from", start),
        ("to", end),
        ("by", version.activated_by or words.say(TEXTS["not_kept"])),
        ("at", f"{at:%Y-%m-%d %H:%M} UTC" if at else words.say(TEXTS["not_kept"])),
        ("reason", version.reason or words.say(TEXTS["not_kept"])),
        ("currency", sources.policy.currency or words.currency),
    ]
    if version.restores is not None:
        rows.append(("restores", str(version.restores)))
    return Table((), tuple((words.say(TEXTS[key]), text) for key, text in rows))


def _days(version: Version, words: Words) -> tuple[str, str]:
    if version.state == "draft":
        return words.say(TEXTS["draft"]), ""
    start, end = version.effective_from, version.effective_to
    return (
        start.isoformat() if start else words.say(TEXTS["ever"]),
        end.isoformat() if end else words.say(TEXTS["open"]),
    )


def _tiers(sources: Sources, tiers: TierSections, words: Words) -> Section:
    policy = sources.policy
    blocks: list[Block] = [words.say(TEXTS["tiers_why"])]
    blocks += _matrices(sources, words)
    placed = [rung for branch in policy.branches for rung in branch.rungs[-1:]]
    if any(not rung.otherwise for rung in placed):
        blocks.append(words.say(TEXTS["below"]))
    return Section(
        words.say(TEXTS["tiers"]), tuple(blocks), tuple(tiers.tier(each) for each in policy.tiers)
    )


def _matrices(sources: Sources, words: Words) -> list[Block]:
    """A table for each matrix in the document, as it was drawn there."""
    content = sources.content
    parts = [content, *(each["policy"] for each in content.get("branches", ()))]
    names = {tier.key: words.name(tier.name) for tier in sources.policy.tiers}
    fields = sources.policy.fields
    blocks: list[Block] = []
    for part in parts:
        if part.get("kind") != "matrix":
            continue
        row, column = (words.label(fields[part[axis]["measure"]]) for axis in ("rows", "columns"))
        columns = [band["key"] for band in part["columns"]["bands"]]
        cells = part["cells"]
        blocks.append(words.say(TEXTS["matrix"], row=row, column=column))
        blocks.append(
            Table(
                ("", *columns),
                tuple(
                    (band["key"], *(names[cells[band["key"]][key]] for key in columns))
                    for band in part["rows"]["bands"]
                ),
            )
        )
    return blocks


def _group(key: str, sections: Sequence[Section], words: Words) -> Section | None:
    return Section(words.say(TEXTS[key]), (), tuple(sections)) if sections else None


def _classes(sources: Sources, words: Words) -> Section | None:
    read = sources.policy.fields
    used = [each for each in sources.classifications if each[0].field_name in read]
    return _group("classes", [class_section(*each, words) for each in used], words)


def _sensitive(policy: PolicyDocument, words: Words) -> Section | None:
    if not policy.allowed_sensitive:
        return None
    head = (words.say(TEXTS["attribute"]), words.say(TEXTS["why"]))
    rows = tuple(
        (words.label(policy.fields[name]) if name in policy.fields else name, words.name(reason))
        for name, reason in policy.allowed_sensitive.items()
    )
    return Section(words.say(TEXTS["sensitive"]), (Table(head, rows),))


def _decides(words: Words) -> Section:
    texts = ("decides_rule", "decides_hand", "decides_policy")
    return Section(words.say(TEXTS["decides"]), tuple(words.say(TEXTS[each]) for each in texts))


def _plan(strategies: Sequence[Strategy], words: Words) -> Section | None:
    """What is done for whom, by whom and how soon."""
    if not strategies:
        return None
    head = tuple(words.say(TEXTS[key]) for key in ("strategy", "for", "owner", "due", "answer"))
    rows = tuple(
        (
            words.name(each.name),
            words.line(each.rule),
            words.say(ROLES.get(each.owner_role, (each.owner_role,) * 2)),
            str(each.due_days),
            "" if each.response_hours is None else f"{each.response_hours:g}",
        )
        for each in strategies
    )
    return Section(words.say(TEXTS["plan"]), (Table(head, rows),))


def _history(history: Sequence[Version], words: Words) -> Section:
    head = tuple(words.say(TEXTS[key]) for key in ("version", "from", "to", "by", "reason"))
    rows = tuple(
        (str(each.number), *_days(each, words), each.activated_by or "", each.reason or "")
        for each in history
    )
    return Section(words.say(TEXTS["history"]), (Table(head, rows),))
