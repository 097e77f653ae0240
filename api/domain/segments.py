"""Segments: named rules, their members, and what let each member in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from api.domain.conditions import Columns, Mask
from api.domain.documents import (
    Bilingual,
    description_of,
    entries,
    key_of,
    name_of,
    require_unique,
)
from api.domain.fields import FIELDS, SEGMENT, Field
from api.domain.reasons import (
    JsonColumns,
    Texts,
    assemble,
    columns_at,
    condition_reason,
    json_of,
    met,
)
from api.domain.rules import Masks, Rule, fields_of, parse_rule
from api.errors import InvalidInput


@dataclass(frozen=True)
class SegmentDefinition:
    key: str
    name: Bilingual
    description: Bilingual
    rule: Rule


def parse_segment(
    document: object,
    exponent: int,
    fields: Mapping[str, Field] = FIELDS,
    path: str = "segment",
) -> SegmentDefinition:
    """Read `{key, name, description, when}`.

    Raises:
        InvalidInput: names the path and the way out.
    """
    parts = entries(document, path, ("key", "name", "description", "when"))
    key = key_of(parts, path)
    rule = parse_rule(parts["when"], fields, exponent, f"{path}.when")
    if SEGMENT.name in fields_of(rule):
        raise InvalidInput(f"{path}.when: a segment can't depend on segments; repeat their rule.")
    return SegmentDefinition(key, name_of(parts, path), description_of(parts, path), rule)


def parse_segments(
    documents: Iterable[object], exponent: int, fields: Mapping[str, Field] = FIELDS
) -> tuple[SegmentDefinition, ...]:
    parsed = [
        parse_segment(document, exponent, fields, f"segments[{place}]")
        for place, document in enumerate(documents)
    ]
    require_unique([each.key for each in parsed], "segments")
    return tuple(parsed)


def members(definitions: Iterable[SegmentDefinition], columns: Columns) -> dict[str, Mask]:
    """By segment, which customers belong to it."""
    masks = Masks(columns)
    return {each.key: masks.of(each.rule) for each in definitions}


def membership_columns(by_segment: Mapping[str, Mask]) -> dict[str, Mask]:
    """Memberships as the columns that rules on `segment` read."""
    return {f"{SEGMENT.name}.{key}": mask for key, mask in by_segment.items()}


def causes_json(definition: SegmentDefinition, columns: Columns) -> Texts:
    """For each member, in the order of rows, `{"segment": key, "reasons": [...]}` as JSON.

    The reasons have the code `segment.condition_met`; a segment of everyone has none.
    """
    fields = fields_of(definition.rule)
    picked = columns_at(columns, fields, np.flatnonzero(definition.rule.mask(columns)))
    masks = Masks(picked)
    where = np.ones(masks.size, dtype=bool)
    pieces = [
        condition_reason("segment.condition_met", each)
        for each in met(definition.rule, masks, where)
    ]
    opening = f'{{"segment":{json_of(definition.key)},"reasons":['
    return assemble(pieces, where, JsonColumns(picked, fields), opening, "]}")
