"""The one rule tree of filters, segments, policies and strategies.

A comparison with a missing value is false, and `not` is the plain complement of that, so a rule
is always either true or false. Thresholds of `gte` and `lte` are inclusive. Texts are compared
by code point, case-sensitive; `contains` looks for the literal text.

A document is one of
    {all: [...]}  {any: [...]}  {not: ...}  {field: NAME, op: OPERATOR, value: ...}
or, shorter, {NAME: {OPERATOR: value, ...}, ...}, {NAME: value} for `eq`, {NAME: [...]} for `in`;
what stands side by side there must all hold. `{all: []}` is everyone. A field that has windows may
be asked for over one: {field: net_spend, window_days: 84, ...} is the field net_spend_84d.
`api.db.rules` compiles the same tree to SQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from api.domain.conditions import Columns, Condition, Mask, parse_condition
from api.domain.fields import Field, find_field, find_window, shown
from api.errors import InvalidInput

DEEPEST = 12
MOST_PARTS = 300


@dataclass(frozen=True)
class AllOf:
    """Every part holds; with no parts, everyone is meant."""

    parts: tuple[Rule, ...]

    def mask(self, columns: Columns) -> Mask:
        return Masks(columns).of(self)

    def conditions(self) -> Iterator[Condition]:
        for part in self.parts:
            yield from part.conditions()

    def to_document(self) -> dict[str, Any]:
        return {"all": [part.to_document() for part in self.parts]}


@dataclass(frozen=True)
class AnyOf:
    parts: tuple[Rule, ...]

    def mask(self, columns: Columns) -> Mask:
        return Masks(columns).of(self)

    def conditions(self) -> Iterator[Condition]:
        for part in self.parts:
            yield from part.conditions()

    def to_document(self) -> dict[str, Any]:
        return {"any": [part.to_document() for part in self.parts]}


@dataclass(frozen=True)
class Not:
    part: Rule

    def mask(self, columns: Columns) -> Mask:
        return Masks(columns).of(self)

    def conditions(self) -> Iterator[Condition]:
        yield from self.part.conditions()

    def to_document(self) -> dict[str, Any]:
        return {"not": self.part.to_document()}


Rule = Condition | AllOf | AnyOf | Not
EVERYONE: Rule = AllOf(())


def fields_of(*rules: Rule) -> dict[str, Field]:
    """The fields that rules read, by name, in the order of first mention."""
    return {each.field.name: each.field for rule in rules for each in rule.conditions()}


class Masks:
    """Evaluates rules on one set of columns; a condition that several rules share is read once."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.size = len(next(iter(columns.values()))) if columns else 0
        self._known: dict[Condition, Mask] = {}

    def of(self, rule: Rule) -> Mask:
        """Where the rule holds. The array may be shared: don't change it."""
        if isinstance(rule, Condition):
            if rule not in self._known:
                self._known[rule] = rule.mask(self.columns)
            return self._known[rule]
        if isinstance(rule, Not):
            return ~self.of(rule.part)
        result = np.full(self.size, isinstance(rule, AllOf))
        for part in rule.parts:
            if isinstance(rule, AllOf):
                result &= self.of(part)
            else:
                result |= self.of(part)
        return result


def parse_rule(
    document: object, fields: Mapping[str, Field], exponent: int, path: str = "rule"
) -> Rule:
    """Read a rule; `exponent` is the base currency's (USD 2, JPY 0, KWD 3).

    Raises:
        InvalidInput: names the path in the document, the field and the nearest known name.
    """
    return _Parser(fields, exponent).parse(document, path, 0)


class _Parser:
    """Counts the parts as it reads them, so that no document can be larger than it looks."""

    def __init__(self, fields: Mapping[str, Field], exponent: int) -> None:
        self._fields = fields
        self._exponent = exponent
        self._parts = 0

    def parse(self, document: object, path: str, depth: int) -> Rule:
        self._count(path)
        if depth > DEEPEST:
            raise InvalidInput(f"{path}: a rule may be nested {DEEPEST} levels deep, not deeper.")
        if not isinstance(document, Mapping) or not document:
            raise InvalidInput(
                f"{path}: a rule is {{all: [...]}}, {{any: [...]}}, {{not: ...}} or "
                f"{{field: ..., op: ..., value: ...}}, not {shown(document)}."
            )
        for word in ("all", "any", "not"):
            if word in document:
                if len(document) > 1:
                    raise InvalidInput(
                        f"{path}: nothing may stand beside {word!r}; use all: [...]."
                    )
                return self._branch(word, document[word], f"{path}.{word}", depth)
        if "field" in document:
            return self._long_form(document, path)
        return self._short_form(document, path)

    def _count(self, path: str) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise InvalidInput(f"{path}: a rule may have {MOST_PARTS} parts, not more.")

    def _branch(self, word: str, content: object, path: str, depth: int) -> Rule:
        if word == "not":
            return Not(self.parse(content, path, depth + 1))
        if not isinstance(content, list | tuple):
            raise InvalidInput(f"{path}: takes a list of rules, not {shown(content)}.")
        if word == "any" and not content:
            raise InvalidInput(f"{path}: an empty list would select nobody.")
        parts = tuple(
            self.parse(each, f"{path}[{place}]", depth + 1) for place, each in enumerate(content)
        )
        return AllOf(parts) if word == "all" else AnyOf(parts)

    def _long_form(self, document: Mapping[Any, object], path: str) -> Rule:
        if set(document) - {"window_days"} != {"field", "op", "value"}:
            raise InvalidInput(
                f"{path}: a condition has exactly field, op and value (and window_days, where a "
                "field has windows)."
            )
        field = self._field(document["field"], document, path)
        return parse_condition(field, document["op"], document["value"], self._exponent, path)

    def _field(self, name: object, beside: Mapping[Any, object], path: str) -> Field:
        if "window_days" in beside:
            return find_window(name, beside["window_days"], self._fields, path)
        return find_field(name, self._fields, path)

    def _short_form(self, document: Mapping[Any, object], path: str) -> Rule:
        parts: list[Rule] = []
        for name, content in document.items():
            inner = f"{path}.{name}"
            field = self._field(name, content if isinstance(content, Mapping) else {}, path)
            if isinstance(content, Mapping):
                comparisons = [(op, value) for op, value in content.items() if op != "window_days"]
                if not comparisons:
                    raise InvalidInput(f"{inner}: says no operator, such as {{gte: 1}}.")
            else:
                comparisons = [("in" if isinstance(content, list | tuple) else "eq", content)]
            for op, value in comparisons:
                self._count(inner)
                parts.append(parse_condition(field, op, value, self._exponent, inner))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))
