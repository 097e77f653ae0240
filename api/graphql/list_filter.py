"""Filters of lists: inputs of comparisons, joined by and, or, not, as rules of the one tree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strawberry import UNSET

from api.db.listings import Asked, Listed, Where
from api.db.rules import rule_to_sql
from api.domain.fields import Field
from api.domain.rules import AllOf, AnyOf, Not, Rule
from api.errors import InvalidInput
from api.graphql.comparisons import conditions, given, spelled
from api.graphql.context import Context
from api.graphql.ordering import levels
from api.graphql.pagination import Listing

DEEPEST = 8
MOST_FILTERS = 200
MOST_CONDITIONS = 100
MOST_VALUES = 2_000


def check_size(filters: int, depth: int) -> None:
    """Raises:
    InvalidInput: a filter is nested too deeply, or made of too many.
    """
    if depth > DEEPEST:
        raise InvalidInput(f"A filter may be nested {DEEPEST} levels deep.")
    if filters > MOST_FILTERS:
        raise InvalidInput(f"A filter may be made of {MOST_FILTERS} filters.")


@dataclass
class ListFilter:
    """Reads one filter; counts on the way what it is made of."""

    fields: Mapping[str, Field]
    exponent: int
    filters: int = 0

    def rule(self, each: object, path: str = "filter", depth: int = 1) -> Rule:
        """Raises:
        InvalidInput: it is nested too deeply, too large, or compares what can't be compared.
        """
        self.filters += 1
        check_size(self.filters, depth)
        parts = [
            self._part(name, value, f"{path}.{spelled(name)}", depth)
            for name, value in given(each, path)
        ]
        return AllOf(tuple(parts))

    def _part(self, name: str, value: Any, path: str, depth: int) -> Rule:
        if name in ("and_", "or_"):
            parts = tuple(
                self.rule(each, f"{path}[{place}]", depth + 1) for place, each in enumerate(value)
            )
            return AllOf(parts) if name == "and_" else AnyOf(parts)
        if name == "not_":
            return Not(self.rule(value, path, depth + 1))
        return AllOf(tuple(conditions(name, value, path, self.fields, self.exponent)))


def _where(filter: object | None, listed: Listed, context: Context) -> Where | None:
    if filter is None:
        return None
    rule = ListFilter(listed.fields, context.exponent).rule(filter)
    found = list(rule.conditions())
    if len(found) > MOST_CONDITIONS:
        raise InvalidInput(f"A filter may have {MOST_CONDITIONS} conditions.")
    if sum(len(each.values) for each in found) > MOST_VALUES:
        raise InvalidInput(f"A filter may name {MOST_VALUES:,} values.")
    return rule_to_sql(rule, context.business.installation.time_zone)


def ask(
    name: str,
    listed: Listed,
    context: Context,
    bounds: tuple[Any, ...],
    filter: object | None,
    order_by: Any,
) -> tuple[Listing, Asked]:
    """What a reader asks of a list; `bounds` are first, after, last and before.

    Raises:
        InvalidInput: the filter, the order or the bounds can't be used.
    """
    order = levels(order_by)
    where, keys = _where(filter, listed, context), listed.keys(order)
    wish = "" if filter is None and not order else f"/{list(order)}/{filter_name(filter)}"
    listing = Listing(f"{name}{wish}", keys, context.cursors)
    return listing, Asked(listing.request(*bounds), wish, where, keys)


def filter_name(each: object) -> str:
    """A text that is equal for equal filters and only for those."""
    return json.dumps(_plain(each), sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(type(value), "__strawberry_definition__"):
        named = vars(value).items()
        return {name: _plain(each) for name, each in named if each is not UNSET}
    return value
