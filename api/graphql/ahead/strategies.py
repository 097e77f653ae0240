"""Strategies recommended to a customer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

from api.db.ahead import relations as rel
from api.db.ahead.levels import Level
from api.graphql.ahead.reasons import REASON, shown
from api.graphql.ahead.shapes import (
    Access,
    Arguments,
    Documents,
    Given,
    Many,
    One,
    Rows,
    Shape,
    Value,
)
from api.graphql.ahead.values import flag, identity, major, wording
from api.graphql.strategies import MOST_RECOMMENDATIONS

KEY, PRIORITY = 0, 1
"""Places in each row of advice."""


def _kept(given: Given) -> Callable[[Rows], Rows]:
    """What rests on what the caller may not know is left out, and the rest counted anew."""
    hidden = given.context.hidden_strategies

    def keep(rows: Rows) -> Rows:
        left = [row for row in rows if row[KEY] not in hidden]
        if len(left) < len(rows):
            for place, row in enumerate(left, 1):
                row[PRIORITY] = place
        return left

    return keep


def _rows(level: Level, arguments: Arguments, _access: Access) -> Select[Any]:
    level.join(rel.ADVISED)
    return rel.advice_for(level, arguments.get("first", MOST_RECOMMENDATIONS))


def _accepts(arguments: Arguments) -> bool:
    first: int = arguments.get("first", MOST_RECOMMENDATIONS)
    return 1 <= first <= MOST_RECOMMENDATIONS


def _due_on(_given: Given) -> Callable[[str, int], str]:
    def due(as_of: str, days: int) -> str:
        return (dt.date.fromisoformat(as_of) + dt.timedelta(days=int(days))).isoformat()

    return due


def _part(name: str, convert: Callable[[Given], Callable[..., Any]] | None = None) -> Value:
    return Value((rel.strategy_part(name),), convert)


STRATEGY = Shape(
    "Strategy",
    {
        "id": Value((rel.STRATEGY.c.id,), identity("Strategy")),
        "key": Value((rel.STRATEGY.c.key,)),
        "version": Value((rel.STRATEGY.c.version,)),
        "active": Value((rel.STRATEGY.c.active,), flag),
        "name": _part("name", wording),
        "description": _part("description", wording),
        "action": _part("action"),
        "channel": _part("channel"),
        "ownerRole": _part("owner_role"),
        "dueDays": _part("due_days", lambda _given: int),
        "conflictGroup": _part("conflict_group"),
        "consentPurpose": _part("consent_purpose"),
        "variant": _part("variant"),
    },
)
RECOMMENDATIONS = Many(
    Shape(
        "Recommendation",
        {
            "priority": Value((rel.ADVICE.c.priority,)),
            "strategy": One(STRATEGY, rel.STRATEGY.c.key),
            "reasons": Documents(REASON, (rel.ADVICE_REASONS,), shown),
            "expectedGain": Value((rel.ADVICE.c.expected_gain_minor,), major),
            "dueOn": Value(
                (rel.RUN.c.as_of, rel.strategy_part("due_days")), _due_on, rel.DECIDED_IN
            ),
        },
    ),
    rel.advice_level,
    _rows,
    always=(rel.STRATEGY.c.key, rel.ADVICE.c.priority),
    kept=_kept,
    accepts=_accepts,
)
