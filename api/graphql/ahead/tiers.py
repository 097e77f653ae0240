"""The present tier of a customer, and past ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from api.db.ahead import relations as rel
from api.db.ahead.json_rows import json_value
from api.db.ahead.levels import Column
from api.graphql.ahead.reasons import NAMES, REASON, Stored, kept
from api.graphql.ahead.shapes import Documents, Given, One, Paged, Shape, Value
from api.graphql.ahead.steps import Missing
from api.graphql.ahead.values import day, worded
from api.graphql.context import Context, PolicyFacts
from api.graphql.tier_history import OF_CUSTOMER


def _policy(context: Context, number: int) -> PolicyFacts:
    """The policy that decided; versions never change, so what is remembered of one is true.

    Raises:
        Missing: it is newer than what is remembered.
    """
    found = context.business.policies.get(number)
    if found is None:
        raise Missing
    return found


def _speaks_of_its_policy(reason: Stored) -> bool:
    params = reason["params"]
    return "tier" in params or params.get("field", "").startswith("score.")


def _reasons(given: Given) -> Callable[[Any, int], list[Stored]]:
    context, keep = given.context, kept(given.context)

    def named(reason: Stored, policy: int) -> Stored:
        if not _speaks_of_its_policy(reason):
            return reason
        return {**reason, NAMES: _policy(context, policy).names}

    def read(content: Any, policy: int) -> list[Stored]:
        found = content if given.nested else json.loads(content)
        return [named(reason, policy) for reason in keep(found)]

    return read


def _name(given: Given) -> Callable[[str | None, int], str | None]:
    context, word = given.context, worded(given)

    def name(key: str | None, policy: int) -> str | None:
        found = _policy(context, policy).names.tiers.get(key or "")
        return key if found is None else word(found.en, found.zh)

    return name


def _key(given: Given) -> Callable[[int], str]:
    return lambda policy: _policy(given.context, policy).key


def _version(given: Given) -> Callable[[int], int]:
    return lambda policy: _policy(given.context, policy).version


def _tier(table: Any, reasons: Column) -> Shape:
    columns, policy = table.c, rel.latest_policy(table)
    return Shape(
        "CustomerTier",
        {
            "tier": Value((columns.tier_key,)),
            "since": Value((columns.since,), day),
            "until": Value((columns.ended_on,), day),
            "watchSince": Value((columns.watch_since,), day),
            "watchUntil": Value((columns.watch_until,), day),
            "reasons": Documents(REASON, (reasons, policy), _reasons),
            "name": Value((columns.tier_key, policy), _name),
            "policy": Value((policy,), _key),
            "version": Value((policy,), _version),
        },
    )


TIER = One(_tier(rel.TIER, rel.latest_reasons(rel.TIER)), rel.TIER.c.id, rel.TIERED)
HISTORY = Paged(
    _tier(rel.PAST, json_value(rel.latest_reasons(rel.PAST))),
    OF_CUSTOMER,
    rel.PAST,
    rel.PAST.c.customer_id,
    rel.MEMBER,
)
