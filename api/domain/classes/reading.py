"""A classification's document as its kind reads it: parts, with the path that messages name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from api.domain.classes.definitions import ClassValue
from api.domain.conditions import parse_condition
from api.domain.documents import LONGEST_NAME, Bilingual, bilingual
from api.domain.fields import Field, find_field, find_window, nearest, shown
from api.domain.rules import Rule, parse_rule
from api.domain.scores import HIGHEST
from api.errors import InvalidInput

RANK_PLACEHOLDER = [{"at_least": 0, "points": 0}]
"""A ranked criterion's steps are drawn from the customers, not written in the document."""


@dataclass(frozen=True)
class Reading:
    parts: Mapping[str, Any]
    values: tuple[ClassValue, ...]
    fields: Mapping[str, Field]
    exponent: int
    path: str

    def each_value(self) -> Iterator[tuple[ClassValue, Mapping[str, Any], str]]:
        for place, value in enumerate(self.values):
            yield value, self.parts["values"][place], f"{self.path}.values[{place}]"

    def place_of(self, key: object, path: str) -> int:
        keys = [each.key for each in self.values]
        if key not in keys:
            raise InvalidInput(f"{path}: there is no value {shown(key)}{nearest(key, keys)}.")
        return keys.index(str(key))

    def rule(self, document: object, path: str) -> Rule:
        return parse_rule(document, self.fields, self.exponent, path)

    def bilingual(self, content: object) -> Bilingual:
        return bilingual(content, f"{self.path}.name", LONGEST_NAME)

    def measure(self, parts: Mapping[str, Any] | None = None, path: str | None = None) -> Field:
        """The field called `measure`, over `window_days` where that is given."""
        parts, path = parts or self.parts, path or self.path
        if "window_days" in parts:
            field = find_window(parts["measure"], parts["window_days"], self.fields, path)
        else:
            field = find_field(parts["measure"], self.fields, f"{path}.measure")
        if field.type not in ("number", "money"):
            raise InvalidInput(f"{path}.measure: {field.name} is not a number or an amount.")
        return field

    def amount(self, parts: Mapping[str, Any], name: str, field: Field, path: str) -> float:
        """A threshold on a measure; money in minor units."""
        self._require(parts, name, path)
        value = parts[name]
        return parse_condition(field, "gte", value, self.exponent, f"{path}.{name}").threshold

    def share(self, parts: Mapping[str, Any], name: str, path: str) -> Fraction:
        """A share between 0 and 1, exactly as it is written."""
        self._require(parts, name, path)
        value = parts[name]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
            return Fraction(repr(value))
        raise InvalidInput(f"{path}.{name}: takes a share between 0 and 1, not {shown(value)}.")

    def points(self, parts: Mapping[str, Any], name: str, path: str) -> float:
        self._require(parts, name, path)
        value = parts[name]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= HIGHEST:
            return float(value)
        raise InvalidInput(f"{path}.{name}: takes 0 to {HIGHEST:g} points, not {shown(value)}.")

    def positive(self, name: str) -> float:
        value = self.parts[name]
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6:
            return value
        raise InvalidInput(f"{self.path}.{name}: takes a number above 0, not {shown(value)}.")

    def refuse(self, parts: Mapping[str, Any], name: str, path: str, why: str) -> None:
        if name in parts:
            raise InvalidInput(f"{path}.{name}: is left out here: {why}.")

    def criteria(self) -> tuple[Any, frozenset[str]]:
        """The criteria with placeholders for those that go by rank, and the keys of these."""
        content = self.parts["criteria"]
        if not isinstance(content, list):
            return content, frozenset()
        found, ranked = [], set()
        for place, each in enumerate(content):
            path = f"{self.path}.criteria[{place}]"
            if isinstance(each, Mapping) and "rank" in each:
                if each["rank"] != "highest":
                    raise InvalidInput(f"{path}.rank: takes highest, not {shown(each['rank'])}.")
                field = find_field(each.get("field"), self.fields, f"{path}.field")
                if field.type not in ("number", "money"):
                    raise InvalidInput(f"{path}.rank: {field.name} is not a number or an amount.")
                ranked.add(str(each.get("key")))
                each = {name: part for name, part in each.items() if name != "rank"}
                each["steps"] = RANK_PLACEHOLDER
            found.append(each)
        return found, frozenset(ranked)

    def _require(self, parts: Mapping[str, Any], name: str, path: str) -> None:
        if name not in parts:
            raise InvalidInput(f"{path}: lacks the entry {name!r}.")
