"""The segments a customer is in now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

from api.db.ahead import relations as rel
from api.db.ahead.levels import Level
from api.graphql.ahead.reasons import REASON, Stored, kept
from api.graphql.ahead.shapes import Access, Arguments, Documents, Given, Many, Shape, Value
from api.graphql.ahead.values import day, worded


def _reasons(given: Given) -> Callable[[Any], list[Stored]]:
    """A customer whom somebody put in by hand has a cause without reasons."""
    keep = kept(given.context)
    return lambda cause: keep(cause.get("reasons", ()))


def _rows(level: Level, _arguments: Arguments, access: Access) -> Select[Any]:
    return rel.segments_of(level, access.hidden_segments)


SEGMENTS = Many(
    Shape(
        "CustomerSegment",
        {
            "key": Value((rel.SEGMENT.c.key,)),
            "name": Value((rel.SEGMENT.c.name_en, rel.SEGMENT.c.name_zh), worded),
            "since": Value((rel.STAY.c.entered_on,), day),
            "reasons": Documents(REASON, (rel.STAY_CAUSE,), _reasons),
        },
    ),
    rel.segments_level,
    _rows,
)
