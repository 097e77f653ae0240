"""What the page says about the classes that a policy reads, with their published cut-offs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from api.domain.classes import Classification
from api.domain.classes.bands import Bands
from api.domain.classes.rfm import Rfm
from api.domain.classes.ruled import Rules
from api.domain.classes.shares import CumulativeShare
from api.domain.policy_page.blocks import Block, Section, Table
from api.domain.policy_page.words import Words, exact_percent
from api.domain.rules import EVERYONE

TEXTS = MappingProxyType(
    {
        "value": ("Class", "类别"),
        "condition": ("Who is in it", "条件"),
        "from": ("{measure} from {value} on", "{measure}不低于 {value}"),
        "nobody": ("nobody at present", "目前无人"),
        "rest": ("All others", "其余客户"),
        "share": (
            "Those who together bring the first {share} ({found})",
            "合计贡献前 {share} 的客户（{found}）",
        ),
        "score": ("Score by {measure}", "{measure}评分"),
        "cuts": ("Cut-offs, from the worst score to the best", "分界值（由低分到高分）"),
        "by_hand": ("Set by people", "由人工设定"),
        "otherwise": ("Who fits no other", "不符合其他类别者"),
        "undrawn": (
            "drawn from all customers at the first refresh",
            "首次刷新时根据全部客户划定",
        ),
        "among": ("Counted among: {rule}.", "统计范围：{rule}。"),
    }
)


def class_section(
    classification: Classification, cutoffs: Mapping[str, Any] | None, words: Words
) -> Section:
    """`cutoffs` are those of the latest refresh, None before the first."""
    blocks: list[Block] = [words.name(classification.description)]
    if classification.among != EVERYONE:
        rule = words.line(classification.among)
        blocks.append(words.say(TEXTS["among"], rule=rule))
    blocks.append(_table(classification, cutoffs, words))
    return Section(words.name(classification.name), tuple(blocks))


def _table(
    classification: Classification, cutoffs: Mapping[str, Any] | None, words: Words
) -> Table:
    kind = classification.kind
    if isinstance(kind, Rfm):
        return _scores(kind, cutoffs, words)
    if isinstance(kind, Bands | CumulativeShare):
        conditions = _bounds(classification, kind, cutoffs, words)
    elif isinstance(kind, Rules):
        conditions = _rules(classification, kind, words)
    else:
        conditions = [""] * len(classification.values)
    names = [words.name(each.name) for each in classification.values]
    if not any(conditions):
        return Table((words.say(TEXTS["value"]),), tuple((name,) for name in names))
    head = (words.say(TEXTS["value"]), words.say(TEXTS["condition"]))
    return Table(head, tuple(zip(names, conditions, strict=True)))


def _bounds(
    classification: Classification,
    kind: Bands | CumulativeShare,
    cutoffs: Mapping[str, Any] | None,
    words: Words,
) -> list[str]:
    shares = dict(kind.shares) if isinstance(kind, CumulativeShare) else {}
    texts = []
    for each in classification.values[:-1]:
        if cutoffs is None:
            text = words.say(TEXTS["undrawn"])
        elif cutoffs.get(each.key) is None:
            text = words.say(TEXTS["nobody"])
        else:
            value = words.value(kind.measure, cutoffs[each.key])
            text = words.say(TEXTS["from"], measure=words.label(kind.measure), value=value)
        if each.key in shares:
            share = exact_percent(float(shares[each.key]))
            text = words.say(TEXTS["share"], share=share, found=text)
        texts.append(text)
    return [*texts, words.say(TEXTS["rest"])]


def _rules(classification: Classification, kind: Rules, words: Words) -> list[str]:
    by_place = {place: words.line(rule) for place, rule in kind.rules}
    by_place.setdefault(kind.otherwise, words.say(TEXTS["otherwise"]))
    by_hand = words.say(TEXTS["by_hand"])
    return [by_place.get(place, by_hand) for place in range(len(classification.values))]


def _scores(kind: Rfm, cutoffs: Mapping[str, Any] | None, words: Words) -> Table:
    rows = []
    for name, scale in kind.scales:
        drawn: Sequence[Any] | None = None if cutoffs is None else cutoffs.get(name)
        shown = (
            words.say(TEXTS["undrawn"])
            if drawn is None
            else words.joined([words.value(scale.measure, each) for each in drawn])
        )
        title = words.say(TEXTS["score"], measure=words.label(scale.measure))
        rows.append((title, shown))
    return Table((words.say(TEXTS["value"]), words.say(TEXTS["cuts"])), tuple(rows))
