"""An explanation in words, for those who decide and for the customer; English and Chinese."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.domain.fields import Field
from api.domain.texts import (
    Language,
    render,
    render_gap,
    shown_percent,
    shown_value,
)
from api.domain.tiers.explanations import CONTRIBUTION, ActionEffect, Explanation
from api.domain.tiers.what_if import DOWN, Change, direction_of

Json = Mapping[str, Any]
ActionText = Callable[[tuple[str, ...], Language], str]


@dataclass(frozen=True)
class Words:
    """Renders one explanation; `actions` has the words for what mining says to do."""

    explanation: Explanation
    language: Language
    currency: str
    actions: ActionText

    def pick(self, en: str, zh: str) -> str:
        return en if self.language == "en" else zh

    def tier(self, key: str | None) -> str:
        if key is None:
            return self.pick("no tier", "无等级")
        tier = self.explanation.policy.document.tier(key)
        return key if tier is None else tier.name.text(self.language)

    def value(self, value: Any, field: Field) -> str:
        return shown_value(value, field, self.language, self.currency, self.explanation.exponent)

    def reasons(self) -> list[str]:
        return [
            self._reason(each)
            for each in self.explanation.stored.reasons
            if each["code"] != CONTRIBUTION
        ]

    def contributions(self) -> list[str]:
        found = self.explanation.contributions
        return [self._reason({"code": CONTRIBUTION, "params": each}) for each in found]

    def _reason(self, reason: Json) -> str:
        explanation = self.explanation
        tiers = {tier.key: tier.name for tier in explanation.policy.document.tiers}
        return render(
            reason,
            self.language,
            self.currency,
            explanation.exponent,
            explanation.known_fields,
            tiers,
        )

    def gap(self, part: Json | None) -> list[str]:
        """What a gap or a margin lists, as sentences."""
        explanation = self.explanation
        return [
            render_gap(
                each, self.language, self.currency, explanation.exponent, explanation.known_fields
            )
            for each in (part or {}).get("conditions", ())
        ]

    def margin(self) -> list[str]:
        """What keeps the tier: how much of each measure there is to lose."""
        fields = self.explanation.known_fields
        return [
            self.pick(
                "{label}: {current}, kept from {needed}", "{label}：{current}，保级线 {needed}"
            ).format(
                label=field.label(self.language),
                current=self.value(each["current"], field),
                needed=self.value(each["needed"], field),
            )
            for each in (self.explanation.stored.margin or {}).get("conditions", ())
            if (field := fields.get(each["field"])) is not None
            and not isinstance(each["needed"], list)
        ]

    def measures(self) -> list[str]:
        colon = self.pick(": ", "：")
        return [
            f"{field.label(self.language)}{colon}{self.value(value, field)}"
            for field, value in self.explanation.measures
        ]

    def change(self, change: Change) -> str:
        field = change.field
        needed = int(change.needed) if field.whole else change.needed
        current = (
            None if change.current is None else self.value(_whole(change.current, field), field)
        )
        downwards = direction_of(field) == DOWN
        text = self.pick(
            "{label} {word} {needed} instead of {current} alone would give {tier}",
            "仅{label}由 {current} {word} {needed}，即可达到{tier}",
        )
        return text.format(
            label=field.label(self.language),
            word=self.pick(
                "of at most" if downwards else "of at least", "降至" if downwards else "升至"
            ),
            needed=self.value(needed, field),
            current=current or self.pick("nothing known", "未知"),
            tier=self.tier(change.tier),
        )

    def effect(self, effect: ActionEffect) -> str:
        hint = effect.hint
        text = self.pick(
            "{what} would lower the risk from {before} to {after}; the tier would be {tier}",
            "{what}：流失风险可由 {before} 降至 {after}，等级为{tier}",
        )
        return text.format(
            what=self.actions(hint.actions, self.language),
            before=shown_percent(hint.before),
            after=shown_percent(hint.after),
            tier=self.tier(effect.tier),
        )

    def day(self, day: dt.date) -> str:
        return day.isoformat()


def _whole(value: float, field: Field) -> float:
    return int(value) if field.whole else value


def summary(words: Words) -> Iterator[tuple[str, list[str]]]:
    """The explanation as titled lists, for a terminal."""
    explanation, pick = words.explanation, words.pick
    stored = explanation.stored
    yield (
        pick(
            f"{words.tier(stored.tier)} since {stored.since}",
            f"{words.tier(stored.tier)}，自 {stored.since} 起",
        ),
        [],
    )
    yield pick("Why", "原因"), words.reasons()
    yield pick("Points", "得分"), words.contributions()
    yield pick("Measures used", "所用指标"), words.measures()
    gap = stored.gap
    if gap is not None:
        yield (
            pick(f"Missing for {words.tier(gap['tier'])}", f"距{words.tier(gap['tier'])}还差"),
            words.gap(gap),
        )
    yield pick("What keeps the tier", "保级依据"), words.margin()
    yield (
        pick("What would change it", "如何改变"),
        [
            *(words.change(each) for each in explanation.changes),
            *(words.effect(each) for each in explanation.effects),
        ],
    )
    if stored.override is not None:
        by_hand = stored.override
        yield (
            pick("Set by hand", "人工设定"),
            [
                pick(
                    f"{by_hand.reason} (by {by_hand.author}, until {by_hand.expires_on})",
                    f"{by_hand.reason}（{by_hand.author}，有效期至 {by_hand.expires_on}）",
                )
            ],
        )
    yield pick("Decided by", "判定依据"), list(_sources(words))


def _sources(words: Words) -> Iterator[str]:
    explanation = words.explanation
    stored, run = explanation.stored, explanation.stored.run
    name = explanation.policy.document.name.text(words.language)
    policy = stored.policy
    yield words.pick(
        f"Policy {name} ({policy.key}, version {policy.version})",
        f"规则：{name}（{policy.key}，第 {policy.version} 版）",
    )
    yield words.pick(
        f"Models {' and '.join(run.models)}; run {run.id} as of {run.as_of}",
        f"模型：{'、'.join(run.models)}；第 {run.id} 次运行，数据截至 {run.as_of}",
    )
    equal = not explanation.flaws
    yield words.pick(
        "Replayed from the stored inputs: equal" if equal else "Replayed: NOT EQUAL",
        "用已存数据重新判定：结果一致" if equal else "重新判定：结果不一致",
    )
