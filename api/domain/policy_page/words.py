"""Rules in words: an outline of what must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from api.domain.conditions import Condition
from api.domain.documents import Bilingual
from api.domain.fields import Field
from api.domain.policy_page.blocks import Entry
from api.domain.rules import EVERYONE, AllOf, AnyOf, Not, Rule
from api.domain.texts import NEEDS, Language, shown_value

PHRASES = MappingProxyType(
    {
        "all": ("All of these hold", "须同时满足"),
        "any": ("At least one of these holds", "满足以下任一条件"),
        "not": ("This does not hold", "不得出现以下情况"),
        "everyone": ("Every customer", "所有客户"),
        "others": ("All other customers", "其他所有客户"),
        "condition": ("{label}: {needed}", "{label}{needed}"),
        "or": (" or ", "或"),
        "and": ("; ", "；"),
        "beside": (" or: ", "；或："),
        "except": ("except where {rule}", "但{rule}者除外"),
        "known": ("known", "已知"),
        "unknown": ("not known", "未知"),
    }
)


def exact_percent(share: float) -> str:
    """A threshold as a percentage, unrounded: whoever is measured against it can check."""
    return f"{share * 100:.6f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True)
class Words:
    """Texts in one language and currency."""

    language: Language
    currency: str
    exponent: int
    segments: Mapping[str, Bilingual] = field(default_factory=dict)
    """Names of segments by key; one without stands for itself."""

    @property
    def chinese(self) -> bool:
        return self.language != "en"

    def say(self, text: tuple[str, str], **values: object) -> str:
        return text[self.chinese].format(**values)

    def name(self, text: Bilingual) -> str:
        return text.text(self.language)

    def label(self, read: Field) -> str:
        return read.label(self.language)

    def value(self, read: Field, value: Any) -> str:
        if read.many and value in self.segments:
            return self.name(self.segments[value])
        if read.unit == "probability" and isinstance(value, int | float):
            return exact_percent(value)
        return shown_value(value, read, self.language, self.currency, self.exponent)

    def joined(self, texts: list[str]) -> str:
        return "、".join(texts) if self.chinese else ", ".join(texts)

    def condition(self, condition: Condition) -> str:
        read = condition.field
        if condition.op == "is_null":
            needed = self.say(PHRASES["unknown" if condition.value else "known"])
        else:
            shown = [self.value(read, each) for each in condition.values]
            needed = NEEDS[condition.op][self.chinese].format(
                needed=PHRASES["or"][self.chinese].join(shown)
            )
        return self.say(PHRASES["condition"], label=self.label(read), needed=needed)

    def outline(self, rule: Rule) -> Entry:
        """The rule as lines below each other."""
        if isinstance(rule, Condition):
            return Entry(self.condition(rule))
        if rule == EVERYONE:
            return Entry(self.say(PHRASES["everyone"]))
        if isinstance(rule, Not):
            return Entry(self.say(PHRASES["not"]), (self.outline(rule.part),))
        if len(rule.parts) == 1:
            return self.outline(rule.parts[0])
        word = "all" if isinstance(rule, AllOf) else "any"
        return Entry(self.say(PHRASES[word]), tuple(map(self.outline, rule.parts)))

    def line(self, rule: Rule) -> str:
        """The rule in one line, for a table's cell."""
        if isinstance(rule, Condition):
            return self.condition(rule)
        if rule == EVERYONE:
            return self.say(PHRASES["everyone"])
        if isinstance(rule, Not):
            return self.say(PHRASES["except"], rule=self._inside(rule.part))
        word = "and" if isinstance(rule, AllOf) else "beside"
        inside: Callable[[Rule], str] = self.line if len(rule.parts) == 1 else self._inside
        return self.say(PHRASES[word]).join(map(inside, rule.parts))

    def _inside(self, rule: Rule) -> str:
        several = isinstance(rule, AllOf | AnyOf) and len(rule.parts) > 1
        if not several:
            return self.line(rule)
        return f"（{self.line(rule)}）" if self.chinese else f"({self.line(rule)})"
