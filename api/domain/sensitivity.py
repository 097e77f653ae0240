"""Which documents rest on sensitive attributes: what they say of people is personal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from api.domain.conditions import Condition
from api.domain.fields import Field
from api.domain.rules import parse_rule
from api.errors import InvalidInput


def rests_on_sensitive(conditions: Iterable[Condition], segments: frozenset[str]) -> bool:
    """Whether one of the conditions reads a sensitive field, or one of these segments."""
    return any(
        each.field.sensitive or (each.field.many and not segments.isdisjoint(each.values))
        for each in conditions
    )


def sensitive_rules(
    rules: Mapping[str, object],
    fields: Mapping[str, Field],
    exponent: int,
    segments: frozenset[str] = frozenset(),
) -> frozenset[str]:
    """The keys of the rules that rest on sensitive fields or on these segments.

    A rule that can't be read any more counts as one: nobody can say what it rests on.
    """
    found = set()
    for key, document in rules.items():
        try:
            conditions = list(parse_rule(document, fields, exponent).conditions())
        except InvalidInput:
            found.add(key)
            continue
        if rests_on_sensitive(conditions, segments):
            found.add(key)
    return frozenset(found)


def sensitive_segments(
    rules: Mapping[str, object], fields: Mapping[str, Field], exponent: int
) -> frozenset[str]:
    """The same for segments, which may read each other."""
    found: frozenset[str] = frozenset()
    while (more := sensitive_rules(rules, fields, exponent, found)) != found:
        found = more
    return found
