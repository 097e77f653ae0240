"""The segments a customer is in now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

from api.db.ahead import relations as rel
from api.db.ahead.levels import Level
from api.graphql.access import PERSONAL
from api.graphql.ahead.reasons import REASON, Stored, kept
from api.graphql.ahead.shapes import (
    Access,
    Arguments,
    Documents,
    Given,
    Many,
    Shape,
    Unplanned,
    Value,
)
from api.graphql.ahead.values import day, worded


def _reasons(given: Given) -> Callable[[Any], list[Stored]]:
    """A customer whom somebody put in by hand has a cause without reasons."""
    keep = kept(given.context)
    return lambda cause: keep(cause.get("reasons", ()))


def _rows(level: Level, _arguments: Arguments, access: Access) -> Select[Any]:
    """Who may read personal ones leaves a note where they do, which is the usual way's business."""
    if access.personal_segments and access.caller.may(PERSONAL.scope):
        raise Unplanned
    return rel.segments_of(level, access.personal_segments)


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
